"""Landscapes with known best crystals: they are found, and with fewer relaxations than by chance."""

import logging

import numpy as np
import pytest
from pair_landscape import laves_alloy, ordered_alloy
from search_crystals import PROVENANCE, at, laves

from lodestone.dft.relaxation import Geometry, relax
from lodestone.search import fitness, generation, relaxing, selection

LIMITS = {"force_tolerance_eV_A": 0.05, "stress_tolerance_eV_A3": 0.005, "max_steps": 200, "at_once": 4}
LOG = logging.getLogger("search")


def relaxations_until(energy_eV_per_atom, model, chosen, seed, path, most):
    """Number of relaxations until this energy is reached; `most` if it is not."""
    population, number = None, 0
    while population is None or len(population) < most:
        made = (
            generation.next_generation(population, chosen, seed, number)
            if population
            else generation.first_generation(chosen, seed)
        )
        groups = [[made[k] for k in rows] for rows in relaxing.groups(len(made), 4)]
        ledger = path / f"{seed}-{number}.ledger"
        found = relaxing.pack(made, relaxing.relax_batch(groups, model, chosen, ledger, "k", LOG), PROVENANCE)
        ledger.unlink()
        energies = fitness.from_energies(found, {"Nd": 0.0, "Fe": 0.0}, chosen)
        population = selection.select(population, found, energies, chosen, PROVENANCE)
        hits = np.flatnonzero(
            (population.defect == 0) & (population.formation_energy_eV_per_atom < energy_eV_per_atom + 0.002)
        )
        if len(hits):
            return int(hits[0]) + 1
        number += 1
    return most


def best_energy(model, numbers, lattice, sites):
    """Energy per atom of a crystal that is known to be the best."""
    start = Geometry(0, np.array(numbers), np.array(lattice, float), np.array(sites, float))
    (end,) = relax([start], model, force_tolerance_eV_A=1e-3, stress_tolerance_eV_A3=1e-4, max_steps=500)
    return end.last.energy_eV / len(numbers)


def at_equal_shares(pairs, **changes):
    """Settings of a search at equal numbers of both elements that does not look at packings."""
    sizes = {
        "population": 8,
        "elite": 6,
        "stall_generations": 1000,
        "trials": 1,
        "volumes_A3": {"Nd": 13.0, "Fe": 13.0},
    }
    return at(pairs, pairs, relaxation=LIMITS, **sizes, **changes)


@pytest.fixture(scope="module")
def caesium_chloride():
    """Energy of the best crystal of the alloy whose unlike atoms attract each other."""
    return best_energy(ordered_alloy(), [60, 26], 3.0 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]])


def test_best_crystal_is_found(caesium_chloride, tmp_path):
    """CsCl in a cell of eight atoms, within 60 relaxations."""
    chosen = at_equal_shares(4)
    counts = [relaxations_until(caesium_chloride, ordered_alloy(), chosen, seed, tmp_path, 61) for seed in range(3)]
    assert max(counts) <= 60


def test_search_needs_at_most_half_the_relaxations_of_chance(caesium_chloride, tmp_path):
    """CsCl in a cell of twelve atoms; chance stops at 120, so that its sum is too low if anything."""
    evolution, chance = at_equal_shares(6), at_equal_shares(6, operators={"random": 1.0})
    sums = []
    for chosen in (evolution, chance):
        (tmp_path / str(len(sums))).mkdir()
        place = tmp_path / str(len(sums))
        counts = [relaxations_until(caesium_chloride, ordered_alloy(), chosen, seed, place, 120) for seed in range(5)]
        sums.append(sum(counts))
    assert 2 * sums[0] <= sums[1]


def test_looking_at_packings_finds_what_is_packed_well(tmp_path):
    """A Laves phase, of whose landscape the packing model knows nothing but that metals are dense."""
    best = best_energy(laves_alloy(), *laves_parts())
    sums = []
    for trials in (12, 1):
        chosen = at(2, 4, population=8, elite=6, stall_generations=1000, trials=trials, relaxation=LIMITS)
        sums.append(sum(relaxations_until(best, laves_alloy(), chosen, seed, tmp_path, 60) for seed in range(5)))
    assert sums[0] < sums[1]


def laves_parts():
    """Atoms, lattice and sites of the Laves phase."""
    one = laves(7.2)
    return one.numbers, one.lattice_A, one.fractional
