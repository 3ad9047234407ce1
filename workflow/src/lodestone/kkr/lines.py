"""A cursor over the lines of an output, and numbers as Fortran prints them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[EeDd][-+]?\d+)?|NaN|[-+]?Infinity|\*+"
_NUMBER = re.compile(NUMBER)
_PAIRS = re.compile(r"([A-Za-z][\w/]*)=\s*([^\s=(),]+)")


class OutputError(ValueError):
    """A file that is no such output, or has a line that cannot be read: file, line, found and allowed."""

    def __init__(self, path: str, line: int, found: str, expected: str) -> None:
        super().__init__(f"{path}, line {line}: found {found.strip()[:120]!r}, expected {expected}")
        self.path, self.line = path, line


def number(text: str) -> float:
    """Return a Fortran number; a field of asterisks (too wide to print) becomes NaN."""
    return math.nan if text.startswith("*") else float(text.replace("D", "E").replace("d", "e"))


def numbers(text: str) -> list[float]:
    """All numbers of a line, in their order."""
    return [number(match) for match in _NUMBER.findall(text)]


def plain(text: str) -> str | int | float:
    """Return text as an integer or number where it is one."""
    if re.fullmatch(r"[-+]?\d+", text):
        return int(text)
    return number(text) if _NUMBER.fullmatch(text) else text


def assignments(text: str) -> dict[str, str]:
    """Every ``key= value`` of a line."""
    return dict(_PAIRS.findall(text))


class Lines:
    """Lines of one run, with a cursor that knows file and line number."""

    def __init__(self, path: str, lines: list[str], first: int) -> None:
        self.path, self.lines, self.first = path, lines, first
        self.at = 0

    def __iter__(self) -> Iterator[str]:
        """Yield the lines from the cursor on; what reads further moves it."""
        while self.at < len(self.lines):
            self.at += 1
            yield self.lines[self.at - 1]

    def peek(self) -> str | None:
        """Return the next line without moving, None at the end."""
        return self.lines[self.at] if self.at < len(self.lines) else None

    def block(self) -> Iterator[str]:
        """Yield the following lines up to a blank one."""
        while (line := self.peek()) is not None and line.strip():
            self.at += 1
            yield line

    def skip_blank(self) -> None:
        """Move to the next line that is not blank."""
        while (line := self.peek()) is not None and not line.strip():
            self.at += 1

    def error(self, found: str, expected: str) -> OutputError:
        """Return an error about the line last read."""
        return OutputError(self.path, self.first + self.at - 1, found, expected)

    def take(self, text: str, count: int, what: str) -> list[float]:
        """Return exactly `count` numbers of the line last read."""
        found = numbers(text)
        if len(found) != count:
            raise self.error(text, f"{count} numbers: {what}")
        return found
