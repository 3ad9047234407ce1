"""Asks the web interface of the Materials Project, page by page, and says what to do where it gives no answer.

pymatgen's client holds the address, the key and the session: the package mp-api would bring 22 packages more (boto3,
pyarrow, deltalake, ...) for the same answers. The pages are asked for here, because that client drops what the
interface says of its refusals, of the time to wait, and of how many documents there are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lodestone.structures.errors import StructureError
from lodestone.structures.materials_project import DASHBOARD, KEY_VARIABLES, Document, subsystems

if TYPE_CHECKING:
    from requests import Response

FIELDS = ("material_id", "structure")
PER_PAGE = 1000
_WHERE = "Materials Project"
_PATH = "materials/summary/"
_TIMEOUT_S = 60
# An answer may fail for a moment (rate limit, restart of the server).
_ATTEMPTS = 4
_LONGEST_PAUSE_S = 120.0
_LONGEST_DETAIL = 200
_KEY_REFUSED = (401, 403)
_TOO_MANY = 429
_OFFLINE = (
    "found no connection, expected one: behind a proxy set HTTPS_PROXY, on a cluster start Snakemake on a node with"
    " access to the network, or bring a kept answer"
)


class _Passing(Exception):
    """No answer this time; the message says why, `pause_s` how long the interface wants to be left alone."""

    def __init__(self, reason: str, pause_s: float = 0.0) -> None:
        super().__init__(reason)
        self.pause_s = pause_s


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
        If there is no answer, the key is refused, or the answer is not whole; it says what to do.
    """
    from pymatgen.ext.matproj import MPRester

    question = {
        "chemsys": ",".join(subsystems(systems)),
        "deprecated": "false",
        "_fields": ",".join(FIELDS),
        "_all_fields": "False",
        "_per_page": PER_PAGE,
    }
    documents: list[Document] = []
    with MPRester(key) as client:
        address = (endpoint or client.preamble).rstrip("/") + "/" + _PATH
        for page in range(1, 1_000_000):

            def ask(page: int = page) -> Mapping[str, Any]:
                return _page(client.session, address, {**question, "_page": page})

            answer = _patiently(ask, address, pause_s)
            documents.extend(answer["data"])
            total = int(answer["meta"].get("total_doc", len(documents)))
            if len(answer["data"]) < PER_PAGE or len(documents) >= total:
                break
    _require_whole(documents, total, systems, address)
    return sorted(documents, key=lambda document: str(document["material_id"]))


def _patiently(ask: Callable[[], Mapping[str, Any]], address: str, pause_s: float) -> Mapping[str, Any]:
    """Ask again, after longer and longer pauses, what may come right by itself."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return ask()
        except _Passing as error:
            if attempt == _ATTEMPTS:
                raise StructureError(_WHERE, f"{address}: {error}, after {_ATTEMPTS} attempts") from None
            time.sleep(min(max(pause_s * 2 ** (attempt - 1), error.pause_s), _LONGEST_PAUSE_S))
    raise AssertionError("the last attempt returns or raises")


def _page(session: Any, address: str, question: Mapping[str, Any]) -> Mapping[str, Any]:
    """One page of the answer."""
    import requests

    try:
        response = session.get(address, params=question, timeout=_TIMEOUT_S)
    except requests.RequestException as error:
        raise _Passing(f"{_OFFLINE} ({type(error).__name__})") from None
    if response.status_code != 200:
        _refuse(response, address)
    try:
        answer = response.json()
    except ValueError:
        raise _Passing(f"found no JSON ({response.text[:40]!r}), expected some: does a proxy answer instead?") from None
    if not isinstance(answer, dict) or not isinstance(answer.get("data"), list):
        raise StructureError(_WHERE, f"{address}: found no list `data` in the answer; its form has changed")
    return {"data": answer["data"], "meta": answer.get("meta") or {}}


def _refuse(response: Response, address: str) -> None:
    """Raise what the status of an answer means, and what to do."""
    status, detail = response.status_code, _detail(response)
    if status in _KEY_REFUSED:
        names = " or ".join(KEY_VARIABLES)
        raise StructureError(
            _WHERE,
            f"{address}: the key in {names} is refused (status {status}: {detail}); copy it anew from {DASHBOARD}",
        )
    if status == _TOO_MANY:
        raise _Passing(f"too many requests (status {status}); try again in some minutes", _wanted_pause_s(response))
    if status >= 500:
        raise _Passing(f"the server fails (status {status}: {detail}); try again later")
    raise StructureError(
        _WHERE, f"{address}: the question is refused (status {status}: {detail}); the interface has changed"
    )


def _detail(response: Response) -> str:
    """Words of the interface on its refusal."""
    try:
        content = response.json()
    except ValueError:
        content = response.text
    if isinstance(content, dict):
        content = content.get("detail") or content.get("message") or content
    return str(content)[:_LONGEST_DETAIL]


def _wanted_pause_s(response: Response) -> float:
    """Seconds that the interface asks for, 0 if it names none."""
    try:
        return float(response.headers.get("Retry-After", 0.0))
    except ValueError:
        return 0.0


def _require_whole(documents: Sequence[Document], total: int, systems: Sequence[str], address: str) -> None:
    """Refuse an answer that is empty or has less than was promised: it is kept, and everything rests on it."""
    if not documents:
        raise StructureError(_WHERE, f"found no structures of {', '.join(systems)}, expected one at least")
    if len(documents) != total:
        raise StructureError(_WHERE, f"{address}: found {len(documents)} of {total} documents, expected all")
    for field in FIELDS:
        without = [str(document.get("material_id")) for document in documents if not document.get(field)]
        if without:
            count = f"{len(without)} documents, the first {without[0]}"
            raise StructureError(_WHERE, f"{address}: found no {field} in {count}; the interface has changed")
