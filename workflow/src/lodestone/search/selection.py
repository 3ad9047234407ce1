"""From the parents and what was relaxed in a generation to the next parents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.candidates import ORIGINS, STRIDE
from lodestone.artifacts.parts import join
from lodestone.artifacts.population import Population
from lodestone.artifacts.relaxed_candidates import RelaxedCandidates
from lodestone.search import fitness
from lodestone.search.candidate import crystal_of
from lodestone.search.compositions import formula_of
from lodestone.search.fingerprint import FEATURES, distances, fingerprint
from lodestone.search.fitness import Values
from lodestone.search.pareto import ranking
from lodestone.search.rates import FADING
from lodestone.search.settings import SearchSettings
from lodestone.search.shaping import distances_allowed, volume_ratio
from lodestone.search.symmetric import space_group

GOOD, UNRELAXED, UNUSABLE = 0, 1, 2
# Relaxed volumes over those expected from the elements; others are debris of a model that was asked too much.
_SANE_VOLUME = (0.5, 2.0)
_FIRST_CUBIC = 195  # number of the first cubic space group
# Atoms of a relaxed crystal may be a little nearer than those of a candidate.
_DISTANCE_SLACK = 0.1
# Crystals with like fingerprints but energies farther apart than this are not the same.
_SAME_ENERGY_EV = 0.02
Columns = dict[str, Any]


def select(
    parents: Population | None,
    relaxed: RelaxedCandidates,
    values: Values,
    settings: SearchSettings,
    provenance: Provenance,
) -> Population:
    """State of the search after a generation.

    Parameters
    ----------
    parents : Population or None
        State before; None for the first generation.
    relaxed : RelaxedCandidates
        All crystals of the generation, in the order of their ids.
    values : Values
        What the models say about them; NaN where they say nothing.
    settings : SearchSettings
        Objectives, sizes, tolerances.
    provenance : Provenance
        Of the result.

    Returns
    -------
    Population
        With every crystal seen so far. A search that has converged, or a generation without crystals, returns
        `parents` themselves.

    Raises
    ------
    ValueError
        If a column that an objective needs is not given, or has another length.
    """
    if parents is not None and (parents.converged or not len(relaxed)):
        return parents
    _check(values, relaxed, settings)
    rows, columns = _joined(parents, relaxed, values, settings)
    return _ranked(parents, rows, columns, settings, provenance)


def revalued(population: Population, values: Values, settings: SearchSettings, provenance: Provenance) -> Population:
    """Rank a population again with values of other models, such as those fitted again in a search that learns.

    Parameters
    ----------
    population : Population
        State whose crystals are judged anew; its counts of operators and its stop criterion stay.
    values : Values
        For all its crystals, in its order.
    settings, provenance
        As `select` takes them.
    """
    rows = _part(RelaxedCandidates, population)
    _check(values, population, settings)
    columns = _new_columns(population, values, settings)
    return _ranked(population, rows, columns, settings, provenance, again=True)


def _check(values: Values, relaxed: RelaxedCandidates, settings: SearchSettings) -> None:
    """Refuse values that do not fit the crystals or the objectives."""
    for name in fitness.required(settings):
        column = getattr(values, name)
        if column is None:
            raise ValueError(
                f"objectives: found {', '.join(settings.objectives)}, which need {name}, but none is given"
            )
        if len(column) != len(relaxed):
            raise ValueError(f"{name}: found {len(column)} values for {len(relaxed)} crystals, expected one each")


def _joined(
    parents: Population | None, relaxed: RelaxedCandidates, values: Values, settings: SearchSettings
) -> tuple[dict[str, Any], Columns]:
    """Rows and columns of all crystals, those seen before first."""
    new = _new_columns(relaxed, values, settings)
    if parents is None:
        return _part(RelaxedCandidates, relaxed), new
    rows = join(RelaxedCandidates, [parents, relaxed])
    return rows, {name: np.concatenate([getattr(parents, name), column]) for name, column in new.items()}


def _part(cls: type[RelaxedCandidates], artifact: RelaxedCandidates) -> dict[str, Any]:
    """Fields of a type that an artifact of that type, or of one that extends it, has."""
    return {name: getattr(artifact, name) for name in cls.specs()}


def _new_columns(relaxed: RelaxedCandidates, values: Values, settings: SearchSettings) -> Columns:
    """Values, defects, fingerprints and space groups of crystals."""
    count = len(relaxed)
    given = np.stack([values.column(name) for name in fitness.required(settings)])
    known = np.isfinite(given).all(axis=0)
    columns: Columns = {name: np.nan_to_num(values.column(name), nan=0.0) for name in fitness.COLUMNS}
    defect = np.full(count, UNUSABLE, np.uint8)
    prints = np.zeros((count, FEATURES), np.float32)
    groups = np.ones(count, np.int64)
    for row in range(count):
        if not known[row] or not relaxed.has_energy[row]:
            continue
        crystal = crystal_of(relaxed, row)
        low, high = _SANE_VOLUME
        if not low < volume_ratio(crystal, settings) < high or not distances_allowed(
            crystal, settings, _DISTANCE_SLACK
        ):
            continue
        defect[row] = GOOD if relaxed.status[row] == Status.CONVERGED else UNRELAXED
        prints[row] = fingerprint(crystal, settings.kinds(crystal.numbers))
        groups[row] = space_group(crystal.lattice_A, crystal.fractional, crystal.numbers)
    return {**columns, "defect": defect, "fingerprint": prints, "space_group": groups}


def _ranked(
    before: Population | None,
    rows: Mapping[str, Any],
    columns: Columns,
    settings: SearchSettings,
    provenance: Provenance,
    again: bool = False,
) -> Population:
    """Find duplicates, rank, choose parents, count successes, see whether the search has ended."""
    minority, sizes = _counts(rows, settings)
    # Symmetry leaves cubic crystals no constant of second order; no model has to learn that.
    columns["anisotropy_MJ_m3"] = np.where(columns["space_group"] < _FIRST_CUBIC, columns["anisotropy_MJ_m3"], 0.0)
    defect = columns["defect"].astype(np.int64)
    columns["duplicate_of"] = _duplicates(rows, columns, minority, sizes, settings)
    distinct = (defect < UNUSABLE) & (columns["duplicate_of"] < 0)
    hull = distinct & (defect == GOOD)
    matrix, columns["above_hull_eV_per_atom"] = fitness.objective_matrix(columns, minority / sizes, hull, settings)
    usable = defect < UNUSABLE
    columns["above_hull_eV_per_atom"] = np.where(usable, columns["above_hull_eV_per_atom"], 0.0)
    columns["objective"] = np.where(usable[:, None], matrix, 0.0)
    found = ranking(matrix[distinct], defect[distinct])
    for name, values in (("rank", found.rank), ("place", found.place)):
        columns[name] = np.full(len(defect), -1, np.int64)
        columns[name][distinct] = values
    columns["on_front"] = (distinct & (columns["rank"] == 0) & (defect == GOOD)).astype(np.uint8)
    columns["alive"] = _survivors(columns, minority, sizes, settings)
    history = _history(before, rows, columns, settings, again)
    return Population(**rows, **columns, **history, objectives=list(settings.objectives), provenance=provenance)


def _counts(rows: Mapping[str, Any], settings: SearchSettings) -> tuple[np.ndarray, np.ndarray]:
    """Minority atoms and atoms of each crystal (structure,)."""
    offsets = rows["site_offset"]
    minority = (settings.kinds(rows["atomic_number"]) == 0).astype(np.int64)
    return np.add.reduceat(minority, offsets[:-1]), np.diff(offsets)


def _duplicates(
    rows: Mapping[str, Any], columns: Columns, minority: np.ndarray, sizes: np.ndarray, settings: SearchSettings
) -> np.ndarray:
    """Id of the earlier crystal that each is a copy of (structure,), -1 for none.

    A crystal that is fully relaxed is no copy of one that is not: it takes that one's place later on.
    """
    copy_of = np.full(len(sizes), -1, np.int64)
    defect, energy = columns["defect"], columns["formation_energy_eV_per_atom"]
    groups: dict[tuple[int, int], list[int]] = {}
    for row in np.flatnonzero(defect < UNUSABLE):
        formula = formula_of(int(minority[row]), int(sizes[row] - minority[row]))
        earlier = np.array([k for k in groups.setdefault(formula, []) if defect[k] <= defect[row]], dtype=np.int64)
        if len(earlier):
            away = distances(columns["fingerprint"][row], columns["fingerprint"][earlier])[0]
            same = (away < settings.fingerprint_tolerance) & (np.abs(energy[earlier] - energy[row]) < _SAME_ENERGY_EV)
            if same.any():
                copy_of[row] = rows["id"][earlier[int(np.argmax(same))]]
                continue
        groups[formula].append(int(row))
    return copy_of


def _survivors(columns: Columns, minority: np.ndarray, sizes: np.ndarray, settings: SearchSettings) -> np.ndarray:
    """Parents of the next generation (structure,) of 0 and 1: the elite, and the most stable of each formula.

    The latter are as many as the elite at most, those nearest to the hull first.
    """
    place = columns["place"]
    candidates = np.flatnonzero(place >= 0)
    alive = np.zeros(len(place), np.uint8)
    alive[candidates[np.argsort(place[candidates], kind="stable")][: settings.elite]] = 1
    best: dict[tuple[int, int], int] = {}
    energy = columns["formation_energy_eV_per_atom"]
    for row in candidates:
        if columns["defect"][row] == GOOD:
            formula = formula_of(int(minority[row]), int(sizes[row] - minority[row]))
            if formula not in best or energy[row] < energy[best[formula]]:
                best[formula] = int(row)
    nearest = sorted(best.values(), key=lambda row: (columns["above_hull_eV_per_atom"][row], row))
    alive[nearest[: settings.elite]] = 1
    return alive


def _history(
    before: Population | None, rows: Mapping[str, Any], columns: Columns, settings: SearchSettings, again: bool
) -> dict[str, Any]:
    """Return the counts of operators, and how long the front has been the same."""
    if again and before is not None:
        kept = ("tried", "succeeded", "generation", "unchanged", "converged")
        return {name: getattr(before, name) for name in kept}
    generation = int(rows["id"][-1]) // STRIDE if len(rows["id"]) else 0
    new = rows["id"] // STRIDE == generation
    codes = rows["operator"].astype(np.int64)
    tried = np.bincount(codes[new], minlength=len(ORIGINS)).astype(float)
    succeeded = np.bincount(codes[new & (columns["alive"] == 1)], minlength=len(ORIGINS)).astype(float)
    unchanged = 0
    if before is not None:
        tried, succeeded = tried + FADING * before.tried, succeeded + FADING * before.succeeded
        same = _front(rows["id"], columns["on_front"]) == _front(before.id, before.on_front)
        unchanged = before.unchanged + 1 if same else 0
    return {
        "tried": tried,
        "succeeded": succeeded,
        "generation": generation,
        "unchanged": unchanged,
        "converged": int(unchanged >= settings.stall_generations),
    }


def _front(ids: np.ndarray, on_front: np.ndarray) -> Sequence[int]:
    """Ids on the front."""
    return ids[on_front == 1].tolist()
