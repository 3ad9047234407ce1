"""The modules of alignn, imported when they are needed and without the warnings that they give on the way."""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import warnings
from types import ModuleType


@functools.cache
def alignn(name: str) -> ModuleType:
    """Return a module of alignn, such as ``models.alignn_atomwise_pure``."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # its settings are written for an older pydantic
        return importlib.import_module(f"alignn.{name}")


def pure_model() -> ModuleType:
    """Return the module with ALIGNN in plain torch."""
    return alignn("models.alignn_atomwise_pure")
