"""Monte Carlo of classical spins: exact limits, the simple cubic model, alloys and sublattices."""

import logging
import time

import numpy as np
import pytest
from test_exchange import PROVENANCE, doubled, iron, simple_cubic

from lodestone.artifacts.curie import Curie, CurieStatus
from lodestone.kkr import binder_crossing, curie, lanes, monte_carlo, vector_math
from lodestone.kkr.exchange import from_bonds
from lodestone.kkr.monte_carlo import Points, Sampling
from lodestone.magnetism import kuzmin
from lodestone.magnetism.units import K_B_MEV

LOG = logging.getLogger("test")


def langevin(x):
    return 1 / np.tanh(x) - 1 / x


def lattice(exchange, cells, seed=1, occupation=None):
    return lanes.Lattice(monte_carlo.bonds_of(exchange), cells, np.random.SeedSequence(seed), occupation)


def spins_of(lat):
    """Spins back in their places, (sublattice, z, y, x, axis), without the halo."""
    (gz, gy, gx), (bz, by, bx), (rz, ry, rx) = lat.grid, lat.block, lat.reach
    inner = lat.spin.reshape(-1, *lat.extended, 3, gz * gy * gx)
    inner = inner[:, rz : rz + bz, ry : ry + by, rx : rx + bx].reshape(-1, bz, by, bx, 3, gz, gy, gx)
    return inner.transpose(0, 5, 1, 6, 2, 7, 3, 4).reshape(len(inner), gz * bz, gy * by, gx * bx, 3)


def test_vector_functions_are_as_good_as_float32():
    x = np.linspace(1e-6, 1, 20001, dtype=np.float32)
    for function, exact, values in (
        (vector_math.log, np.log, x),
        (vector_math.exp_negative, np.exp, -20 * x),
        (lambda u: vector_math.circle(u)[1], lambda u: np.sin(2 * np.pi * u), x - np.float32(0.5)),
    ):
        found = np.array([function(value) for value in values[::40]])
        assert found == pytest.approx(exact(values[::40].astype(float)), rel=1e-6, abs=2e-6)


@pytest.mark.parametrize("kT", [0.1, 0.5, 2.0])
def test_one_neighbour_gives_langevin_and_every_spin_has_length_one(kT):
    """Spins of sublattice 0 in the field of fixed neighbours follow the Langevin function."""
    pair = from_bonds(
        lattice_A=np.eye(3), fractional=[[0, 0, 0], [0.5, 0.5, 0.5]], moment_muB=[1.0, 1.0], source=[0], target=[1],
        cell=[[0, 0, 0]], meV=[0.5], name="pair", provenance=PROVENANCE,
    )  # fmt: skip
    lat = lattice(pair, (16, 16, 16))
    lat.sweep(kT)
    mean = lat.sums()[0, 2] / 16**3
    spread = np.sqrt(1 - 2 * kT * langevin(1 / kT) - langevin(1 / kT) ** 2)
    assert mean == pytest.approx(langevin(1 / kT), abs=5 * spread / 64)  # five standard deviations of 4096 spins
    assert np.linalg.norm(spins_of(lat), axis=-1) == pytest.approx(1.0, abs=3e-5)


def test_free_spins_are_isotropic():
    alone = from_bonds(
        lattice_A=np.eye(3), fractional=[[0, 0, 0]], moment_muB=[1.0], source=[0], target=[0], cell=[[1, 0, 0]],
        meV=[0.0], name="free", provenance=PROVENANCE,
    )  # fmt: skip
    lat = lattice(alone, (32, 32, 32))
    lat.sweep(1.0)
    spins = spins_of(lat).reshape(-1, 3)
    assert spins.mean(axis=0) == pytest.approx(0, abs=5 / np.sqrt(3 * len(spins)))
    assert spins.T @ spins / len(spins) == pytest.approx(np.eye(3) / 3, abs=0.01)


@pytest.mark.parametrize("exchange", [simple_cubic(), doubled(-1.0), iron()], ids=lambda e: e.name)
def test_energy_is_that_of_a_plain_sum_and_over_relaxation_keeps_it(exchange):
    """Lanes, halo and permutations against numpy.roll over the whole lattice."""
    lat = lattice(exchange, (16, 8, 12))
    lat.randomise(np.random.default_rng(3))
    spins = spins_of(lat).astype(float)
    total = 0.0
    for i, j, n, J in zip(
        exchange.bond_source, exchange.bond_target, exchange.bond_cell, exchange.bond_meV, strict=True
    ):
        neighbour = np.roll(spins[j], (-n[2], -n[1], -n[0]), (0, 1, 2))
        total -= J * (spins[i] * neighbour).sum()
    size = np.abs(exchange.bond_meV).sum() * 16 * 8 * 12
    assert lat.energy_meV() == pytest.approx(total, abs=1e-6 * size)
    lat.sweep(10.0, heat_baths=0, over_relaxations=5)
    assert lat.energy_meV() == pytest.approx(total, abs=1e-5 * size)
    assert not np.allclose(spins_of(lat), spins, atol=0.1)


