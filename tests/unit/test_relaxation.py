"""The relaxer against potentials whose minimum is known."""

import numpy as np
import pytest

from lodestone.dft.relaxation import Evaluation, Geometry, relax

DEPTH, DISTANCE_A, CUTOFF_A = 0.4, 2.5, 6.0
TOLERANCES = {"force_tolerance_eV_A": 1e-3, "stress_tolerance_eV_A3": 1e-4, "max_steps": 300}


def lennard_jones(geometry):
    """Energy, forces and stress of a crystal with a shifted Lennard-Jones potential, by the sum over images."""
    lattice, sites = geometry.lattice_A, geometry.fractional @ geometry.lattice_A
    reach = np.ceil(CUTOFF_A * np.linalg.norm(np.linalg.inv(lattice), axis=0)).astype(int)
    ranges = [np.arange(-n, n + 1) for n in reach]
    images = np.stack(np.meshgrid(*ranges, indexing="ij"), -1).reshape(-1, 3) @ lattice
    vectors = sites[None, :, None] + images[None, None] - sites[:, None, None]
    length = np.linalg.norm(vectors, axis=-1)
    near = (length > 1e-9) & (length < CUTOFF_A)
    ratio6 = np.where(near, DISTANCE_A / np.where(near, length, 1.0), 0.0) ** 6
    shift = (DISTANCE_A / CUTOFF_A) ** 6
    energy = 0.5 * (DEPTH * (ratio6**2 - 2 * ratio6) - near * DEPTH * (shift**2 - 2 * shift)).sum()
    slope = np.where(near, -12 * DEPTH * (ratio6**2 - ratio6) / np.where(near, length, 1.0) ** 2, 0.0)
    forces = (slope[..., None] * vectors).sum(axis=(1, 2))
    stress = 0.5 * np.einsum("ijk,ijka,ijkb->ab", slope, vectors, vectors) / abs(np.linalg.det(lattice))
    return Evaluation(float(energy), forces, stress, np.zeros(len(sites)))


def evaluate(geometries):
    return [lennard_jones(geometry) for geometry in geometries]


def fcc(number=0, edge=3.7, rattle=0.05):
    rng = np.random.default_rng(number)
    sites = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    strain = np.eye(3) + rng.normal(scale=0.01, size=(3, 3))
    return Geometry(number, np.full(4, 18), edge * strain, sites + rng.normal(scale=rattle, size=(4, 3)) / edge)


def test_stand_in_potential_is_consistent():
    """The stress of the stand-in is the derivative of its energy, or the tests below prove nothing."""
    geometry, strain = fcc(), 1e-5
    energies = []
    for sign in (1, -1):
        moved = fcc()
        moved.lattice_A = geometry.lattice_A @ (np.eye(3) + sign * strain * np.diag([1, 0, 0]))
        energies.append(lennard_jones(moved).energy_eV)
    derivative = (energies[0] - energies[1]) / (2 * strain) / abs(np.linalg.det(geometry.lattice_A))
    assert lennard_jones(geometry).stress_eV_A3[0, 0] == pytest.approx(derivative, rel=1e-4)


def test_strained_and_rattled_crystal_finds_its_minimum():
    (end,) = relax([fcc()], evaluate, **TOLERANCES)
    assert end.converged and 5 < end.steps < 150
    assert end.energies_eV[-1] < end.energies_eV[0]
    # All twelve neighbours are at one distance again; farther ones pull them in by 2.5 % against a single pair.
    sites = end.geometry.fractional @ end.geometry.lattice_A
    images = np.stack(np.meshgrid(*[np.arange(-1, 2)] * 3, indexing="ij"), -1).reshape(-1, 3) @ end.geometry.lattice_A
    lengths = np.sort(np.linalg.norm((sites[None] + images[:, None] - sites[0]).reshape(-1, 3), axis=1))[1:13]
    assert np.ptp(lengths) < 0.01
    assert lengths.mean() == pytest.approx(DISTANCE_A * 0.975, rel=0.01)


def test_fixed_cell_stays_as_it_is():
    start = fcc()
    lattice = start.lattice_A.copy()
    (end,) = relax([start], evaluate, relax_cell=False, **TOLERANCES)
    assert end.converged
    assert np.array_equal(end.geometry.lattice_A, lattice)


def test_number_at_once_changes_nothing():
    alone = {end.geometry.number: end for end in relax([fcc(k) for k in range(5)], evaluate, **TOLERANCES)}
    together = list(relax([fcc(k) for k in range(5)], evaluate, at_once=3, **TOLERANCES))
    assert sorted(end.geometry.number for end in together) == [0, 1, 2, 3, 4]
    for end in together:
        same = alone[end.geometry.number]
        assert (end.steps, end.last.energy_eV) == (same.steps, same.last.energy_eV)


def test_steps_run_out():
    (end,) = relax([fcc()], evaluate, **{**TOLERANCES, "max_steps": 3})
    assert not end.converged and end.steps == 3
    (still,) = relax([fcc()], evaluate, **{**TOLERANCES, "max_steps": 0})
    assert still.steps == 0 and len(still.energies_eV) == 1


def test_failure_of_one_leaves_the_others():
    def partly(geometries):
        return [Evaluation(failure="lost") if g.number == 1 else lennard_jones(g) for g in geometries]

    ends = {e.geometry.number: e for e in relax([fcc(k) for k in range(3)], partly, at_once=2, **TOLERANCES)}
    assert [ends[k].converged for k in range(3)] == [True, False, True]
    assert ends[1].last.failure == "lost"


def test_crystal_that_flies_apart_is_stopped():
    def repulsive(geometries):
        return [Evaluation(0.0, np.zeros((4, 3)), -np.eye(3) * 5, np.zeros(4)) for _ in geometries]

    (end,) = relax([fcc()], repulsive, **TOLERANCES)
    assert "the volume became" in end.last.failure
