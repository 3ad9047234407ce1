"""Molecular dynamics of magnetic potentials: runs that are cut off, and bad ends."""

import dataclasses
import logging

import numpy as np
import pytest
from ase import units
from crystals import PROVENANCE
from spin_crystals import potential as random_potential

from lodestone.artifacts import atomic
from lodestone.artifacts.spin_dynamics import SpinDynamics
from lodestone.spin_potential import dynamics
from lodestone.spin_potential.calculator import SpinCalculator
from lodestone.spin_potential.configurations import ConfigurationError
from lodestone.spin_potential.dynamics import DynamicsSettings, packed, random_alloy, simulate
from lodestone.spin_potential.dynamics_state import SAMPLED, StateFile
from lodestone.spin_potential.potential import SpinPotential

LOG = logging.getLogger("test")


def magnet(depth=0.4174, bottom=1.5, m_max=3.0):
    """Fe and Al that are the same: Morse's pairs for Fe, double wells of the moments, and exchange.

    Girifalco and Weizer (Phys. Rev. 114, 687): depth 0.4174 eV, range 1 / 1.3885 A, distance 2.845 A.
    """
    size, cut = 10, 5.0
    made = SpinPotential.random(
        ("Fe", "Al"), level_number=2, magnetic_size=5, rng=np.random.default_rng(0), radial_size=size, m_max_muB=m_max
    )
    distance = np.linspace(2.0, cut, 400)[:-1]
    decay = np.exp(-1.3885 * (distance - 2.845))
    basis = np.polynomial.chebyshev.chebvander((2 * distance - 2.0 - cut) / (cut - 2.0), size - 1)
    basis *= ((cut - distance) ** 2)[:, None]
    morse = np.linalg.lstsq(basis, 0.5 * depth * (decay**2 - 2 * decay), rcond=None)[0]
    # Polynomials in both moments in the Chebyshev basis, by interpolation at its nodes.
    nodes = np.cos(np.pi * (np.arange(5) + 0.5) / 5)
    inverse = np.linalg.inv(np.polynomial.chebyshev.chebvander(nodes, 4))
    squares = (m_max * nodes) ** 2
    wells = 0.004 * (squares[:, None] + squares - 2 * bottom**2) ** 2
    exchange = 0.01 * m_max**2 * np.outer(nodes, nodes)
    radial = np.zeros((size, 5, 5))
    radial[:, 0, 0] = morse
    radial[0] += inverse @ wells @ inverse.T
    # The second radial function is negative among near neighbours and changes with the distance as the first does not.
    radial[1] += inverse @ exchange @ inverse.T
    return dataclasses.replace(
        made,
        radial_coefficients=np.broadcast_to(radial, (2, 2, 1, size, 5, 5)).copy(),
        moment_coefficients=np.ones(1),
        species_energies=np.array([-3400.0, -60.0]),
    )


SHORT = DynamicsSettings(steps=60, sample_interval=7, state_interval=10, thermostat_fs=50.0, barostat_fs=200.0)
MOMENTS = {"Fe": 1.4, "Al": 1.2}


def begin(seed=3, lattice_A=2.82):
    """Crystal, moments and the generator that drew them, as a job makes them."""
    rng = np.random.default_rng(seed)
    return *random_alloy("Fe", "Al", 5, lattice_A, MOMENTS, rng, repeat=2), rng


def simulated(path, made=None, settings=SHORT, key="key", start=None):
    atoms, moments, rng = start or begin()
    return simulate(made or magnet(), atoms, moments, settings, rng, path, key, LOG)


def same(one, other):
    for name in SAMPLED:
        np.testing.assert_array_equal(one.samples[name], other.samples[name], err_msg=name)
    for get in ("get_positions", "get_momenta", "get_initial_magnetic_moments"):
        np.testing.assert_array_equal(getattr(one.atoms, get)(), getattr(other.atoms, get)())
    np.testing.assert_array_equal(one.atoms.cell.array, other.atoms.cell.array)
    assert (one.steps_done, one.reason) == (other.steps_done, other.reason)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return simulated(tmp_path_factory.mktemp("whole") / "state")


def test_a_run_keeps_its_crystal_and_conserves_energy(whole):
    samples = whole.samples
    assert whole.reason == "" and whole.steps_done == 60
    assert samples["step"].tolist() == [0, 7, 14, 21, 28, 35, 42, 49, 56]
    assert samples["converged"].all()
    # Heat flows between motion, springs and chains: 5 % of what flows is lost to the time step at most.
    assert np.ptp(samples["conserved_eV"]) < 0.05 * np.ptp(samples["potential_eV"])
    assert np.ptp(samples["volume_A3"]) > 0.01
    assert np.ptp(samples["host_moment_muB"]) > 1e-4
    assert samples["volume_A3"][0] == pytest.approx(8 * 2.82**3)


