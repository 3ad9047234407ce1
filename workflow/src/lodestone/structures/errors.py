"""Structures that cannot be used: which one, and why."""

from __future__ import annotations

from collections.abc import Sequence


class StructureError(ValueError):
    """A structure that is refused.

    Attributes
    ----------
    name : str
        File, entry of a file, or name of the structure.
    reason : str
        What was found, and what is allowed.
    """

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"{name}: {reason}")


class StructuresRefused(ValueError):
    """Several structures that are refused; the message has a line for each.

    Attributes
    ----------
    problems : list of StructureError
        One for each structure.
    """

    def __init__(self, problems: Sequence[StructureError]) -> None:
        self.problems = list(problems)
        super().__init__("\n  ".join([f"{len(self.problems)} structures refused", *map(str, self.problems)]))


def raise_all(problems: Sequence[StructureError]) -> None:
    """Raise the one problem, or all in one; nothing for an empty list."""
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise StructuresRefused(problems)
