"""The error that every check of an artifact raises."""

from __future__ import annotations

from pathlib import Path


class ArtifactError(ValueError):
    """An artifact that is not what it has to be; the message names the place, what was found and what was expected."""

    def __init__(self, where: str | Path, what: str, found: str, expected: str) -> None:
        self.where, self.what, self.found, self.expected = str(where), what, found, expected
        super().__init__(f"{where}: {what}: found {found}, expected {expected}")

    def at(self, where: str | Path) -> ArtifactError:
        """Return the same complaint about another place (a file instead of an object in memory)."""
        return ArtifactError(where, self.what, self.found, self.expected)
