"""The Materials Project, played by a server on this machine that answers as its web interface does."""

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from crystals import bcc_iron, ca_cu5
from support import ROOT

from lodestone.structures import materials_project, materials_project_client, readers
from lodestone.structures.duplicates import same
from lodestone.structures.errors import StructureError

KEY = "k" * 32


def document(name, structure):
    """One entry of an answer: the structure as the interface writes it, moments as a property of the sites."""
    return {"material_id": name, "structure": json.loads(json.dumps(structure.as_dict(verbosity=1)))}


def recorded():
    """Documents of the Materials Project itself; see the SOURCES.md beside them."""
    path = ROOT / "tests" / "data" / "materials_project" / "documents.json.gz"
    documents = json.loads(gzip.decompress(path.read_bytes()))
    return [
        {"material_id": one["task_id"], "structure": one["structure"]} for one in documents if not one["deprecated"]
    ]


DOCUMENTS = [document("mp-13", bcc_iron([2.2, 2.2])), document("mp-11382", ca_cu5())]


class Interface:
    """A server that keeps what it was asked; `trouble` are statuses that it gives first, `total` what it promises."""

    def __init__(self, documents, trouble=(), total=None, headers=None):
        self.documents, self.trouble, self.asked = documents, list(trouble), []
        self.total = len(documents) if total is None else total
        interface = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
                interface.asked.append((urlsplit(self.path).path, query))
                status, content = interface.answer(query, self.headers.get("x-api-key"))
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content if isinstance(content, bytes) else json.dumps(content).encode())

            def log_message(self, *_):
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}/"

    def answer(self, query, key):
        if key != KEY:
            return 403, {"message": "Invalid authentication credentials"}
        if self.trouble:
            status = self.trouble.pop(0)
            return status if isinstance(status, tuple) else (status, {"detail": "later"})
        size, page = int(query["_per_page"]), int(query["_page"])
        part = self.documents[size * (page - 1) : size * page]
        return 200, {"data": part, "meta": {"api_version": "0.86", "total_doc": self.total}}

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def test_an_answer_is_kept_as_it_came_and_becomes_structures(tmp_path):
    with Interface(DOCUMENTS) as interface:
        found = materials_project_client.fetch(["Nd-Fe"], KEY, interface.endpoint)
    path, query = interface.asked[0]
    assert path == "/materials/summary/"
    assert query["chemsys"] == "Fe,Fe-Nd,Nd"
    assert query["_fields"] == "material_id,structure"
    assert query["deprecated"] == "false"
    assert [entry["material_id"] for entry in found] == ["mp-11382", "mp-13"]
    for name in ("a.json.gz", "b.json.gz"):
        materials_project.save(tmp_path / name, ["Nd-Fe"], found)
    assert (tmp_path / "a.json.gz").read_bytes() == (tmp_path / "b.json.gz").read_bytes()
    assert KEY not in gzip.decompress((tmp_path / "a.json.gz").read_bytes()).decode()
    entries = readers.usable(materials_project.entries(tmp_path / "a.json.gz"))
    assert [entry.name for entry in entries] == ["mp-11382", "mp-13"]
    assert same(entries[0].structure, ca_cu5())
    assert entries[1].structure.site_properties["magmom"] == [2.2, 2.2]
    assert entries[1].source == "mp-13 of the Materials Project"


def test_documents_of_the_materials_project_become_structures(tmp_path):
    with Interface(recorded()) as interface:
        found = materials_project_client.fetch(["Fe", "Li", "V"], KEY, interface.endpoint)
    materials_project.save(tmp_path / "answer.json.gz", ["Fe", "Li", "V"], found)
    entries = {entry.name: entry for entry in readers.usable(materials_project.entries(tmp_path / "answer.json.gz"))}
    assert len(entries) == 20
    iron = entries["mp-13"].structure
    assert (iron.composition.formula, iron.lattice.a) == ("Fe1", pytest.approx(2.46654, abs=1e-5))
    assert iron.site_properties["magmom"] == [2.222]
    assert entries["mp-1245108"].structure.composition.formula == "Fe100"  # amorphous


