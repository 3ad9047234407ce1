"""The scripts that use magnetic potentials: dynamics, exchange, learning curves and labels to be computed anew."""

from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from spin_study import SETTINGS, SPECIES, data, ensemble, run, well

from lodestone import config
from lodestone.artifacts.exchange import Exchange
from lodestone.artifacts.spin_dynamics import SpinDynamics
from lodestone.artifacts.spin_learning import NEVER, TEST, SpinLearning
from lodestone.artifacts.structure_set import StructureSet
from lodestone.spin_potential import learning
from lodestone.spin_potential.calculator import SpinCalculator
from lodestone.spin_potential.configurations import Configurations
from lodestone.spin_potential.equilibration import equilibrate_moments
from lodestone.spin_potential.evaluation import evaluate

SECTION = config.defaults()["spin_potential"]
NAMES = [key for key in SECTION["dynamics"] if key not in ("solutes", "cells")]
EDGE_A, SOLUTES = 2.75, 3
DYNAMICS = {
    **{key: SECTION["dynamics"][key] for key in NAMES}, "cells": 2, "steps": 30, "sample_interval": 4,
    "state_interval": 10, "lattice_A": EDGE_A, "solute_expansion": 0.04, "host_moment_muB": 1.4,
    "solute_moment_muB": 1.3,
}  # fmt: skip
LEARNING = {**SETTINGS, "initial": 4, "per_round": 2, "rounds": 2, "test_fraction": 0.25, "max_iterations": 3}
EXCHANGE_EV = (0.01, 0.02)


class Cut(BaseException):
    """The end of a process."""


@pytest.fixture(scope="module")
def fits(tmp_path_factory):
    """Two potentials of one ensemble, from two jobs; species are alike, exchange is not."""
    folder = tmp_path_factory.mktemp("ensemble")
    return [ensemble(folder / f"{k}.h5", potential(value)) for k, value in enumerate(EXCHANGE_EV)]


def potential(exchange_eV, **options):
    return well(exchange=exchange_eV, species=SPECIES, bond_eV=0.4, **options)


def simulate(folder, fits, member=0):
    output = str(folder / "dynamics.h5")
    wildcards = {"solutes": str(SOLUTES), "member": str(member)}
    log = run(folder, "simulate_spin_dynamics", {"fits": fits}, {"dynamics": output}, DYNAMICS,
              {"names": NAMES}, **wildcards)  # fmt: skip
    return output, log


@pytest.fixture(scope="module")
def simulated(fits, tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("whole"), fits, member=1)[0]


def test_dynamics_begin_at_the_alloy_of_the_settings_with_the_member_that_was_asked_for(simulated, fits):
    found = SpinDynamics.read(simulated)
    SpinDynamics.verify_parents(simulated, fits)
    assert (found.atom_count, found.member, found.solute_fraction) == (16, 1, SOLUTES / 16)
    assert (found.reason, found.steps_done, found.magnetic_weight) == ("", 30, 0.1)
    assert found.step.tolist() == list(range(0, 31, 4)) and found.converged.all()
    edge = EDGE_A * (1 + 0.04 * SOLUTES / 16)
    assert found.lattice_A()[0] == pytest.approx(edge, rel=1e-12)
    # Species are alike, so that the crystal of the start is bcc, wherever its solutes are.
    crystal = Configurations.from_atoms([bulk("Fe", a=edge)], SPECIES, [np.array([1.4])])
    for value in EXCHANGE_EV:
        known = potential(value)
        energy = evaluate(known, equilibrate_moments(known, crystal).configurations).energy_eV[0]
        # A magnetic force of 1e-4 eV / mu_B that is left costs some 1e-8 eV an atom.
        assert (found.potential_eV[0] == pytest.approx(16 * energy, abs=1e-5)) == (value == EXCHANGE_EV[1])


