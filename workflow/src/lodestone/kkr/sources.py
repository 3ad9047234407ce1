"""Exchange couplings from whatever file holds them; the kind is seen from the name and the first lines."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.exchange import Exchange
from lodestone.artifacts.hashing import settings_sha256
from lodestone.kkr import convert, tb2j
from lodestone.kkr.exchange import from_akaikkr
from lodestone.kkr.output import read_output
from lodestone.kkr.output_types import AkaiKKROutput

KINDS = ("akaikkr", "uppasd", "vampire", "tb2j")
_LABELS = {"akaikkr": "AkaiKKR", "uppasd": "UppASD input", "vampire": "VAMPIRE unit cell file", "tb2j": "TB2J"}


def kind_of(path: Path) -> str:
    """Which program's format a file or folder has."""
    if path.is_dir() or path.name == "inpsd.dat":
        return "uppasd"
    if path.suffix.lower() == ".ucf":
        return "vampire"
    if not path.is_file():
        raise ValueError(f"{path}: no such file, expected couplings of {', '.join(KINDS)}")
    head = path.read_text(errors="replace")[:4000]
    return "tb2j" if "TB2J" in head or "Cell (Angstrom)" in head else "akaikkr"


def label(kind: str) -> str:
    """Name of a kind of file in words, for provenance."""
    return _LABELS[kind]


def read(path: str | PathLike[str], provenance: Provenance, name: str | None = None) -> Exchange:
    """Read couplings from a file of any of the `KINDS`.

    Raises
    ------
    ValueError
        The file cannot be read as what it seems to be; the message names file and line.
    """
    where = Path(path)
    kind = kind_of(where)
    if kind == "uppasd":
        return convert.read_uppasd(where, provenance, name)
    if kind == "vampire":
        return convert.read_vampire(where, provenance)
    if kind == "tb2j":
        return tb2j.read_tb2j(where, provenance)
    return from_akaikkr(read_output(where), name or where.stem, provenance)


def exchange_of(source: Exchange | AkaiKKROutput | str | PathLike[str]) -> Exchange:
    """Exchange artifact of an artifact, an output, or a file of either or of another program."""
    if isinstance(source, Exchange):
        return source
    if isinstance(source, AkaiKKROutput):
        return from_akaikkr(source, Path(source.path).stem, _provenance("akaikkr"))
    if not isinstance(source, str | PathLike):
        raise ValueError(f"exchange: found {type(source).__name__}, allowed are Exchange, AkaiKKROutput or a path")
    path = Path(source)
    return Exchange.read(path) if path.suffix == ".h5" else read(path, _provenance(kind_of(path)))


def _provenance(kind: str) -> Provenance:
    """Where couplings came from that were read in a notebook."""
    return Provenance(backend=label(kind), seed=0, config_sha256=settings_sha256({}))
