"""Candidates of the search after their relaxation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lodestone.artifacts.base import array
from lodestone.artifacts.calculation_status import STATUS_TEXT, Status
from lodestone.artifacts.candidates import Candidates
from lodestone.artifacts.ragged import group_sizes, unpack_texts


@dataclass(frozen=True, kw_only=True, eq=False)
class RelaxedCandidates(Candidates):
    """Geometries at the end of the relaxation, with energies; moments of the sites are the model's, if it has any."""

    SCHEMA: ClassVar[str] = "relaxed_candidates"
    VERSION: ClassVar[int] = 1
    RAGGED: ClassVar[Mapping[str, str]] = {**Candidates.RAGGED, "message_byte": "message_offset"}

    status: np.ndarray = array(("structure",), "uint8", "1", f"how the relaxation ended: {STATUS_TEXT}")
    energy_eV: np.ndarray = array(("structure",), "float64", "eV", "energy of the cell by the model that relaxed")
    has_energy: np.ndarray = array(("structure",), "uint8", "1", "1 where there is an energy")
    largest_force_eV_A: np.ndarray = array(("structure",), "float64", "eV / Angstrom", "largest force at the end")
    largest_stress_eV_A3: np.ndarray = array(
        ("structure",), "float64", "eV / Angstrom3", "largest component of the stress at the end"
    )
    evaluations: np.ndarray = array(("structure",), "int64", "1", "evaluations of the model for this crystal")
    message_offset: np.ndarray = array(("structure_plus_one",), "int64", "1", "first byte of each message")
    message_utf8: np.ndarray = array(("message_byte",), "uint8", "1", "why a relaxation failed, in words")

    def check(self, where: str) -> None:
        """Codes and flags must make sense."""
        super().check(where)
        fits = group_sizes(self.message_offset, len(self.message_utf8)) is not None
        self.require(fits, where, "field 'message_offset'", "others", f"rising from 0 to {len(self.message_utf8)}")
        largest = int(self.status.max(initial=0))
        self.require(largest <= max(Status), where, "field 'status'", f"code {largest}", STATUS_TEXT)
        lost = (self.status == Status.CONVERGED) & (self.has_energy == 0)
        self.require(not lost.any(), where, "field 'status'", "converged without an energy", "both")

    def messages(self) -> list[str]:
        """Why relaxations failed; empty where they did not."""
        return unpack_texts(self.message_offset, self.message_utf8)
