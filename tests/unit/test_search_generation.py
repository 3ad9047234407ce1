"""Generations: ancestry, elitism, rates, the stop, the same bytes from the same numbers."""

import logging

import numpy as np
import pytest
from artifact_samples import same
from pair_landscape import laves_alloy
from search_crystals import PROVENANCE, at
from search_crystals import settings as search_settings

from lodestone.artifacts.candidates import ORIGINS, STRIDE, Candidates
from lodestone.artifacts.population import Population
from lodestone.search import candidate, fitness, generation, relaxing, selection
from lodestone.search.fingerprint import distances
from lodestone.search.fitness import Values
from lodestone.search.rates import rates

LIMITS = {"force_tolerance_eV_A": 0.05, "stress_tolerance_eV_A3": 0.005, "max_steps": 120, "at_once": 4}
WIDE = {"min_atoms": 4, "max_atoms": 8, "relaxation": LIMITS, "population": 10, "elite": 6, "trials": 3}
BOTH = search_settings(**WIDE, objectives=["above_hull", "magnetisation"])
LOG = logging.getLogger("search")


def relaxed(tmp_path, made, chosen, at_once=None):
    rows = relaxing.groups(len(made), at_once or chosen.relaxation.at_once)
    groups = [[made[k] for k in group] for group in rows]
    path = tmp_path / f"{made[0].id}.ledger"
    path.unlink(missing_ok=True)
    return relaxing.pack(made, relaxing.relax_batch(groups, laves_alloy(), chosen, path, "k", LOG), PROVENANCE)


def values(found, chosen):
    """Energies of the landscape, and a magnetisation that grows with the share of iron."""
    energies = fitness.from_energies(found, {"Nd": -2.0, "Fe": -2.0}, chosen)
    share = np.add.reduceat(found.atomic_number == 26, found.site_offset[:-1]) / found.site_counts()
    return Values(energies.formation_energy_eV_per_atom, mu0_Ms_T=2 * share)


def searched(tmp_path, generations, chosen=BOTH, seed=1):
    population, made = None, []
    for number in range(generations):
        made.append(
            generation.next_generation(population, chosen, seed, number)
            if population
            else generation.first_generation(chosen, seed)
        )
        if not made[-1]:
            break
        found = relaxed(tmp_path, made[-1], chosen)
        population = selection.select(population, found, values(found, chosen), chosen, PROVENANCE)
    return population, made


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    """Four generations of a search with two objectives and all operators."""
    return searched(tmp_path_factory.mktemp("search"), 4)


