"""PAW data sets in the XML format that ABINIT reads."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

# What is needed stands in the head of the file, before the first radial function.
_HEAD_BYTES = 20000


class PotentialError(ValueError):
    """A data set that is absent or cannot be used; the message says which and why."""


@dataclass(frozen=True)
class DataSet:
    """One PAW data set: its file, the electrons in the valence, the radius of its sphere, a cutoff that it needs."""

    path: Path
    valence: float
    radius_bohr: float
    cutoff_Ha: float


@functools.cache
def data_set(folder: str, symbol: str) -> DataSet:
    """Read the data set of an element.

    Raises
    ------
    PotentialError
        If there is none, or it was made for another functional than PBE.
    """
    path = Path(folder) / f"{symbol}.xml"
    if not path.is_file():
        have = ", ".join(sorted(p.stem for p in Path(folder).glob("*.xml"))) or "none"
        raise PotentialError(f"{symbol}: found no {path}, allowed: elements with a data set there ({have})")
    with path.open(encoding="utf-8", errors="replace") as stream:
        head = stream.read(_HEAD_BYTES)
    functional = _attribute(head, "xc_functional", "name", path)
    if functional.upper() not in ("PBE", "GGA_X_PBE+GGA_C_PBE"):
        raise PotentialError(f"{path}: found functional {functional}, allowed: PBE")
    return DataSet(
        path,
        float(_attribute(head, "atom", "valence", path)),
        float(_attribute(head, "paw_radius", "rc", path)),
        float(_attribute(head, "pw_ecut", "medium", path)),
    )


def _attribute(head: str, tag: str, name: str, path: Path) -> str:
    """Value of an attribute of the first tag of this name."""
    found = re.search(rf'<{tag}\s[^>]*\b{name}\s*=\s*"\s*([^"]*?)\s*"', head)
    if found is None:
        raise PotentialError(f"{path}: found no {name} of <{tag}>, expected a PAW data set in XML")
    return found[1]
