"""The error that every check of a model raises."""

from __future__ import annotations

from pathlib import Path


class ModelError(ValueError):
    """A model that cannot be used; the message names the file or place, what was found and what was expected."""

    def __init__(self, where: str | Path, found: str, expected: str) -> None:
        self.where, self.found, self.expected = str(where), found, expected
        super().__init__(f"{where}: found {found}, expected {expected}")