def test_low_temperature_follows_spin_waves():
    """1 - m = k_B T / (2 N) sum over q of 1 / (3 - sum of cosines) to first order in T; the next is a per cent here."""
    kT, edge = 0.05, 12
    point = monte_carlo.simulate(simple_cubic(), (edge,) * 3, kT / K_B_MEV, Sampling(1, 400, 100, 1), 1, 0)
    q = 2 * np.pi * np.arange(edge) / edge
    wave = 3 - np.cos(q)[:, None, None] - np.cos(q)[None, :, None] - np.cos(q)[None, None, :]
    loss = kT / 2 * (1 / wave.ravel()[1:]).sum() / edge**3
    assert 1 - point["order"].mean() == pytest.approx(loss, rel=0.03)


def test_simple_cubic_curie_temperature():
    """k_B T_C / J = 1.44292 (Chen, Ferrenberg and Landau, PRB 48, 3249 (1993)), within half a per cent."""
    points = Points(simple_cubic(), seed=2)
    found = binder_crossing.curie_temperature(points, Sampling(8192, 1500, 300, 5))
    assert found.Tc_K * K_B_MEV == pytest.approx(1.44292, rel=5e-3)
    assert found.error_K / found.Tc_K < 5e-3
    assert found.cells[1] == tuple(2 * n for n in found.cells[0])


def test_points_do_not_depend_on_order_threads_or_restarts():
    tasks = [((8, 8, 8), 15.0 + k, Sampling(1, 32, 8, 1)) for k in range(3)]
    recorded = {}
    one = Points(simple_cubic(), 7, 1, record=lambda k, point: recorded.update({k: point})).compute(tasks)
    two = Points(simple_cubic(), 7, 3, {1: recorded[1]}).compute(tasks)
    for a, b in zip(one, two, strict=True):
        assert {name: value.tolist() for name, value in a.items()} == {name: b[name].tolist() for name in a}


def alloy(share):
    """Simple cubic lattice, a share of its sites magnetic."""
    return from_bonds(
        lattice_A=np.eye(3), fractional=[[0, 0, 0]], moment_muB=[2.0, 0.0], source=[0] * 3, target=[0] * 3,
        cell=[[1, 0, 0], [0, 1, 0], [0, 0, 1]], meV=[0.5] * 3, name="alloy", provenance=PROVENANCE,
        component_site=np.array([0, 0]), concentration=np.array([share, 1 - share]),
    )  # fmt: skip


def test_alloys_have_their_atoms_on_a_share_of_the_sites():
    exchange = alloy(0.75)
    drawn = monte_carlo.occupation_of(exchange, (8, 8, 8), np.random.default_rng(0))
    assert drawn.reshape(2, -1).sum(axis=1).tolist() == [384, 128]
    assert drawn.sum(axis=0).tolist() == np.ones((8, 8, 8), int).tolist()
    lat = lattice(exchange, (8, 8, 8), occupation=drawn)
    lat.sweep(1.0, 3, 1)
    assert np.linalg.norm(spins_of(lat), axis=-1) == pytest.approx(drawn.astype(float), abs=3e-5)
    point = monte_carlo.simulate(exchange, (8, 8, 8), 0.2 / K_B_MEV, Sampling(1, 64, 32, 1), 1, 0)
    moment, _ = monte_carlo.moment_per_cell_muB(exchange, point)
    assert 1.2 < moment < 1.5  # up to 0.75 of 2 mu_B


def test_antiparallel_sublattices_with_a_4f_moment():
    """A ferrimagnet: moments are counted along the order, the 4f shell's with its sign."""
    base = doubled(-1.0)
    exchange = from_bonds(
        lattice_A=base.lattice_A, fractional=base.fractional, moment_muB=[2.0, 0.5], source=base.bond_source,
        target=base.bond_target, cell=base.bond_cell, meV=base.bond_meV, name="ferri", provenance=PROVENANCE,
        f_moment_muB=np.array([0.0, 3.0]),
    )  # fmt: skip
    point = monte_carlo.simulate(exchange, (8, 8, 8), 0.1 / K_B_MEV, Sampling(1, 64, 32, 1), 1, 0)
    parts = point["moment_muB"].mean(axis=0)
    assert np.sign(parts[0]) == -np.sign(parts[1])
    assert abs(parts.sum()) == pytest.approx(1.5, rel=0.1)
    assert point["order"].mean() > 0.9