class Cut(Exception):
    pass


@pytest.mark.parametrize("calls", [2, 14, 35, 61])
def test_a_run_that_is_cut_off_goes_on_to_the_same_bits(tmp_path, monkeypatch, whole, calls):
    """Cut off within any step, also before the first state and in the last step."""
    real, made = SpinCalculator.calculate, []

    def cut(self, *arguments, **options):
        made.append(1)
        if len(made) == calls:
            raise Cut
        real(self, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(SpinCalculator, "calculate", cut)
        with pytest.raises(Cut):
            simulated(tmp_path / "state")
    before = len(made)
    with monkeypatch.context() as patch:
        patch.setattr(SpinCalculator, "calculate", lambda self, *a, **k: (made.append(1), real(self, *a, **k)))
        same(simulated(tmp_path / "state"), whole)
    # The first call is of the start; of the others, all but those since the last state are spared.
    done = (calls - 2) // 10 * 10
    assert len(made) - before == (60 - done if done else 61)


def test_a_run_that_is_cut_off_while_its_state_is_written_goes_on_from_the_last(tmp_path, monkeypatch, whole):
    real, written = atomic._sync, []

    def cut(path):
        written.append(path)
        if len(written) == 5:
            raise Cut
        real(path)

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "_sync", cut)
        with pytest.raises(Cut):
            simulated(tmp_path / "state")
    assert StateFile(tmp_path / "state", "key", LOG).load().step == 20
    same(simulated(tmp_path / "state"), whole)


def test_a_finished_run_is_not_run_again_and_states_of_others_are_ignored(tmp_path, monkeypatch, whole):
    simulated(tmp_path / "state")
    monkeypatch.setattr(SpinCalculator, "calculate", None)
    same(simulated(tmp_path / "state"), whole)
    with pytest.raises(TypeError):
        simulated(tmp_path / "state", key="another")
    file = StateFile(tmp_path / "state", "key", LOG)
    assert file.load().step == 60
    file.remove()
    assert list(tmp_path.iterdir()) == [] and file.load() is None


def test_numbers_drawn_after_a_run_do_not_depend_on_where_it_began(tmp_path):
    drawn = []
    for _ in range(2):
        start = begin()
        simulated(tmp_path / "state", start=start)
        drawn.append(start[2].random())
    assert drawn[0] == drawn[1]


def test_velocities_are_those_of_the_temperature_and_the_crystal_rests():
    atoms, _, rng = begin()
    atoms = atoms.repeat(5)
    momentum = dynamics._momenta(atoms, 300.0, rng)
    np.testing.assert_allclose(momentum.sum(axis=0), 0.0, atol=1e-9)
    for symbol in ("Fe", "Al"):
        chosen = atoms.symbols == symbol
        twice = (momentum[chosen] ** 2).sum(axis=1) / atoms.get_masses()[chosen]
        # Of N atoms: sqrt(2 / 3N), four times.
        assert twice.mean() == pytest.approx(3 * units.kB * 300.0, rel=4 * np.sqrt(2 / (3 * chosen.sum())))


def test_bad_ends_are_told_and_samples_until_then_are_kept(tmp_path, monkeypatch):
    swollen = simulated(tmp_path / "a", magnet(depth=-0.4174))
    assert "the volume became" in swollen.reason and "allowed: 0.7 to 1.4" in swollen.reason
    assert 0 < swollen.steps_done < 60
    assert len(swollen.samples["step"]) == swollen.steps_done // 7 + 1
    assert all(np.isfinite(values).all() for values in swollen.samples.values())
    same(simulated(tmp_path / "a", magnet(depth=-0.4174)), swollen)

    bound = simulated(tmp_path / "b", magnet(bottom=3.5))
    assert bound.reason == "at the start: 16 moments reached the potential's bound of 3 mu_B"
    assert bound.steps_done == 0 and len(bound.samples["step"]) == 0

    real, calls = SpinCalculator.calculate, []

    def broken(self, *arguments, **options):
        real(self, *arguments, **options)
        calls.append(1)
        if len(calls) > 10:
            self.results["forces"][3, 1] = np.nan

    with monkeypatch.context() as patch:
        patch.setattr(SpinCalculator, "calculate", broken)
        nothing = simulated(tmp_path / "c")
    assert nothing.reason == "after step 9: energy, forces, stress or moments are not numbers"
    monkeypatch.setattr(dynamics, "MAX_TEMPERATURE_K", 100.0)
    assert simulated(tmp_path / "d").reason.startswith("after step 0: the temperature became")


