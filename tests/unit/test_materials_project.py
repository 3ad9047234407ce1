"""The Materials Project, played by a server on this machine that answers as its web interface does."""

import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from crystals import bcc_iron, ca_cu5

from lodestone.structures import materials_project, readers
from lodestone.structures.duplicates import same
from lodestone.structures.errors import StructureError

KEY = "k" * 32


def document(name, structure):
    """One entry of an answer: the structure as the interface writes it, moments as a property of the sites."""
    return {"material_id": name, "structure": json.loads(json.dumps(structure.as_dict(verbosity=1)))}


DOCUMENTS = [document("mp-13", bcc_iron([2.2, 2.2])), document("mp-11382", ca_cu5())]


class Interface:
    """A server that keeps what it was asked; `trouble` are statuses that it gives first."""

    def __init__(self, documents, trouble=()):
        self.documents, self.trouble, self.asked = documents, list(trouble), []
        interface = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
                interface.asked.append((urlsplit(self.path).path, query))
                status, content = interface.answer(query, self.headers.get("x-api-key"))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(content).encode())

            def log_message(self, *_):
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}/"

    def answer(self, query, key):
        if key != KEY:
            return 403, {"message": "Invalid authentication credentials"}
        if self.trouble:
            return self.trouble.pop(0), {"detail": "later"}
        size, page = int(query["_per_page"]), int(query["_page"])
        part = self.documents[size * (page - 1) : size * page]
        return 200, {"data": part, "meta": {"api_version": "0.86", "total_doc": len(self.documents)}}

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
        found = materials_project.fetch(["Nd-Fe"], KEY, interface.endpoint)
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


def test_all_pages_are_asked_for():
    many = [document(f"mp-{i}", bcc_iron()) for i in range(1, 1202)]
    with Interface(many) as interface:
        found = materials_project.fetch(["Fe"], KEY, interface.endpoint)
    assert len(found) == len({entry["material_id"] for entry in found}) == 1201
    assert [query["_page"] for _, query in interface.asked] == ["1", "2"]


def test_an_answer_that_fails_for_a_moment_is_asked_for_again():
    with Interface(DOCUMENTS, trouble=[429, 502, 503]) as interface:
        assert len(materials_project.fetch(["Nd-Fe"], KEY, interface.endpoint, pause_s=0.001)) == 2
    assert len(interface.asked) == 4
    with (
        Interface(DOCUMENTS, trouble=[500] * 9) as interface,
        pytest.raises(StructureError, match="Materials Project: .*status code 500"),
    ):
        materials_project.fetch(["Nd-Fe"], KEY, interface.endpoint, pause_s=0.001)


def test_a_refused_key_is_not_tried_again():
    with Interface(DOCUMENTS) as interface, pytest.raises(StructureError, match="status code 403"):
        materials_project.fetch(["Nd-Fe"], "x" * 32, interface.endpoint)
    assert len(interface.asked) == 1


def test_no_server_is_said_with_its_address():
    with Interface([]) as interface:
        endpoint = interface.endpoint
    with pytest.raises(StructureError, match="127.0.0.1"):
        materials_project.fetch(["Nd-Fe"], KEY, endpoint, pause_s=0.001)


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({}, "no key, expected 32 characters in MP_API_KEY or PMG_MAPI_KEY"),
        ({"MP_API_KEY": ""}, "no key"),
        ({"MP_API_KEY": "short"}, "MP_API_KEY has 5 characters"),
    ],
)
def test_a_missing_key_is_said_with_what_to_do(environment, complaint):
    with pytest.raises(StructureError, match=complaint):
        materials_project.key_from(environment)


def test_either_variable_may_hold_the_key():
    assert materials_project.key_from({"PMG_MAPI_KEY": KEY}) == KEY
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
