"""Which files of structures a path stands for; light, for the rules read it."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

COMPRESSED = (".gz", ".bz2", ".xz")
# What a folder is searched for, in capitals or not, compressed or not; a file that is named may have any name.
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
)


def expand(paths: Iterable[str | Path]) -> list[str]:
    """Return files as they are, and for folders the structure files in them, sorted, not those in folders below.

    What does not exist, and a folder without structures, stays in the list: readers and Snakemake name it.
    """
    found: list[str] = []
    for path in map(Path, paths):
        files = path.iterdir() if path.is_dir() else ()
        inside = sorted(str(file) for file in files if _fits(file.name) and file.is_file())
        found.extend(inside or [str(path)])
    return list(dict.fromkeys(found))


def rule_inputs(paths: Iterable[str | Path]) -> list[str]:
    """Return the same as inputs of a rule, whose names can hold no braces: Snakemake takes them for wildcards.

    Raises
    ------
    ValueError
        With the names that have braces.
    """
    found = expand(paths)
    braced = [path for path in found if "{" in path or "}" in path]
    if braced:
        raise ValueError(f"structures.files: found {', '.join(braced)}, allowed: names without braces; rename them")
    return found


def plain_name(name: str) -> str:
    """Name of a file without the ending that says that it is compressed."""
    return Path(name).stem if Path(name).suffix.lower() in COMPRESSED else name


def _fits(name: str) -> bool:
    """Whether a folder's file is one of structures; hidden ones are leftovers of editors and other systems."""
    plain = plain_name(name).lower()
    return not name.startswith(".") and any(fnmatchcase(plain, pattern.lower()) for pattern in PATTERNS)


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