@pytest.mark.parametrize("count", [999, 1000, 1001, 2500])
def test_all_pages_are_asked_for(count):
    many = [document(f"mp-{i}", bcc_iron()) for i in range(1, count + 1)]
    with Interface(many) as interface:
        found = materials_project_client.fetch(["Fe"], KEY, interface.endpoint)
    assert len(found) == len({entry["material_id"] for entry in found}) == count
    assert [query["_page"] for _, query in interface.asked] == [str(i) for i in range(1, 1 + -(-count // 1000))]


def test_an_answer_that_fails_for_a_moment_is_asked_for_again():
    with Interface(DOCUMENTS, trouble=[429, 502, 503]) as interface:
        assert len(materials_project_client.fetch(["Nd-Fe"], KEY, interface.endpoint, pause_s=0.001)) == 2
    assert len(interface.asked) == 4
    with (
        Interface(DOCUMENTS, trouble=[500] * 9) as interface,
        pytest.raises(
            StructureError, match=r"Materials Project: .*the server fails \(status 500: later\).*after 4 attempts"
        ),
    ):
        materials_project_client.fetch(["Nd-Fe"], KEY, interface.endpoint, pause_s=0.001)


def test_a_rate_limit_is_kept_for_as_long_as_the_interface_asks(monkeypatch):
    pauses = []
    monkeypatch.setattr(materials_project_client.time, "sleep", pauses.append)
    with Interface(DOCUMENTS, trouble=[429, 429], headers={"Retry-After": "17"}) as interface:
        assert len(materials_project_client.fetch(["Nd-Fe"], KEY, interface.endpoint, pause_s=10)) == 2
    assert pauses == [17, 20]
    with Interface(DOCUMENTS, trouble=[429] * 9, headers={"Retry-After": "Thu, 01 Jan 2026"}) as interface:
        complaint = r"too many requests \(status 429\); try again in some minutes, after 4 attempts"
        with pytest.raises(StructureError, match=complaint):
            materials_project_client.fetch(["Nd-Fe"], KEY, interface.endpoint, pause_s=1)


def test_a_refused_key_is_not_tried_again():
    complaint = "key in MP_API_KEY or PMG_MAPI_KEY is refused .*403: Invalid authentication.* copy it anew from https"
    with Interface(DOCUMENTS) as interface, pytest.raises(StructureError, match=complaint) as caught:
        materials_project_client.fetch(["Nd-Fe"], "x" * 32, interface.endpoint)
    assert len(interface.asked) == 1
    assert "x" * 32 not in str(caught.value)
    with Interface(DOCUMENTS, trouble=[401]) as interface, pytest.raises(StructureError, match="refused .*401"):
        materials_project_client.fetch(["Nd-Fe"], KEY, interface.endpoint)


@pytest.mark.parametrize(
    ("trouble", "complaint"),
    [
        (
            (400, {"detail": "_fields: unknown"}),
            "question is refused .status 400: _fields: unknown.; the interface has",
        ),
        ((404, b"nothing here"), "question is refused .status 404: nothing here."),
        ((200, {"error": "moved"}), "found no list `data` in the answer"),
        ((200, [1, 2]), "found no list `data` in the answer"),
    ],
)
def test_an_interface_that_has_changed_is_said_at_once(trouble, complaint):
    with Interface(DOCUMENTS, trouble=[trouble]) as interface, pytest.raises(StructureError, match=complaint):
        materials_project_client.fetch(["Nd-Fe"], KEY, interface.endpoint)
    assert len(interface.asked) == 1


def test_a_page_of_a_proxy_is_no_answer():
    login = (200, b"<html>Please log in")
    with (
        Interface(DOCUMENTS, trouble=[login] * 4) as interface,
        pytest.raises(StructureError, match="found no JSON .*does a proxy answer instead"),
    ):
        materials_project_client.fetch(["Nd-Fe"], KEY, interface.endpoint, pause_s=0.001)


@pytest.mark.parametrize(
    ("documents", "total", "complaint"),
    [
        ([], None, "found no structures of Nd-Fe, expected one at least"),
        (DOCUMENTS, 3, "found 2 of 3 documents, expected all"),
        ([*DOCUMENTS, {"material_id": "mp-9"}], None, "found no structure in 1 documents, the first mp-9"),
        ([{"structure": DOCUMENTS[0]["structure"]}], None, "found no material_id in 1 documents"),
    ],
)
def test_an_answer_that_is_not_whole_is_not_kept(documents, total, complaint):
    with Interface(documents, total=total) as interface, pytest.raises(StructureError, match=complaint):
        materials_project_client.fetch(["Nd-Fe"], KEY, interface.endpoint)


def test_no_network_is_said_with_the_address_and_what_to_do():
    with Interface([]) as interface:
        endpoint = interface.endpoint
    with pytest.raises(StructureError, match="127.0.0.1.*found no connection.* proxy set HTTPS_PROXY.*on a cluster"):
        materials_project_client.fetch(["Nd-Fe"], KEY, endpoint, pause_s=0.001)


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({}, "no key, expected 32 characters in MP_API_KEY or PMG_MAPI_KEY"),
        ({"MP_API_KEY": ""}, "no key"),
        ({"MP_API_KEY": " \n"}, "no key"),
        ({"MP_API_KEY": "short"}, "MP_API_KEY has 5 characters"),
    ],
)
def test_a_missing_key_is_said_with_what_to_do(environment, complaint):
    with pytest.raises(StructureError, match=complaint):
        materials_project.key_from(environment)


def test_either_variable_may_hold_the_key():
    assert materials_project.key_from({"PMG_MAPI_KEY": KEY}) == KEY
    assert materials_project.key_from({"MP_API_KEY": f" {KEY}\n"}) == KEY
    assert materials_project.key_from({"MP_API_KEY": KEY, "PMG_MAPI_KEY": "other"}) == KEY


def test_subsystems_of_a_system():
    assert materials_project.subsystems(["Nd-Fe-B"]) == ["B", "B-Fe", "B-Fe-Nd", "B-Nd", "Fe", "Fe-Nd", "Nd"]
    assert materials_project.subsystems(["Nd-Fe", "Fe-Co"]) == ["Co", "Co-Fe", "Fe", "Fe-Nd", "Nd"]


def test_a_damaged_answer_is_refused_by_name(tmp_path):
    path = tmp_path / "answer.json.gz"
    for content in (b"", b"no gzip", gzip.compress(b"{"), gzip.compress(b"[]"), gzip.compress(b"{}")):
        path.write_bytes(content)
        with pytest.raises(StructureError, match="answer.json.gz: .*expected a kept answer"):
            materials_project.entries(path)
    materials_project.save(path, ["Fe"], [{"material_id": "mp-1", "structure": {"lattice": {}}}])
    with pytest.raises(StructureError, match="answer.json.gz, mp-1: no structure"):
        materials_project.entries(path)
