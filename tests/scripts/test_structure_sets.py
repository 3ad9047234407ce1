"""The scripts of the structure sets, with a stand-in for Snakemake's object."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from lodestone import config
from lodestone.artifacts.structure_set import StructureSet
from lodestone.structures import materials_project, materials_project_client, snapshot
from lodestone.structures.errors import StructureError


@pytest.fixture
def run(tmp_path, load_script):
    """Return a function that runs a script and returns its log."""

    def call(script, settings, inputs=(), **outputs):
        log = tmp_path / f"{script}.log"
        job = SimpleNamespace(
            input=SimpleNamespace(files=list(inputs)),
            output=SimpleNamespace(**outputs),
            params=SimpleNamespace(seed=7, settings=settings, algorithm=1),
            log=[str(log)],
            threads=1,
        )
        load_script(script).main(job)
        return log.read_text()

    return call


SETTINGS = config.defaults()["electronic_structure"]["structures"]


def test_a_set_is_built_with_its_origin(run, tmp_path):
    chosen = {**SETTINGS, "source": "snapshot", "max_structures": 3}
    log = run("build_structure_set", chosen, [snapshot.SNAPSHOT], crystals=str(tmp_path / "set.h5"))
    found = StructureSet.read(tmp_path / "set.h5")
    assert len(found) == 3
    assert found.provenance.backend == "Materials Project snapshot"
    assert list(found.provenance.parents) == ["structures/snapshot.jsonl.gz"]
    assert "17 structures from Materials Project snapshot" in log
    before = (tmp_path / "set.h5").read_bytes()
    run("build_structure_set", chosen, [snapshot.SNAPSHOT], crystals=str(tmp_path / "set.h5"))
    assert (tmp_path / "set.h5").read_bytes() == before


def test_an_answer_is_downloaded_with_the_key_of_the_environment(run, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setenv("MP_API_KEY", "k" * 32)
    monkeypatch.setattr(materials_project_client, "fetch", lambda systems, key: asked.append((systems, key)) or [])
    answer = tmp_path / "answer.json.gz"
    log = run("download_structures", {"systems": ["Nd-Fe"]}, answer=str(answer))
    assert asked == [(["Nd-Fe"], "k" * 32)]
    assert materials_project.entries(answer) == []
    assert "k" * 32 not in log
    assert "asking for Fe, Fe-Nd, Nd" in log


def test_without_a_key_nothing_is_asked(run, tmp_path, monkeypatch):
    for name in materials_project.KEY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(StructureError, match="no key"):
        run("download_structures", {"systems": ["Nd-Fe"]}, answer=str(tmp_path / "answer.json.gz"))
    assert "no key" in Path(tmp_path / "download_structures.log").read_text()


def test_a_bad_file_is_in_the_log_with_its_reason(run, tmp_path):
    bad = tmp_path / "bad.vasp"
    bad.write_text("close\n1.0\n3 0 0\n0 3 0\n0 0 3\nFe Nd\n1 1\ndirect\n0 0 0\n0.1 0 0\n")
    output = tmp_path / "set.h5"
    with pytest.raises(StructureError, match="overlapping atoms"):
        run("build_structure_set", {**SETTINGS, "source": "files"}, [bad], crystals=str(output))
    assert f"{bad}: overlapping atoms: Fe-Nd 0.300" in (tmp_path / "build_structure_set.log").read_text()
    assert not output.exists()
