"""Labelled crystals as trainings use them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from lodestone.artifacts.labelled_set import COLUMNS, LabelledSet
from lodestone.dft.relaxation import Geometry
from lodestone.graph_models.errors import ModelError
from lodestone.graph_models.graphs import LARGEST_ATOMIC_NUMBER
from lodestone.random import stream

UNITS = {
    "formation_energy_eV_per_atom": "eV",
    "moment_muB_per_atom": "mu_B",
    "energy_eV_per_atom": "eV",
    "anisotropy_MJ_m3": "MJ / m3",
}


@dataclass(frozen=True)
class Samples:
    """Crystals with labels.

    Attributes
    ----------
    geometries : list of Geometry
    names : list of str
    group : ndarray of int, (crystal,)
        Crystals of one group never straddle a split.
    first_set : ndarray of bool, (crystal,)
        Crystals of the first of several sets; test crystals come from it alone.
    targets : list of str
    value : ndarray, (crystal, target)
        0 where there is none.
    exists : ndarray of bool, (crystal, target)
    forces_eV_A : list of ndarray (site, 3)
    stress_eV_A3 : ndarray, (crystal, 3, 3)
    has_forces : ndarray of bool, (crystal,)
    labels_from : str
    """

    geometries: list[Geometry]
    names: list[str]
    group: NDArray[np.int64]
    first_set: NDArray[np.bool_]
    targets: list[str]
    value: NDArray[np.float64]
    exists: NDArray[np.bool_]
    forces_eV_A: list[NDArray[np.float64]]
    stress_eV_A3: NDArray[np.float64]
    has_forces: NDArray[np.bool_]
    labels_from: str

    def __len__(self) -> int:
        """Return the number of crystals."""
        return len(self.geometries)

    @property
    def site_counts(self) -> NDArray[np.int64]:
        """Atoms of each crystal, (crystal,)."""
        return np.array([len(g.atomic_numbers) for g in self.geometries], np.int64)

    @property
    def composition(self) -> NDArray[np.float64]:
        """Share of each element in each crystal, (crystal, 119)."""
        share = np.zeros((len(self), LARGEST_ATOMIC_NUMBER + 1))
        for row, geometry in zip(share, self.geometries, strict=True):
            np.add.at(row, geometry.atomic_numbers, 1 / len(geometry.atomic_numbers))
        return share

    @classmethod
    def of(cls, sets: LabelledSet | Sequence[LabelledSet], targets: Sequence[str]) -> Self:
        """Take crystals and labels from artifacts.

        Parameters
        ----------
        sets : LabelledSet or sequence of LabelledSet
            Groups of different sets are different ones.
        targets : sequence of str
            Labels of `COLUMNS`, or energy_eV_per_atom, which brings forces and stresses along.

        Raises
        ------
        ModelError
            For a label that sets do not have, or of which no crystal has a value.
        """
        given = [sets] if isinstance(sets, LabelledSet) else list(sets)
        parts = [_of_one(each, list(targets)) for each in given]
        if not parts or not sum(map(len, parts)):
            raise ModelError("labels", "no crystal", "one at least")
        groups = np.cumsum([0, *(int(part.group.max(initial=-1)) + 1 for part in parts)])
        joined = cls(
            geometries=[g for part in parts for g in part.geometries],
            names=[name for part in parts for name in part.names],
            group=np.concatenate([part.group + first for part, first in zip(parts, groups, strict=False)]),
            first_set=np.repeat([k == 0 for k in range(len(parts))], [len(part) for part in parts]),
            targets=list(targets),
            value=np.concatenate([part.value for part in parts]),
            exists=np.concatenate([part.exists for part in parts]),
            forces_eV_A=[f for part in parts for f in part.forces_eV_A],
            stress_eV_A3=np.concatenate([part.stress_eV_A3 for part in parts]),
            has_forces=np.concatenate([part.has_forces for part in parts]),
            labels_from="; ".join(dict.fromkeys(part.labels_from for part in parts)),
        )
        for name, exists in zip(joined.targets, joined.exists.T, strict=True):
            if not exists.any():
                raise ModelError(f"labels {name}", "no crystal that has one", "one at least")
        return joined


def _of_one(labelled: LabelledSet, targets: list[str]) -> Samples:
    """Crystals and labels of one artifact."""
    value, exists = [], []
    counts = labelled.site_counts()
    for name in targets:
        column = "energy_eV" if name == "energy_eV_per_atom" else name
        if column not in COLUMNS:
            raise ModelError("target", repr(name), ", ".join([*COLUMNS, "energy_eV_per_atom"]))
        per = counts if name == "energy_eV_per_atom" else 1
        value.append(getattr(labelled, column) / per)
        exists.append(getattr(labelled, COLUMNS[column]) == 1)
    rows = [labelled.sites(k) for k in range(len(counts))]
    return Samples(
        geometries=[
            Geometry(k, labelled.atomic_number[r].astype(np.int64), labelled.lattice_A[k], labelled.fractional[r])
            for k, r in enumerate(rows)
        ],
        names=labelled.names(),
        group=labelled.group,
        first_set=np.ones(len(counts), bool),
        targets=targets,
        value=np.stack(value, axis=1),
        exists=np.stack(exists, axis=1),
        forces_eV_A=[labelled.force_eV_A[r] for r in rows],
        stress_eV_A3=labelled.stress_eV_A3,
        has_forces=labelled.has_forces == 1,
        labels_from=labelled.labels_from,
    )


def split_groups(
    group: NDArray[np.int64],
    rows: NDArray[np.int64],
    share: float,
    seed: int,
    stage: str,
    index: int = 0,
    strata: NDArray[np.float64] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split rows at random into two parts, the second with about `share` of them; groups stay whole.

    Groups are taken in random order until the second part has its share; one that would overshoot it by more than it
    lacks is passed over. Neither part is empty if there are two groups and a share above 0. `strata` is a number for
    each row, the same in a group, such as a composition: the second part then covers its whole range.
    """
    groups, counts = np.unique(group[rows], return_counts=True)
    wanted, taken = share * len(rows), 0
    chosen: list[int] = []
    order = stream(seed, stage, index).permutation(len(groups)) if share > 0 else np.zeros(0, np.int64)
    if strata is not None and share > 0:
        order = _across(order, np.array([strata[group == g][0] for g in groups]), share)
    for k in order:
        if len(chosen) < len(groups) - 1 and abs(taken + counts[k] - wanted) < abs(taken - wanted):
            chosen.append(int(groups[k]))
            taken += int(counts[k])
    if share > 0 and not chosen and len(groups) > 1:
        chosen = [int(groups[np.argmin(counts)])]
    second = np.isin(group[rows], chosen)
    return rows[~second], rows[second]