def test_moments_that_do_not_converge_are_marked_in_the_next_sample(tmp_path, monkeypatch):
    real, calls = SpinCalculator.calculate, []

    def lost(self, *arguments, **options):
        real(self, *arguments, **options)
        calls.append(1)
        if len(calls) == 11:
            self.converged = False

    monkeypatch.setattr(SpinCalculator, "calculate", lost)
    assert simulated(tmp_path / "state").samples["converged"].tolist() == [1, 1, 0, 1, 1, 1, 1, 1, 1]


def test_a_jump_of_the_moments_is_not_extrapolated(tmp_path, monkeypatch):
    begun, real = [], SpinCalculator.calculate

    def jumping(self, atoms=None, *arguments, **options):
        begun.append(atoms.get_initial_magnetic_moments())
        real(self, atoms, *arguments, **options)
        if len(begun) == 5:
            self.results["magmoms"] = self.results["magmoms"] * np.where(np.arange(16) == 2, -1.0, 1.0)

    monkeypatch.setattr(SpinCalculator, "calculate", jumping)
    found = simulated(tmp_path / "state", settings=dataclasses.replace(SHORT, steps=6))
    assert found.reason == ""
    # From 1.5 down to -1.5 mu_B; a straight line would lead to the bound.
    assert begun[4][2] > 1.3 and -1.7 < begun[5][2] < -1.3
    # Elsewhere the moments go on as they went: by steps that are much alike.
    steps = np.diff(np.delete(begun[2:6], 2, axis=1), axis=0)
    assert np.abs(steps[2]).max() > 1e-4
    assert np.abs(steps[2] - steps[1]).max() < 0.5 * np.abs(steps[1]).max()


def test_alloys_have_their_solutes_on_random_sites():
    one, moments = random_alloy("Fe", "Al", 16, 2.87, MOMENTS, np.random.default_rng(1))
    other, _ = random_alloy("Fe", "Al", 16, 2.87, MOMENTS, np.random.default_rng(2))
    assert len(one) == 128 and one.get_volume() == pytest.approx(64 * 2.87**3)
    is_solute = one.symbols == "Al"
    assert is_solute.sum() == 16 and (is_solute != (other.symbols == "Al")).any()
    np.testing.assert_array_equal(moments, np.where(is_solute, 1.2, 1.4))
    with pytest.raises(ConfigurationError, match="solute_count: found 128, allowed: 0 to 127"):
        random_alloy("Fe", "Al", 128, 2.87, MOMENTS, np.random.default_rng(1))


def test_refusals_come_before_the_run(tmp_path):
    with pytest.raises(ConfigurationError, match="time_step_fs: found 0, allowed: above 0"):
        DynamicsSettings(steps=10, time_step_fs=0)
    atoms, moments, rng = begin()
    with pytest.raises(ConfigurationError, match="found a moment of 4"):
        simulated(tmp_path / "state", start=(atoms, moments + 3.0, rng))
    with pytest.raises(ConfigurationError, match="found Al, the potential knows Fe, Co"):
        simulated(tmp_path / "state", random_potential(species=("Fe", "Co")))
    with pytest.raises(ConfigurationError, match="found no Co, expected some"):
        simulated(tmp_path / "state", random_potential(species=("Co", "Fe")))


def test_the_artifact_holds_the_run_and_comes_back_from_disc(tmp_path):
    settings = dataclasses.replace(SHORT, steps=42)
    found = simulated(tmp_path / "state", settings=settings)
    made = packed(
        found, settings, magnet(), member=3, magnetic_weight=0.1, labels_from="a model", provenance=PROVENANCE
    )
    made.write(tmp_path / "dynamics.h5")
    read = SpinDynamics.read(tmp_path / "dynamics.h5")
    for name in SAMPLED:
        np.testing.assert_array_equal(getattr(read, name), found.samples[name])
    assert (read.solute_fraction, read.atom_count, read.member) == (5 / 16, 16, 3)
    assert (read.steps, read.steps_done, read.level, read.magnetic_size) == (42, 42, 2, 5)
    assert (read.temperature_target_K, read.time_step_fs, read.reason) == (300.0, 2.0, "")
    # The last step is the last sample.
    np.testing.assert_allclose(read.lattice_A()[[0, -1]], [2.82, found.atoms.cell.lengths()[0] / 2], rtol=1e-12)
