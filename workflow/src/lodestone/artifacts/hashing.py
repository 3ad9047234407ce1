"""Hashes of files and of settings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def file_sha256(path: str | Path) -> str:
    """sha256 of a file's bytes, read in pieces."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text.

    Raises
    ------
    ValueError
        For NaN or infinity, which JSON does not know.
    TypeError
        For values that JSON does not know and that are no numpy numbers.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain)


def settings_sha256(settings: Mapping[str, Any]) -> str:
    """sha256 of a mapping of settings, independent of the order of its keys."""
    return hashlib.sha256(canonical_json(dict(settings)).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """Turn numpy numbers and arrays and other mappings into what JSON knows."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Path):
        return value.as_posix()
    raise TypeError(f"settings: found a value of type {type(value).__name__}, expected numbers, text, lists, mappings")
