"""Text files of other programs: lines, exact numbers and cells, each refused by file and line."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lodestone.kkr.lines import OutputError

# Volume per atom: no solid lies outside. Beyond: a wrong unit of length.
_ATOM_A3 = (2.0, 200.0)


def read_lines(path: Path) -> list[str]:
    """Lines of a file, packed or not."""
    try:
        if path.suffix == ".gz":
            return gzip.decompress(path.read_bytes()).decode().splitlines()
        return path.read_text().splitlines()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as problem:
        raise OutputError(str(path), 1, str(problem), "a text file that can be read") from None


def exactly(path: Path, line: int, text: str, least: int, what: str, at_most: int | None = None) -> list[float]:
    """Numbers of a line with nothing else on it, at least so many, all finite."""
    try:
        values = [float(token) for token in text.split()]
    except ValueError:
        values = []
    if len(values) < least or not np.isfinite(values).all() or (at_most is not None and len(values) > at_most):
        raise OutputError(str(path), line, text, what)
    return values


def check_volume(path: Path, line: int, lattice: NDArray[np.float64], atoms: int) -> None:
    """Refuse a cell that cannot hold its atoms, or is far too large for them."""
    each = abs(float(np.linalg.det(lattice))) / max(atoms, 1)
    if not _ATOM_A3[0] <= each <= _ATOM_A3[1]:
        raise OutputError(
            str(path), line, f"{each:.4g} A^3 for each of {atoms} atoms", f"{_ATOM_A3[0]:g} to {_ATOM_A3[1]:g} A^3"
        )
