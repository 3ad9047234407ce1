"""Which module speaks for which study.

A study's module has two names: ``RULES``, a sequence of `rulegraph.Rule` in an order in which each follows those it
needs, and ``compose(library, config, log)``, which reads what it needs from the library by name and returns a
`blocks.Study`, or None if nothing of the study was run. A new study adds its module here and nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol, cast

from lodestone.report.blocks import Study
from lodestone.report.inputs import Library
from lodestone.report.rulegraph import Rule

STUDIES = {
    "hysteresis": "lodestone.report.hysteresis",
    "electronic_structure": "lodestone.report.electronic_structure",
    "nd_fe_search": "lodestone.report.nd_fe_search",
    "spin_potential": "lodestone.report.spin_potential",
}


class StudyModule(Protocol):
    """What a study's module offers."""

    RULES: Sequence[Rule]

    def compose(self, library: Library, config: Mapping[str, Any], log: logging.Logger) -> Study | None:
        """Read the study's artifacts and say what came out."""


def study_module(name: str) -> StudyModule:
    """Import the module of a study.

    Raises
    ------
    ValueError
        The study has no module.
    """
    if name not in STUDIES:
        raise ValueError(f"studies: found {name}, the report knows {', '.join(sorted(STUDIES))}")
    return cast(StudyModule, import_module(STUDIES[name]))