def test_cells_that_couplings_outreach_are_refused():
    with pytest.raises(ValueError, match="couplings reach"):
        lattice(iron(), (4, 8, 8))
    assert all(n >= 7 for n in monte_carlo.cells_for(iron(), 1))


def far_reaching():
    """A cell of 32 atoms whose couplings reach two cells: at least 8 x 8 x 8 cells, twice as many in the larger box."""
    places = np.stack(np.meshgrid(*[np.arange(4) / 4] * 2, [0.0, 0.5], indexing="ij"), -1).reshape(-1, 3)
    count = len(places)
    return from_bonds(
        lattice_A=10.0 * np.eye(3), fractional=places, moment_muB=[1.0] * count, source=[0, 0], target=[1, 2],
        cell=[[2, 2, 2], [0, 0, 0]], meV=[1.0, 5.0], name="large", provenance=PROVENANCE,
    )  # fmt: skip


def test_lattices_have_a_bound():
    told = (
        r"electronic_structure.exchange.curie.max_spins: found 100,000 where large needs 131,072 spins \(16 x 16 x 16 "
        r"cells of 32 atoms, \d+ MB .*as 1,000 were asked for and couplings reach 2, 2, 2 cells; allowed: more spins"
    )
    with pytest.raises(ValueError, match=told):
        curie.curie_temperature_K(far_reaching(), "monte_carlo", spins=1000, max_spins=100_000)
    settings = {"methods": ["mean_field", "monte_carlo"], "spins": 1000, "max_spins": 100_000, "sweeps": 16,
                "thermalisation": 0, "over_relaxations": 0, "temperatures": [0.5]}  # fmt: skip
    made = curie.compute(Points(far_reaching(), 1), settings, LOG)
    assert made["status"].tolist() == [CurieStatus.FOUND, CurieStatus.NOT_ASKED, CurieStatus.FAILED]
    assert "max_spins: found 100,000 where large needs 131,072" in made["message"]


def test_lattices_larger_than_asked_for_are_told(caplog):
    settings = {"methods": ["monte_carlo"], "spins": 64, "sweeps": 32, "thermalisation": 16, "over_relaxations": 1,
                "temperatures": []}  # fmt: skip
    made = curie.compute(Points(iron(), 1, 2), settings, LOG)
    assert "monte_carlo: 4,096 spins in place of 64, for the couplings reach far" in made["message"]
    assert "4,096 spins in place of 64" in caplog.text


def test_the_memory_of_a_lattice_is_known():
    lat = lattice(iron(), (16, 16, 16))
    expected = (lat.spin.nbytes + lat.spin[:, 0].nbytes) * 1e-6
    assert lanes.memory_MB(monte_carlo.bonds_of(iron()), (16, 16, 16)) == pytest.approx(expected)


def test_everything_of_a_crystal_in_one_artifact(tmp_path):
    settings = {
        "methods": ["mean_field", "rpa", "monte_carlo"], "spins": 4096, "sweeps": 200, "thermalisation": 60,
        "over_relaxations": 1, "temperatures": [0.3, 0.6, 0.8, 1.1],
    }  # fmt: skip
    made = Curie(**curie.compute(Points(simple_cubic(20.0), 1, 2), settings, LOG), provenance=PROVENANCE)
    made.write(tmp_path / "curie.h5")
    read = Curie.read(tmp_path / "curie.h5")
    assert (read.status == CurieStatus.FOUND).all()
    rpa_K, mc_K, mf_K = (read.curie_temperature_K(name) for name in ("rpa", "monte_carlo", "mean_field"))
    assert rpa_K < mc_K < mf_K
    assert read.moment_muB[0] > read.moment_muB[1] > read.moment_muB[2] > 2 * read.moment_muB[3]
    assert read.moment_0_muB == 1.0
    assert (read.has_kuzmin, read.kuzmin_rms_muB < 0.1) == (1, True)
    law = kuzmin.fit(read.temperature_K, read.moment_muB, mc_K, M0=1.0)  # s belongs to the full moment that is used
    assert (read.kuzmin_s, read.kuzmin_rms_muB) == pytest.approx((law.s, law.rms))


def test_a_million_updates_are_quick():
    """The aim is 50 million a second and core (tests/benchmarks/spins.py); a tenth of it is asked of a busy machine."""
    lat = lattice(simple_cubic(), (32, 32, 32))
    lat.sweep(1.4, 1, 1)
    began = time.process_time()
    for _ in range(20):
        lat.sweep(1.4, 1, 1)
    assert 20 * 2 * 32**3 / (time.process_time() - began) > 5e6
