"""Structures of the Materials Project: the user's key, what to ask for, and answers that were kept."""

from __future__ import annotations

import gzip
import itertools
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pymatgen.core import Structure

from lodestone.artifacts.atomic import replacing
from lodestone.structures.errors import StructureError
from lodestone.structures.readers import Entry

KEY_VARIABLES = ("MP_API_KEY", "PMG_MAPI_KEY")
DASHBOARD = "https://materialsproject.org/dashboard"
_WHERE = "Materials Project"
_KEY_LENGTH = 32
Document = dict[str, Any]


def key_from(environment: Mapping[str, str] = os.environ) -> str:
    """Return the user's key.

    Raises
    ------
    StructureError
        If no variable holds one, or it has another length than keys of today have.
    """
    found = {name: environment[name].strip() for name in KEY_VARIABLES if environment.get(name, "").strip()}
    allowed = f"{_KEY_LENGTH} characters in {' or '.join(KEY_VARIABLES)}, from {DASHBOARD}"
    if not found:
        raise StructureError(_WHERE, f"no key, expected {allowed}")
    name, key = next(iter(found.items()))
    if len(key) != _KEY_LENGTH:
        raise StructureError(_WHERE, f"{name} has {len(key)} characters, expected {allowed}")
    return key


def subsystems(systems: Iterable[str]) -> list[str]:
    """Chemical systems with all systems of fewer of their elements: Nd-Fe gives Fe, Fe-Nd, Nd."""
    found = set()
    for system in systems:
        elements = sorted(set(system.split("-")))
        for size in range(1, len(elements) + 1):
            found |= {"-".join(part) for part in itertools.combinations(elements, size)}
    return sorted(found)


def save(path: str | Path, systems: Sequence[str], documents: Sequence[Document]) -> None:
    """Keep an answer as it came: gzipped JSON with the question; equal answers give equal bytes."""
    content = {"systems": sorted(systems), "documents": list(documents)}
    with replacing(path) as temporary:
        Path(temporary).write_bytes(gzip.compress(json.dumps(content, sort_keys=True).encode(), mtime=0))


def entries(path: str | Path) -> list[Entry]:
    """Structures of an answer that `save` kept; moments of the answer become start moments.

    Raises
    ------
    StructureError
        If the file or a document of it is damaged.
    """
    try:
        content = json.loads(gzip.decompress(Path(path).read_bytes()))
        documents = content["documents"]
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise StructureError(str(path), f"{error}, expected a kept answer of the Materials Project") from None
    return [_entry(document, str(path)) for document in documents]


def _entry(document: Document, where: str) -> Entry:
    """One structure of an answer."""
    name = str(document.get("material_id"))
    try:
        structure = Structure.from_dict(document["structure"])
    except (KeyError, TypeError, ValueError) as error:
        raise StructureError(f"{where}, {name}", f"no structure ({type(error).__name__}: {error})") from None
    return Entry(name, f"{name} of the Materials Project", structure)
