"""How a calculation of a crystal can end."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """How a calculation ended."""

    CONVERGED = 0
    NOT_CONVERGED = 1
    FAILED = 2
    WALLTIME = 3
    LOST_MOMENT = 4
    FLIPPED_MOMENT = 5
    REFUSED = 6
    SKIPPED = 7


STATUS_TEXT = (
    "0 converged, 1 not converged, 2 failed, 3 out of time, 4 moment lost, 5 moment flipped, "
    "6 refused before it was run, 7 skipped because an earlier step gave no structure"
)

SHELL_TEXT = (
    "0 no rare earth, 1 added by Hund's rules to the back end's open core, 2 missing (a fitted model or a core that is "
    "not trivalent), 3 what the back end's valence electrons have"
)