def _across(order: NDArray[np.int64], value: NDArray[np.float64], share: float) -> NDArray[np.int64]:
    """Put groups first that stand for blocks of neighbours in value, one of each block, the first in a random order."""
    place = np.argsort(order)
    sorted_groups = np.lexsort((place, value))
    blocks = np.array_split(sorted_groups, max(round(share * len(order)), 1))
    first = [int(block[np.argmin(place[block])]) for block in blocks]
    return np.array(first + [int(k) for k in order if k not in set(first)], np.int64)


def folds_of(
    group: NDArray[np.int64], rows: NDArray[np.int64], folds: int, seed: int, stage: str, index: int = 0
) -> NDArray[np.int64]:
    """Fold of each row, of about equal sizes; groups stay whole, and there are no more folds than groups."""
    groups, inverse, counts = np.unique(group[rows], return_inverse=True, return_counts=True)
    folds = min(folds, len(groups))
    fold_of_group, sizes = np.zeros(len(groups), np.int64), np.zeros(max(folds, 1), np.int64)
    order = stream(seed, stage, index).permutation(len(groups))
    for k in order[np.argsort(-counts[order], kind="stable")]:
        smallest = int(np.argmin(sizes))
        fold_of_group[k] = smallest
        sizes[smallest] += counts[k]
    return fold_of_group[inverse]
