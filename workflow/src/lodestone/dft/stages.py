"""What a batch starts from: the crystals of a set, what earlier steps made of them, and what was refused."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lodestone.artifacts.calculations import Calculations
from lodestone.artifacts.structure_set import StructureSet
from lodestone.dft.backend import Backend
from lodestone.dft.batches import Start
from lodestone.dft.calculation import Calculation, Problem, Status
from lodestone.dft.moments import FOUND
from lodestone.structures import checks

if TYPE_CHECKING:
    from pymatgen.core import Structure


class CalculationsRefused(ValueError):
    """Calculations that would fail; the message has a line for each problem.

    Attributes
    ----------
    problems : list of Problem
        Crystal and reason.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        head = f"{len(self.problems)} problems, found before anything was submitted"
        super().__init__("\n  ".join([head, *map(str, self.problems)]))


def find_problems(
    crystals: StructureSet, calculations: Sequence[Calculation], backend: Backend, *, runs_here: bool = False
) -> list[Problem]:
    """Everything that can be known to go wrong: crowded atoms, and what the back end cannot do.

    Raises
    ------
    CalculationsRefused
        For problems of no single crystal, such as an executable that is missing.
    """
    found = [Problem(error.name, error.reason) for error in checks.problems(crystals)]
    structures = dict(zip(crystals.names(), crystals.structures(), strict=True))
    for calculation in calculations:
        found += backend.check(structures, calculation, runs_here=runs_here)
        found += _without_targets(crystals, calculation)
    found = list(dict.fromkeys(found))
    common = [problem for problem in found if not problem.name]
    if common:
        raise CalculationsRefused(common)
    return found


def _without_targets(crystals: StructureSet, calculation: Calculation) -> list[Problem]:
    """Crystals whose moments should be held at values that nobody gave."""
    if calculation.kind != "constrained":
        return []
    reason = "constrained: found no moments, allowed: a moment of every site (magmom)"
    return [Problem(crystals.name(k), reason) for k in range(len(crystals)) if not crystals.has_moment[k]]


def write_checks(path: str | Path, problems: Sequence[Problem]) -> None:
    """Write the refused crystals as JSON: name to reasons."""
    reasons: dict[str, list[str]] = {}
    for problem in problems:
        reasons.setdefault(problem.name, []).append(problem.reason)
    Path(path).write_text(json.dumps({"refused": {k: "; ".join(v) for k, v in reasons.items()}}, indent=1) + "\n")


def starts(
    crystals: StructureSet, numbers: range, refused: Mapping[str, str], kind: str, before: Calculations | None
) -> list[Start]:
    """Crystals of one batch as this step finds them.

    Parameters
    ----------
    crystals : StructureSet
        The whole set.
    numbers : range
        Numbers of those that belong to the batch.
    refused : mapping of str to str
        Reason by name of a crystal.
    kind : str
        Kind of the calculation: one that holds moments takes them from the set, not from the step before.
    before : Calculations or None
        The same batch after the step before.
    """
    made = []
    for row, number in enumerate(numbers):
        name, structure = crystals.name(number), crystals.structure(number)
        if name in refused:
            made.append(Start(number, name, structure, Status.REFUSED, refused[name]))
        elif before is None:
            made.append(Start(number, name, structure))
        else:
            made.append(_carried(before, row, number, structure, kind))
    return made


def _carried(before: Calculations, row: int, number: int, given: Structure, kind: str) -> Start:
    """Take over what the step before left, if it converged."""
    if int(before.index[row]) != number:
        raise ValueError(f"step {before.kind}: found crystal {before.index[row]} in row {row}, expected {number}")
    name = before.names()[row]
    status = Status(int(before.status[row]))
    if status != Status.CONVERGED:
        reason = before.messages()[row]
        message = f"{before.kind}: {status.name.lower().replace('_', ' ')}" + (f": {reason}" if reason else "")
        return Start(number, name, given, Status.SKIPPED, message)
    structure = before.structure(row)
    moments: Any = given.site_properties.get("magmom")
    if kind != "constrained" and before.moments_signed and before.has_moments[row]:
        moments = structure.site_properties["magmom"]
        # Moments that were held tell nothing of what the crystal does when they are free.
        structure.properties[FOUND] = before.kind != "constrained"
    if "magmom" in structure.site_properties:
        structure.remove_site_property("magmom")
    if moments is not None:
        structure.add_site_property("magmom", list(moments))
    return Start(number, name, structure)
