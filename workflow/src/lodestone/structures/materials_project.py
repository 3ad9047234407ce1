"""Structures of the Materials Project, through its web interface and the user's own key.

pymatgen's client is used: the package mp-api would bring 22 packages more (boto3, pyarrow, deltalake, ...) for the same
answers.
"""

from __future__ import annotations

import gzip
import itertools
import json
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pymatgen.core import Structure

from lodestone.artifacts.atomic import replacing
from lodestone.structures.errors import StructureError
from lodestone.structures.readers import Entry

KEY_VARIABLES = ("MP_API_KEY", "PMG_MAPI_KEY")
FIELDS = ("material_id", "structure")
_WHERE = "Materials Project"
_KEY_LENGTH = 32
# An answer may fail for a moment (rate limit, restart of the server).
_ATTEMPTS = 4
_FINAL = ("status code 401", "status code 403", "status code 404", "status code 422")
Document = dict[str, Any]


def key_from(environment: Mapping[str, str] = os.environ) -> str:
    """Return the user's key.

    Raises
    ------
    StructureError
        If no variable holds one, or it has another length than keys of today have.
    """
    found = {name: environment[name] for name in KEY_VARIABLES if environment.get(name)}
    allowed = f"{_KEY_LENGTH} characters in {' or '.join(KEY_VARIABLES)}, from https://materialsproject.org/dashboard"
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


def fetch(systems: Sequence[str], key: str, endpoint: str | None = None, pause_s: float = 5.0) -> list[Document]:
    """Ask for all structures of chemical systems and their subsystems.

    Parameters
    ----------
    systems : sequence of str
        Such as ``["Nd-Fe-B"]``.
    key : str
        The user's key; never written anywhere.
    endpoint : str, optional
        Address of the interface, if not the usual one.
    pause_s : float
        Seconds before the second attempt; doubled each time.

    Returns
    -------
    list of dict
        `material_id` and `structure` as they came, sorted by id.

    Raises
    ------
    StructureError
        If there is no answer, or the key is refused.
    """
    from pymatgen.ext.matproj import MPRester, MPRestError

    with MPRester(key) as client:
        client.preamble = endpoint or client.preamble
        query = {"chemsys": ",".join(subsystems(systems)), "deprecated": "false"}
        url = f"materials/summary/?_fields={','.join(FIELDS)}&_all_fields=False"
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = client.request(url, payload=query, mp_decode=False)
                break
            except MPRestError as error:
                reason = (str(error).splitlines() or ["no answer"])[0]
                if attempt == _ATTEMPTS or any(status in reason for status in _FINAL):
                    raise StructureError(_WHERE, f"{client.preamble}: {reason}") from None
                time.sleep(pause_s * 2 ** (attempt - 1))
    return sorted(answer, key=lambda document: str(document.get("material_id")))


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
