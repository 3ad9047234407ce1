"""Which files of structures a path stands for; light, for the rules read it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

# What a folder is searched for; a file that is named may have any name.
PATTERNS = (
    "*.cif",
    "*.mcif",
    "*.vasp",
    "*.poscar",
    "*POSCAR*",
    "*CONTCAR*",
    "*.xyz",
    "*.extxyz",
    "*.json",
    "*.jsonl",
    "*.jsonl.gz",
)


def expand(paths: Iterable[str | Path]) -> list[str]:
    """Return files as they are, and for folders the structure files in them, sorted, not those in folders below.

    What does not exist, and a folder without structures, stays in the list: readers and Snakemake name it.
    """
    found: list[str] = []
    for path in map(Path, paths):
        inside = sorted({str(file) for pattern in PATTERNS for file in path.glob(pattern) if file.is_file()})
        found.extend(inside or [str(path)])
    return list(dict.fromkeys(found))


def parent_names(paths: Iterable[str | Path]) -> dict[str, str]:
    """Name every file by its folder and name, numbered where two would have the same, for an artifact's parents."""
    named: dict[str, str] = {}
    for path in map(str, paths):
        name = "/".join(Path(path).parts[-2:])
        number, unique = 1, name
        while unique in named:
            number += 1
            unique = f"{name} ({number})"
        named[unique] = path
    return named