def test_dynamics_go_on_after_an_interruption_to_the_same_bytes(simulated, fits, tmp_path, monkeypatch):
    real, calls = SpinCalculator.calculate, []

    def cut(self, *arguments, **options):
        calls.append(1)
        if len(calls) == 25:
            raise Cut
        real(self, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(SpinCalculator, "calculate", cut)
        with pytest.raises(Cut):
            simulate(tmp_path, fits, member=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dynamics.h5.state", "simulate_spin_dynamics.log"]
    output, log = simulate(tmp_path, fits, member=1)
    assert "goes on after 20 of 30 steps" in log
    assert (tmp_path / "dynamics.h5").read_bytes() == Path(simulated).read_bytes()
    assert not (tmp_path / "dynamics.h5.state").exists()
    # The state of another potential is another run's.
    assert SpinDynamics.read(output).provenance != SpinDynamics.read(simulate(tmp_path, fits)[0]).provenance


def couple(folder, fits, member, **changes):
    output = str(folder / "exchange.h5")
    settings = {"range_A": 10.0, "lattice_A": 2.8, "host_moment_muB": 1.4, **changes}
    log = run(folder, "compute_spin_exchange", {"fits": fits}, {"exchange": output}, settings, member=str(member))
    return Exchange.read(output), log


def expected_meV(found, exchange_eV):
    """J of ``E = - exchange sum over i != j of phi_1(r) m_i m_j`` in the state of the artifact."""
    made, r = potential(exchange_eV), np.linalg.norm(found.bond_vector_A, axis=1)
    x = (2 * r - made.r_min_A - made.r_cut_A) / (made.r_cut_A - made.r_min_A)
    phi = np.where(r < made.r_cut_A, x * made.scaling * (made.r_cut_A - r) ** 2, 0.0)
    return 1e3 * exchange_eV * phi * found.moment_muB[0] ** 2


@pytest.mark.parametrize("member, exchange_eV", list(enumerate(EXCHANGE_EV)))
def test_exchange_is_that_of_the_pairs_of_the_member(fits, tmp_path, member, exchange_eV):
    found, log = couple(tmp_path, fits, member)
    Exchange.verify_parents(tmp_path / "exchange.h5", fits)
    assert found.name == f"Fe, potential {member}" and found.atomic_number.tolist() == [26]
    assert f"Fe: relaxed, {found.moment_muB[0]:.3f} mu_B" in log
    # Wells are even in the moments and leave no coupling; energies of some eV are rounded to 1e-16 of them.
    expected = expected_meV(found, exchange_eV)
    np.testing.assert_allclose(found.bond_meV, expected, atol=1e-9)
    lengths = np.linalg.norm(found.bond_vector_A, axis=1)
    assert 9.0 < lengths.max() < 10.0 and np.abs(expected).max() > 1.0
    assert "J_0 from one reversed moment: " in log
    # J_0 of a bilinear model is the sum of all couplings of a site.
    assert f"reversed moment: {found.bond_meV.sum():.1f} meV held" in log


@pytest.mark.parametrize(
    "options, said",
    [({"exchange_eV": -0.02}, "the volume became"), ({"exchange_eV": 0.1, "bottom": 0.2}, "relaxed to a moment of")],
)
def test_without_a_moment_at_rest_couplings_are_those_of_the_start(tmp_path, options, said):
    """A crystal that collapses, and one whose moments vanish."""
    found, log = couple(tmp_path, [ensemble(tmp_path / "0.h5", potential(**options))], 0, lattice_A=2.9)
    assert said in log and "taken as at the start" in log
    assert found.moment_muB.tolist() == [1.4] and found.volume_A3 == pytest.approx(2.9**3 / 2)
    np.testing.assert_allclose(found.bond_meV, expected_meV(found, options["exchange_eV"]), atol=1e-9)


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    path = tmp_path_factory.mktemp("labels") / "data.h5"
    data(24, free=3).write(path)
    return str(path)


def learn(folder, labels, repeat=0):
    output = folder / f"{repeat}.h5"
    inputs, outputs = {"data": labels}, {"learning": str(output)}
    return output, run(folder, "learn_spin_potential", inputs, outputs, LEARNING, repeat=str(repeat))


@pytest.fixture(scope="module")
def learned(labels, tmp_path_factory):
    return learn(tmp_path_factory.mktemp("learning"), labels)


def test_learning_curves_have_the_numbers_of_labels_of_the_settings(learned, labels):
    output, log = learned
    found = SpinLearning.read(output)
    SpinLearning.verify_parents(output, [labels])
    assert found.label_count.tolist() == [[4, 6, 8]] * 2
    counts = [[np.count_nonzero(line == k) for k in (0, 1, 2, NEVER, TEST)] for line in found.round_of]
    assert counts == [[4, 2, 2, 24 - 8 - 6, 6]] * 2
    assert np.isfinite(found.test_rmse).all() and found.magnetic_weight == 0.1
    assert "asked, 8 labels" in log and "random, 8 labels" in log


def test_a_repeat_begins_from_other_labels(learned, labels, tmp_path):
    first, second = SpinLearning.read(learned[0]), SpinLearning.read(learn(tmp_path, labels, 1)[0])
    assert (first.round_of == TEST).any(axis=0).tolist() != (second.round_of == TEST).any(axis=0).tolist()
    assert first.provenance.key != second.provenance.key


def test_learning_goes_on_after_an_interruption_to_the_same_bytes(learned, labels, tmp_path, monkeypatch):
    fit, calls = learning.fit, []

    def cut(*given):
        calls.append(1)
        if len(calls) == 5:
            raise Cut
        return fit(*given)

    monkeypatch.setattr(learning, "fit", cut)
    with pytest.raises(Cut):
        learn(tmp_path, labels)
    output, _ = learn(tmp_path, labels)
    # Four of six fits were done and are not repeated; the fifth is begun again.
    assert len(calls) == 5 + 2
    assert output.read_bytes() == learned[0].read_bytes()


def test_points_are_held_configurations_of_the_data_as_they_are(labels, tmp_path):
    output = str(tmp_path / "points.h5")
    log = run(tmp_path, "build_spin_points", {"data": labels}, {"crystals": output}, {"recomputed": 4})
    found, whole = StructureSet.read(output), data(24, free=3)
    StructureSet.verify_parents(output, [labels])
    names = found.names()
    held = [name for name, free in zip(whole.names(), whole.equilibrium, strict=True) if not free]
    assert len(names) == 4 and set(names) <= set(held)
    assert f"computed anew: {', '.join(names)}" in log
    for row, name in enumerate(names):
        k = whole.names().index(name)
        atoms = slice(whole.atom_offset[k], whole.atom_offset[k + 1])
        np.testing.assert_array_equal(found.moment_muB[found.sites(row)], whole.moment_muB[atoms])
        np.testing.assert_array_equal(found.lattice_A[row], whole.cell_A[k])
    run(tmp_path, "build_spin_points", {"data": labels}, {"crystals": output}, {"recomputed": 4}, {"seed": 8})
    assert StructureSet.read(output).names() != names
    run(tmp_path, "build_spin_points", {"data": labels}, {"crystals": output}, {"recomputed": 99})
    assert StructureSet.read(output).names() == held
