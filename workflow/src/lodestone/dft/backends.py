"""Back ends by name; none is imported before it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from lodestone.dft.backend import Backend

_CLASSES = {
    "abinit": ("lodestone.dft.abinit.backend", "Abinit"),
    "chgnet": ("lodestone.dft.chgnet", "Chgnet"),
    "vasp": ("lodestone.dft.vasp.backend", "Vasp"),
}
NAMES = tuple(_CLASSES)


def backend(name: str, options: Mapping[str, Any] | None = None) -> Backend:
    """Return the back end of this name.

    Raises
    ------
    ValueError
        If there is none; the message lists those that there are.
    """
    if name not in _CLASSES:
        raise ValueError(f"back end: found {name!r}, allowed: {', '.join(NAMES)}")
    module, cls = _CLASSES[name]
    return getattr(importlib.import_module(module), cls)(options)
