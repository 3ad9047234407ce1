"""PAW potentials: which one an element takes, where PMG_VASP_PSP_DIR keeps it, and what its header recommends.

The files are licensed: they are put into a run's folder when VASP starts and taken away when it has ended. Prepared
folders and archives hold a ``POTCAR.spec``, the names alone.
"""

from __future__ import annotations

import functools
import gzip
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pymatgen.core import SETTINGS
from pymatgen.io.vasp.sets import MPRelaxSet

VARIABLE = "PMG_VASP_PSP_DIR"
SPEC_FILE = "POTCAR.spec"
_FOLDERS = {
    "PBE": "POT_GGA_PAW_PBE",
    "PBE_52": "POT_GGA_PAW_PBE_52",
    "PBE_54": "POT_GGA_PAW_PBE_54",
    "PBE_64": "POT_PAW_PBE_64",
}
_MATERIALS_PROJECT: Mapping[str, str] = MPRelaxSet.CONFIG["POTCAR"]


class PotentialError(RuntimeError):
    """A potential that does not exist or cannot be read; the message says which and where it was looked for."""


@dataclass(frozen=True)
class Potential:
    """One POTCAR: its whole `text` and the numbers used from its header (`enmax_eV`, `rwigs_A`)."""

    text: str
    title: str
    enmax_eV: float
    rwigs_A: float


def symbol(element: str, chosen: Mapping[str, str]) -> str:
    """Name of the potential of an element: the calculation's choice, or the Materials Project's.

    Raises
    ------
    PotentialError
        If neither knows the element.
    """
    name = chosen.get(element) or _MATERIALS_PROJECT.get(element)
    if not name:
        raise PotentialError(f"no PAW potential is known for {element}; name one in the calculation's potentials")
    return name


def root() -> Path | None:
    """Folder of the potentials: the environment's PMG_VASP_PSP_DIR, or that of pymatgen's settings."""
    value = os.environ.get(VARIABLE) or SETTINGS.get(VARIABLE)
    return Path(value).expanduser() if value else None


def find(name: str, functional: str) -> Path:
    """Path of a potential below PMG_VASP_PSP_DIR.

    Raises
    ------
    PotentialError
        If the variable is not set, or no file of this name is there; the message lists the paths tried.
    """
    folder = root()
    if folder is None:
        raise PotentialError(f"{VARIABLE} is not set: it has to name the folder of VASP's potentials")
    base = folder / _FOLDERS[functional]
    tried = [base / f"POTCAR.{name}", base / name / "POTCAR"]
    for path in tried:
        for candidate in (path, path.with_name(path.name + ".gz")):
            if candidate.is_file():
                return candidate
    raise PotentialError(f"no POTCAR of {name} ({functional}): tried {', '.join(map(str, tried))}")


def load(name: str, functional: str) -> Potential:
    """Read a potential.

    Raises
    ------
    PotentialError
        If there is none, or its header lacks ENMAX or RWIGS.
    """
    return _load(find(name, functional))


def write_spec(symbols: Sequence[str], folder: Path) -> None:
    """Write the names, one per line in the order of the POSCAR, as pymatgen does."""
    (folder / SPEC_FILE).write_text("\n".join(symbols))


def read_spec(folder: Path) -> list[str]:
    """Read the names written by `write_spec`."""
    return (folder / SPEC_FILE).read_text().split()


def write_potcar(names: Iterable[str], functional: str, folder: Path) -> list[Potential]:
    """Put the POTCAR of these potentials into a folder; returns them in the same order."""
    loaded = [load(name, functional) for name in names]
    (folder / "POTCAR").write_text("".join(item.text for item in loaded))
    return loaded


@functools.lru_cache(maxsize=128)
def _load(path: Path) -> Potential:
    if path.suffix == ".gz":
        with gzip.open(path, "rt") as stream:
            text = stream.read()
    else:
        text = path.read_text()
    enmax = re.search(r"ENMAX\s*=\s*([\d.]+)", text)
    # The header holds the radius twice: in atomic units, then in angstrom.
    rwigs = re.search(r"RWIGS\s*=\s*[\d.]+\s*;\s*RWIGS\s*=\s*([\d.]+)", text)
    if enmax is None or rwigs is None:
        raise PotentialError(f"{path}: no {'ENMAX' if enmax is None else 'RWIGS'} in what should be a POTCAR")
    title = text.split("\n", 1)[0].strip()
    return Potential(text if text.endswith("\n") else text + "\n", title, float(enmax[1]), float(rwigs[1]))