def test_ids_and_ancestry_are_complete(search):
    population, made = search
    assert population.id.tolist() == [g * STRIDE + k for g in range(4) for k in range(10)]
    assert population.generation == 3 and len(population) == 40
    known = set(population.id.tolist())
    for row in range(len(population)):
        origin = ORIGINS[population.operator[row]]
        parents = [p for p in population.parent[row].tolist() if p >= 0]
        assert len(parents) == {"heredity": 2, "random": 0, "topology": 0, "file": 0}.get(origin, 1)
        assert set(parents) <= known and all(p // STRIDE < population.id[row] // STRIDE for p in parents)
        line = population.ancestors(int(population.id[row]))
        assert line[0] == population.id[row] and line == sorted(set(line), reverse=True)
        for one in line:
            older = population.parent[population.row_of(one)]
            assert {p for p in older.tolist() if p >= 0} <= set(line)
    with pytest.raises(KeyError):
        population.row_of(99)


def test_same_seed_same_bytes_whatever_the_batches(search, tmp_path):
    population, made = search
    again, made_again = searched(tmp_path, 4)
    assert same(again, population)
    population.write(tmp_path / "a.h5")
    again.write(tmp_path / "b.h5")
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    assert same(Population.read(tmp_path / "a.h5"), population)
    assert same(relaxed(tmp_path, made[1], BOTH, at_once=1), relaxed(tmp_path, made[1], BOTH, at_once=100))
    other, _ = searched(tmp_path, 1, seed=2)
    assert not np.array_equal(other.lattice_A, population.part(0, 10).lattice_A)


def test_next_generation_needs_the_last_population_only(search, tmp_path):
    population, _ = search
    population.write(tmp_path / "a.h5")
    here = generation.next_generation(population, BOTH, 1, 4)
    there = generation.next_generation(Population.read(tmp_path / "a.h5"), BOTH, 1, 4)
    assert same(candidate.pack(here, PROVENANCE), candidate.pack(there, PROVENANCE))


def test_candidates_survive_the_file(search, tmp_path):
    _, made = search
    candidate.pack(made[2], PROVENANCE).write(tmp_path / "c.h5")
    back = candidate.unpack(Candidates.read(tmp_path / "c.h5"))
    for a, b in zip(made[2], back, strict=True):
        assert (a.id, a.operator, a.parents, a.name) == (b.id, b.operator, b.parents, b.name)
        assert np.array_equal(a.crystal.fractional, b.crystal.fractional)
    assert Candidates.read(tmp_path / "c.h5").sources()[0].startswith(made[2][0].operator)


def test_front_and_ranks_are_those_of_the_objectives(search):
    population, _ = search
    ranked = population.rank >= 0
    assert np.array_equal(ranked, (population.duplicate_of < 0) & (population.defect < 2))
    good = ranked & (population.defect == 0)
    objective = population.objective
    assert np.allclose(
        objective[good], np.column_stack([population.above_hull_eV_per_atom, -population.mu0_Ms_T])[good]
    )
    for row in np.flatnonzero(good):
        beaten = (objective[good] <= objective[row]).all(axis=1) & (objective[good] < objective[row]).any(axis=1)
        assert bool(population.on_front[row]) == (not beaten.any())
    assert (population.above_hull_eV_per_atom[good] >= 0).all()
    assert not population.on_front[population.defect > 0].any()


def test_elite_and_the_best_of_every_formula_stay(search):
    population, _ = search
    alive = population.parents()
    assert BOTH.elite <= len(alive) <= 2 * BOTH.elite
    assert (np.diff(population.place[alive]) > 0).all()
    assert set(np.flatnonzero((population.place >= 0) & (population.place < BOTH.elite))) <= set(alive)
    best = population.above_hull_eV_per_atom.copy()
    best[(population.defect > 0) | (population.rank < 0)] = np.inf
    assert int(np.argmin(best)) in alive


def test_no_crystal_is_relaxed_twice(search):
    population, made = search
    firsts = np.flatnonzero((population.duplicate_of < 0) & (population.defect == 0))
    for a in firsts:
        for b in firsts[firsts < a]:
            if population.formula(int(a)) == population.formula(int(b)):
                near = distances(population.fingerprint[a], population.fingerprint[b])[0, 0] < 0.01
                apart = abs(np.diff(population.formation_energy_eV_per_atom[[a, b]])[0]) >= 0.02
                assert not near or apart
    for row in np.flatnonzero(population.duplicate_of >= 0):
        older = population.row_of(int(population.duplicate_of[row]))
        assert older < row and population.formula(older) == population.formula(int(row))
        assert not population.alive[row] and population.place[row] == -1


def test_rates_follow_success_within_bounds():
    weights = {"heredity": 2.0, "permutation": 1.0, "random": 1.0}
    chosen = search_settings(**WIDE, operators=weights)
    none = np.zeros(len(ORIGINS))
    assert rates(chosen, none, none) == pytest.approx({"heredity": 0.5, "permutation": 0.25, "random": 0.25})
    tried, won = none.copy(), none.copy()
    tried[[ORIGINS.index("heredity"), ORIGINS.index("permutation"), ORIGINS.index("topology")]] = 100, 100, 100
    won[ORIGINS.index("permutation")] = 90
    found = rates(chosen, tried, won)
    assert found["permutation"] > found["heredity"] > 0 and found["random"] > 0
    assert found["permutation"] / found["heredity"] <= 9 * 0.5 + 1e-9
    steady = search_settings(**WIDE, operators=weights, adaptive_rates=False)
    assert rates(steady, tried, won) == pytest.approx({"heredity": 0.5, "permutation": 0.25, "random": 0.25})
    fixed = at(2, 4, operators={"add_atom": 1.0})
    assert rates(fixed, none, none) == {"random": 1.0}


def test_search_stops_when_its_front_stays_the_same_and_passes_on_for_nothing(tmp_path):
    chosen = at(1, 1, relaxation=LIMITS, population=6, elite=4, stall_generations=2)
    population, made = searched(tmp_path, 12, chosen)
    assert population.converged == 1 and population.unchanged == 2 and len(made[-1]) == 0
    assert generation.next_generation(population, chosen, 1, 12) == []
    found = relaxed(tmp_path, made[0], chosen)
    assert selection.select(population, found, values(found, chosen), chosen, PROVENANCE) is population
    empty = candidate.pack([], PROVENANCE)
    assert len(empty) == 0 and relaxing.groups(0, 4) == []
    nothing = relaxing.pack([], [], PROVENANCE)
    assert selection.select(population, nothing, Values(np.zeros(0)), chosen, PROVENANCE) is population


def test_what_cannot_be_used_never_becomes_a_parent(search, tmp_path):
    _, made = search
    found = relaxed(tmp_path, made[0], BOTH)
    given = values(found, BOTH)
    given.formation_energy_eV_per_atom[:4] = np.nan
    population = selection.select(None, found, given, BOTH, PROVENANCE)
    assert (population.defect[:4] == 2).all() and not population.alive[:4].any()
    assert (population.rank[:4] == -1).all() and (population.formation_energy_eV_per_atom[:4] == 0).all()
    given.formation_energy_eV_per_atom[:] = np.nan
    hopeless = selection.select(None, found, given, BOTH, PROVENANCE)
    assert not hopeless.alive.any()
    offspring = generation.next_generation(hopeless, BOTH, 1, 1)
    assert len(offspring) == 10 and {one.operator for one in offspring} == {"random"}


def test_values_that_the_objectives_need_are_asked_for_by_name(search, tmp_path):
    _, made = search
    found = relaxed(tmp_path, made[0], BOTH)
    with pytest.raises(ValueError, match="objectives: found above_hull, magnetisation, which need mu0_Ms_T"):
        selection.select(None, found, Values(np.zeros(10)), BOTH, PROVENANCE)
    with pytest.raises(ValueError, match="formation_energy_eV_per_atom: found 3 values for 10 crystals"):
        selection.select(None, found, Values(np.zeros(3), np.zeros(10)), BOTH, PROVENANCE)


def test_other_values_rank_anew_and_leave_the_history(search):
    population, _ = search
    flipped = Values(-population.formation_energy_eV_per_atom, population.mu0_Ms_T)
    found = selection.revalued(population, flipped, BOTH, PROVENANCE)
    assert np.array_equal(found.id, population.id) and np.array_equal(found.tried, population.tried)
    assert (found.generation, found.unchanged) == (population.generation, population.unchanged)
    assert not np.array_equal(found.rank, population.rank)
    same_again = selection.revalued(
        population, Values(population.formation_energy_eV_per_atom, population.mu0_Ms_T), BOTH, PROVENANCE
    )
    assert np.array_equal(same_again.rank, population.rank)
