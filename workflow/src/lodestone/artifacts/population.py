"""All crystals that a search has relaxed so far, how good they are, and which of them are parents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lodestone.artifacts.base import array, attribute
from lodestone.artifacts.candidates import ORIGIN_TEXT, ORIGINS
from lodestone.artifacts.relaxed_candidates import RelaxedCandidates

DEFECT_TEXT = "0 none, 1 not fully relaxed, 2 cannot be used"


@dataclass(frozen=True, kw_only=True, eq=False)
class Population(RelaxedCandidates):
    """State of a search after one generation, from which alone the next one follows.

    Rows are all crystals in the order of their ids. Values that do not exist are 0.
    """

    SCHEMA: ClassVar[str] = "population"
    VERSION: ClassVar[int] = 1
    DIMS: ClassVar[Mapping[str, int]] = {**RelaxedCandidates.DIMS, "origin": len(ORIGINS)}

    formation_energy_eV_per_atom: np.ndarray = array(
        ("structure",), "float64", "eV", "energy per atom above that of the elements"
    )
    above_hull_eV_per_atom: np.ndarray = array(
        ("structure",), "float64", "eV", "energy per atom above the hull of all crystals of the search and the elements"
    )
    mu0_Ms_T: np.ndarray = array(("structure",), "float64", "T", "saturation polarisation by the models")
    uncertainty_eV_per_atom: np.ndarray = array(
        ("structure",), "float64", "eV", "standard deviation of the formation energy over an ensemble"
    )
    anisotropy_MJ_m3: np.ndarray = array(("structure",), "float64", "MJ / m3", "anisotropy constant by a model")
    defect: np.ndarray = array(("structure",), "uint8", "1", f"what is wrong with a crystal: {DEFECT_TEXT}")
    duplicate_of: np.ndarray = array(("structure",), "int64", "1", "id of the same crystal found before; -1 for none")
    space_group: np.ndarray = array(("structure",), "int64", "1", "number of the space group within 0.1 angstrom")
    fingerprint: np.ndarray = array(
        ("structure", "feature"), "float32", "1", "radial distributions by pair of elements, of unit length"
    )
    objective: np.ndarray = array(
        ("structure", "objective"), "float64", "1", "what is made small, in the units of the columns above"
    )
    rank: np.ndarray = array(("structure",), "int64", "1", "Pareto rank from 0; -1 for duplicates and the unusable")
    place: np.ndarray = array(("structure",), "int64", "1", "place in the order of preference; -1 where rank is")
    on_front: np.ndarray = array(("structure",), "uint8", "1", "1 on the Pareto front")
    alive: np.ndarray = array(("structure",), "uint8", "1", "1 for the parents of the next generation")
    tried: np.ndarray = array(
        ("origin",), "float64", "1", f"crystals of each origin, earlier ones count less: {ORIGIN_TEXT}"
    )
    succeeded: np.ndarray = array(("origin",), "float64", "1", "those of them that became parents")
    objectives: list = attribute(list, "1", "names of the objectives; magnetisation and anisotropy have a minus sign")
    generation: int = attribute(int, "1", "number of the generation, from 0")
    unchanged: int = attribute(int, "1", "generations since the front changed")
    converged: int = attribute(int, "1", "1 if the search has ended: the front stayed the same for long enough")

    def check(self, where: str) -> None:
        """Check that flags and columns fit together."""
        super().check(where)
        columns = self.objective.shape[1]
        found = f"{len(self.objectives)} names for {columns} objectives"
        self.require(len(self.objectives) == columns, where, "attribute 'objectives'", found, "one name each")
        for name in ("on_front", "alive", "has_energy"):
            flags = getattr(self, name)
            self.require(bool((flags <= 1).all()), where, f"field {name!r}", f"up to {flags.max(initial=0)}", "0 or 1")
        self.require(self.converged in (0, 1), where, "attribute 'converged'", str(self.converged), "0 or 1")

    @property
    def total_evaluations(self) -> int:
        """Evaluations of the model so far."""
        return int(self.evaluations.sum())

    def parents(self) -> np.ndarray:
        """Rows of the parents of the next generation, best first."""
        rows = np.flatnonzero(self.alive)
        return rows[np.argsort(self.place[rows], kind="stable")]

    def front(self) -> np.ndarray:
        """Rows of the Pareto front, lowest formation energy first."""
        rows = np.flatnonzero(self.on_front)
        return rows[np.argsort(self.formation_energy_eV_per_atom[rows], kind="stable")]

    def row_of(self, identity: int) -> int:
        """Row of a crystal by its id; KeyError if it is not there."""
        row = int(np.searchsorted(self.id, identity))
        if row == len(self.id) or self.id[row] != identity:
            raise KeyError(identity)
        return row

    def ancestors(self, identity: int) -> list[int]:
        """Ids of all that a crystal descends from, youngest first, itself included."""
        found: list[int] = []
        waiting = [int(identity)]
        while waiting:
            youngest = max(waiting)
            waiting = [other for other in waiting if other != youngest]
            found.append(youngest)
            waiting += [int(parent) for parent in self.parent[self.row_of(youngest)] if parent >= 0]
        return found
