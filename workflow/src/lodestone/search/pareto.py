"""Pareto ranks and crowding distances, by pymoo; crystals that can be used come before those that cannot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pymoo.operators.survival.rank_and_crowding.metrics import get_crowding_function
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting


@dataclass(frozen=True)
class Ranking:
    """Pareto rank (item,), 0 the best, and place of each item (item,) in the order of preference."""

    rank: np.ndarray
    place: np.ndarray


def ranking(objectives: np.ndarray, defect: np.ndarray) -> Ranking:
    """Rank items by several objectives.

    Parameters
    ----------
    objectives : array (item, objective)
        Finite numbers, smaller is better.
    defect : array (item,) of int
        0 for items that can be used; all of them come before those with 1, these before those with 2.

    Returns
    -------
    Ranking
        Within a rank the less crowded come first, then the earlier ones.
    """
    count = len(objectives)
    rank, crowding = np.zeros(count, np.int64), np.zeros(count)
    offset = 0
    for level in np.unique(defect):
        rows = np.flatnonzero(defect == level)
        for front in NonDominatedSorting().do(objectives[rows]):
            members = rows[np.sort(front)]
            rank[members] = offset
            crowding[members] = crowding_distance(objectives[members])
            offset += 1
    order = np.lexsort((np.arange(count), -crowding, rank))
    place = np.empty(count, np.int64)
    place[order] = np.arange(count)
    return Ranking(rank, place)


def crowding_distance(objectives: np.ndarray) -> np.ndarray:
    """Crowding distance (item,) of NSGA-II within one front; infinite at its ends."""
    return np.asarray(get_crowding_function("cd").do(objectives), float)
