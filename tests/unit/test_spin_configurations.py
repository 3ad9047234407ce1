"""Orderings of the alloy, perturbed crystals and snapshots for magnetic potentials."""

import numpy as np
import pytest

from lodestone import config
from lodestone.artifacts.base import Provenance
from lodestone.structures import alloys, readers, spin_configurations
from lodestone.structures.errors import StructureError

SECTION = config.defaults()["spin_potential"]
SETTINGS = {"host": SECTION["host"], "solute": SECTION["solute"], **SECTION["data"]}
PROVENANCE = Provenance.of("test", 0, {}, [], 1)


def streams(number):
    return np.random.default_rng(number)


def orderings(**changes):
    return alloys.orderings({**SETTINGS, **changes}, streams, PROVENANCE)


@pytest.fixture(scope="module")
def crystals():
    return readers.unpack(orderings())


def test_orderings_of_small_cells_are_the_known_ones():
    # Fe, B2, and of two cells on top of each other: one ordering with one solute, one new one with two.
    assert orderings().names() == ["Fe2-1", "Al1Fe1-1", "Al1Fe3-1", "Al2Fe2-1"]
    assert orderings(max_solute_fraction=0.25).names() == ["Fe2-1", "Al1Fe3-1"]


def test_edges_grow_with_the_solute_and_moments_are_those_of_the_elements():
    made = orderings(cells=[[1, 1, 1]], solute_expansion=0.1)
    pure, mixed = made.structures()
    assert pure.lattice.a == pytest.approx(2.83) and mixed.lattice.a == pytest.approx(2.83 * 1.05)
    moments = {"Fe": SETTINGS["host_moment_muB"], "Al": SETTINGS["solute_moment_muB"]}
    assert all(site.properties["magmom"] == moments[site.specie.symbol] for site in mixed)


def test_large_cells_get_fewer_configurations_and_nothing_is_lost(crystals):
    shares = spin_configurations.shares(crystals, 270)
    assert sum(shares) == 270 and shares[0] == shares[1] and shares[2] == shares[3]
    assert shares[0] == pytest.approx(8 * shares[2], rel=0.05)


def held(crystals, **changes):
    made = spin_configurations.perturbed(crystals, {**SETTINGS, "perturbed": 200, **changes}, streams, PROVENANCE)
    assert len(made) == 200 and made.has_moment.all()
    return made, made.atomic_number == 26


def test_held_moments_scatter_around_equilibrium_and_those_of_solutes_a_tenth_as_far(crystals):
    made, iron = held(crystals, wide=0.0)
    spread = SETTINGS["moment_spread_muB"]
    # Each iron atom has a deviation of its own and one that the crystal's atoms share.
    for deviation, expected in (
        (made.moment_muB[iron] - SETTINGS["host_moment_muB"], np.sqrt(2) * spread),
        (made.moment_muB[~iron] - SETTINGS["solute_moment_muB"], 0.1 * spread),
    ):
        assert np.std(deviation) == pytest.approx(expected, rel=0.2)  # 200 and more draws
        assert abs(np.mean(deviation)) < 4 * expected / np.sqrt(200)


def test_a_share_of_the_held_moments_is_anywhere_and_some_are_reversed(crystals):
    made, iron = held(crystals, wide=1.0, flips=0.0)
    low, high = SETTINGS["moment_range_muB"]
    spread = SETTINGS["moment_spread_muB"]
    moments = made.moment_muB[iron]
    assert low - 4 * spread < moments.min() < 0.7 and 2.3 < moments.max() < high + 4 * spread
    flipped, _ = held(crystals, wide=1.0, flips=1.0)
    np.testing.assert_array_equal(flipped.moment_muB[iron], -moments)
    near, _ = held(crystals, wide=0.0)
    some, _ = held(crystals, wide=0.15)
    assert 0 < np.mean(some.moment_muB != near.moment_muB) < 0.3


def test_a_moment_that_the_host_induces_follows_the_mean_of_the_host(crystals):
    made, iron = held(crystals, wide=1.0, flips=0.5)
    free = SETTINGS["solute_moment_muB"] / SETTINGS["host_moment_muB"]
    for k in range(len(made)):
        atoms = slice(made.site_offset[k], made.site_offset[k + 1])
        moments, host = made.moment_muB[atoms], iron[atoms]
        induced = free * moments[host].mean()
        # A tenth of the host's spread is drawn on top: five standard deviations of it.
        assert np.abs(moments[~host] - induced).max(initial=0.0) < 0.5 * SETTINGS["moment_spread_muB"]


def test_atoms_moved_along_one_edge_keep_right_angles_and_their_mirrors(crystals):
    settings = {**SETTINGS, "perturbed": 40}
    made = spin_configurations.perturbed(crystals, {**settings, "one_axis": 1.0}, streams, PROVENANCE)
    angles = np.array([structure.lattice.angles for structure in made.structures()])
    np.testing.assert_allclose(angles, 90.0, atol=1e-9)
    edges = set()
    for k in range(len(made)):
        places = 4 * made.fractional[made.site_offset[k] : made.site_offset[k + 1]]
        moved = np.abs(places - np.round(places)).max(axis=0) > 1e-6
        assert moved.sum() == 1 and (len(places) == 2 or moved[2])  # four atoms: two cells on top of each other
        edges.add((len(places), int(np.argmax(moved))))
    assert edges == {(2, 0), (2, 1), (2, 2), (4, 2)}
    moved = spin_configurations.perturbed(crystals, {**settings, "one_axis": 0.0}, streams, PROVENANCE)
    assert not np.allclose(moved.fractional, made.fractional, atol=1e-3)
    again = spin_configurations.perturbed(crystals, {**settings, "one_axis": 0.0}, streams, PROVENANCE)
    assert again.fractional.tobytes() == moved.fractional.tobytes()


def test_snapshots_follow_the_relaxed_crystals_and_move_as_far_as_heat_does(crystals):
    settings = {**SETTINGS, "snapshots": 4, "snapshot_interval": 5}
    made = spin_configurations.snapshots(crystals[:2], settings, streams, PROVENANCE)
    assert made.names() == ["Fe2-1", "Al1Fe1-1", *(f"{n}-1+t{k}" for n in ("Fe2", "Al1Fe1") for k in (1, 2))]
    start = crystals[0].structure
    moved = [made.structure(k) for k, name in enumerate(made.names()) if "Fe2-1+" in name]
    distances = [np.linalg.norm(pbc_difference(structure, start), axis=1) for structure in moved]
    # The root mean square displacement of iron at 300 K is 0.12 angstrom (Debye, 420 K); two atoms move less.
    assert 0.01 < np.mean(distances) < 0.3


def pbc_difference(moved, start):
    difference = moved.frac_coords - start.frac_coords
    return (difference - np.round(difference)) @ start.lattice.matrix


def test_a_crystal_that_was_not_relaxed_is_refused_by_name(crystals):
    from lodestone.dft import packing
    from lodestone.dft.backends import backend
    from lodestone.dft.calculation import Calculation, Result, Status

    engine = backend("chgnet", {"models": ["0.3.0"], "crystals_at_once": 1, "device": "cpu"})
    failed = Result(status=Status.NOT_CONVERGED, message="out of steps")
    items = [packing.Item(0, "Fe2-1", crystals[0].structure, failed)]
    packed = packing.pack(items, Calculation("relax"), engine, "mmtp", PROVENANCE)
    with pytest.raises(StructureError, match=r"Fe2-1.*not relaxed \(out of steps\)"):
        spin_configurations.relaxed_crystals([packed])
