"""Candidates of a generation: the first from seeds, each later one from the population before it.

Candidate i draws from its own random stream; the candidates of a generation are made one after the other, so that none
repeats another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from lodestone.artifacts.population import Population
from lodestone.random import stream
from lodestone.search import seeds
from lodestone.search.candidate import Candidate, Crystal, crystal_of, id_of
from lodestone.search.compositions import formula_of
from lodestone.search.fingerprint import distances, fingerprint
from lodestone.search.operators import REGISTRY
from lodestone.search.packing import settled
from lodestone.search.rates import rates
from lodestone.search.settings import SearchSettings
from lodestone.search.shaping import shaped, volume_ratio

_TRIES = 40
_TOURNAMENT = 2
# This share of the crystals is relaxed without a look at its packing, in case that good crystals are packed badly.
_UNSEEN = 0.25


class Seen:
    """Fingerprints of crystals by formula, and whether another is one of them."""

    def __init__(self, settings: SearchSettings) -> None:
        self._settings = settings
        self._known: dict[tuple[int, int], list[np.ndarray]] = {}

    def add_population(self, population: Population) -> None:
        """Take in all crystals that were relaxed before and can be used."""
        for row in np.flatnonzero((population.duplicate_of < 0) & (population.defect < 2)):
            kinds = self._settings.kinds(population.atomic_number[population.sites(int(row))])
            self._known.setdefault(_formula(kinds), []).append(population.fingerprint[row])

    def take(self, crystal: Crystal) -> bool:
        """Take in a crystal that is new; False if it is one of those known."""
        kinds = self._settings.kinds(crystal.numbers)
        known = self._known.setdefault(_formula(kinds), [])
        own = fingerprint(crystal, kinds)
        if known and distances(own, np.array(known)).min() < self._settings.fingerprint_tolerance:
            return False
        known.append(own)
        return True


def _formula(kinds: np.ndarray) -> tuple[int, int]:
    """Reduced formula of atoms by their kinds."""
    return formula_of(int((kinds == 0).sum()), int((kinds == 1).sum()))


def first_generation(settings: SearchSettings, seed: int, files: Sequence[str | Path] | None = None) -> list[Candidate]:
    """Seeds of the search: all of the user's, then random ones until there are `population`.

    Parameters
    ----------
    settings : SearchSettings
        Weights of the kinds of seeds, compositions, distances.
    seed : int
        Seed of the run.
    files : sequence of path, optional
        The user's seeds; by default those of the settings.

    Raises
    ------
    StructureError, StructuresRefused
        For seeds of the user that cannot be used, by file and reason.
    """
    own = seeds.read_user_seeds(settings.seeds.files if files is None else files, settings)
    made = [Candidate(id_of(0, index), crystal, "file") for index, (crystal, _) in enumerate(own)]
    seen = Seen(settings)
    for candidate in made:
        seen.take(candidate.crystal)
    for index in range(len(made), settings.population):
        rng = stream(seed, "search_seed", id_of(0, index))
        made.append(_fresh(rng, settings, seen, id_of(0, index)))
    return made


def _fresh(rng: np.random.Generator, settings: SearchSettings, seen: Seen, identity: int) -> Candidate:
    """One seed, drawn again while it repeats a crystal; the last one is taken as it is."""
    for _ in range(_TRIES):
        counts, by_topology = settings.compositions.draw(rng), seeds.draws_topology(rng, settings)
        crystal = _best(rng, partial(seeds.draw, rng, settings, counts, by_topology), settings, seen)
        if crystal is not None:
            return Candidate(identity, crystal, "topology" if by_topology else "random")
    return Candidate(identity, seeds.draw(rng, settings, counts, by_topology), "topology" if by_topology else "random")


def _best(
    rng: np.random.Generator, make: Callable[[], Crystal | None], settings: SearchSettings, seen: Seen
) -> Crystal | None:
    """Make several crystals, relax them as packings, take the best packed one that is new; None if none is."""
    if settings.trials == 1 or rng.random() < _UNSEEN:
        crystal = make()
        return crystal if crystal is not None and seen.take(crystal) else None
    made: list[tuple[float, int, Crystal]] = []
    for trial in range(settings.trials):
        crystal = make()
        if crystal is not None:
            packed, energy = settled(crystal, settings)
            crystal = shaped(packed, settings, volume_ratio(crystal, settings)) or crystal
            made.append((energy, trial, crystal))
    return next((crystal for _, _, crystal in sorted(made, key=lambda m: m[:2]) if seen.take(crystal)), None)


@dataclass(frozen=True)
class _Pool:
    """Parents, best first."""

    ids: list[int]
    crystals: list[Crystal]

    @classmethod
    def of(cls, population: Population) -> _Pool:
        """Parents of a population."""
        rows = population.parents()
        return cls([int(population.id[row]) for row in rows], [crystal_of(population, int(row)) for row in rows])

    def draw(self, rng: np.random.Generator, count: int) -> list[int]:
        """Numbers of different parents, each the best of a few at random; fewer if there are not so many."""
        chosen: list[int] = []
        while len(chosen) < min(count, len(self.ids)):
            rest = [k for k in range(len(self.ids)) if k not in chosen]
            # Parents are in the order of rank and crowding: the smallest number wins.
            chosen.append(rest[int(rng.integers(len(rest), size=_TOURNAMENT).min())])
        return chosen


def next_generation(population: Population, settings: SearchSettings, seed: int, generation: int) -> list[Candidate]:
    """Offspring of a population.

    Parameters
    ----------
    population : Population
        State after the generation before.
    settings : SearchSettings
        Operators, their weights, sizes.
    seed : int
        Seed of the run.
    generation : int
        Number of the generation, from 1.

    Returns
    -------
    list of Candidate
        `settings.population` of them; none if the search has converged.
    """
    if population.converged:
        return []
    pool, seen = _Pool.of(population), Seen(settings)
    seen.add_population(population)
    chances = rates(settings, population.tried, population.succeeded)
    made = []
    for index in range(settings.population):
        identity = id_of(generation, index)
        made.append(_offspring(stream(seed, "search_variation", identity), pool, chances, settings, seen, identity))
    return made


def _offspring(
    rng: np.random.Generator,
    pool: _Pool,
    chances: dict[str, float],
    settings: SearchSettings,
    seen: Seen,
    identity: int,
) -> Candidate:
    """One new crystal; a seed if no operator finds one."""
    names, weights = list(chances), np.array(list(chances.values()))
    for _ in range(_TRIES):
        name = names[int(rng.choice(len(names), p=weights))]
        if name == "random":
            return _fresh(rng, settings, seen, identity)
        operator = REGISTRY[name]
        chosen = pool.draw(rng, operator.parents)
        if len(chosen) < operator.parents:
            continue
        parents = [pool.crystals[k] for k in chosen]
        crystal = _best(rng, partial(operator.apply, rng, parents, settings), settings, seen)
        if crystal is not None:
            return Candidate(identity, crystal, name, tuple(pool.ids[k] for k in chosen))
    return _fresh(rng, settings, seen, identity)
