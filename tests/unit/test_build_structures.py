"""A structure set from what the config asks for, from every source."""

import logging

import numpy as np
import pytest
from crystals import DATA, PROVENANCE, bcc_iron, ca_cu5, disguised
from pymatgen.core import Lattice, Structure

from lodestone import config
from lodestone.structures import build, files, materials_project, snapshot
from lodestone.structures.errors import StructureError, StructuresRefused

LOG = logging.getLogger(__name__)


def settings(source, **changes):
    return {**config.defaults()["electronic_structure"]["structures"], "source": source, **changes}


def built(source, paths, **changes):
    return build.build(settings(source, **changes), paths, PROVENANCE, LOG)


def test_prototypes_with_known_compounds_first():
    prototypes = {**settings("prototypes")["prototypes"], "min_ratio": 8.0}
    found = built("prototypes", [snapshot.SNAPSHOT], prototypes=prototypes)
    assert len(found) == 12
    # The six known compounds of Nd and Fe, small ones first; prototypes equal to one of them are not repeated.
    assert found.names()[:6] == ["mp-1072880", "mp-11382", "mp-1207", "mp-1210178", "mp-1510", "mp-13494"]
    assert [found.formula(i) for i in range(6)] == ["Nd2Fe", "NdFe5", "NdFe2", "Nd4Fe", "Nd2Fe17", "Nd3Fe29"]
    assert "Nd2Fe17-mp-1510" not in found.names()
    assert {found.formula(i) for i in range(6, 12)} >= {"NdFe15"}


def test_snapshot_gives_the_systems_and_their_parts():
    found = built("snapshot", [snapshot.SNAPSHOT], systems=["Nd-Fe"], max_structures=0, remove_duplicates=False)
    assert len(found) == 17
    assert {found.formula(i) for i in range(17)} == {
        "Fe",
        "Nd",
        "Nd2Fe",
        "Nd4Fe",
        "NdFe2",
        "NdFe5",
        "Nd2Fe17",
        "Nd3Fe29",
    }
    assert list(found.site_counts()) == sorted(found.site_counts())
    assert len(built("snapshot", [snapshot.SNAPSHOT], systems=["Nd-Fe"], max_structures=0, max_sites=6)) < 17


def test_files_are_brought_to_the_wanted_cell(tmp_path):
    path = tmp_path / "iron.vasp"
    bcc_iron().to(str(path), fmt="poscar")
    paths = files.expand([DATA, path])
    assert built("files", paths, cell="primitive").site_counts().tolist() == [68, 19, 6, 1]
    assert built("files", paths, cell="as_given").site_counts().tolist() == [68, 19, 6, 2]
    assert built("files", paths, cell="conventional", symprec_A=0.1).site_counts().tolist() == [68, 57, 6, 2]
    assert built("files", paths, max_sites=20, max_structures=2).names() == ["Nd2Fe17_mp-1510", "NdFe5_mp-11382"]


def test_equal_files_are_one_unless_asked_otherwise(tmp_path):
    rng = np.random.default_rng(1)
    for name, crystal in (("a", ca_cu5()), ("b", disguised(ca_cu5(), rng)), ("c", ca_cu5().scale_lattice(200))):
        crystal.to(str(tmp_path / f"{name}.vasp"), fmt="poscar")
    paths = files.expand([tmp_path])
    # The same crystal at another volume is another structure, if it comes from a file.
    assert built("files", paths).names() == ["a", "c"]
    assert built("files", paths, remove_duplicates=False).names() == ["a", "b", "c"]


def test_the_answer_of_the_materials_project_is_a_source(tmp_path):
    path = tmp_path / "answer.json.gz"
    entries = {"mp-2": ca_cu5(), "mp-1": bcc_iron([2.2, 2.2])}
    documents = [{"material_id": name, "structure": crystal.as_dict()} for name, crystal in entries.items()]
    materials_project.save(path, ["Nd-Fe"], documents)
    found = built("materials_project", [path])
    assert found.names() == ["mp-1", "mp-2"]
    assert found.has_moment.tolist() == [1, 0]
    assert found.moment_muB[0] == 2.2


def test_structures_that_cannot_be_calculated_stop_the_job(tmp_path):
    close = Structure(Lattice.cubic(4), ["Fe", "Nd"], [[0, 0, 0], [0.1, 0, 0]])
    mixed = Structure(Lattice.cubic(3), [{"Fe": 0.5, "Co": 0.5}], [[0, 0, 0]])
    close.to(str(tmp_path / "close.cif"))
    mixed.to(str(tmp_path / "mixed.cif"))
    with pytest.raises(StructuresRefused, match="close.cif: overlapping(.|\n)*mixed.cif: disordered"):
        built("files", files.expand([tmp_path]))


def test_distances_of_single_pairs_are_those_of_the_config(tmp_path):
    ca_cu5().to(str(tmp_path / "a.vasp"), fmt="poscar")
    pairs = [{"pair": "Nd-Fe", "distance_A": 3.1}]
    with pytest.raises(StructureError, match="a.vasp: overlapping atoms: Fe-Nd 3.025 .* allowed are 3.100"):
        built("files", files.expand([tmp_path]), min_distances=pairs)


def test_nothing_left_is_an_error():
    with pytest.raises(StructureError, match="electronic_structure.structures: no structure is left"):
        built("snapshot", [snapshot.SNAPSHOT], systems=["He"])


def test_folders_stand_for_their_files_and_parents_have_names_of_their_own(tmp_path):
    for name in ("b/x.cif", "a/x.cif", "a/POSCAR", "a/notes.txt", "a/deep/y.cif"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    expanded = files.expand([tmp_path / "b" / "x.cif", tmp_path / "a", tmp_path / "none"])
    assert expanded == [str(tmp_path / name) for name in ("b/x.cif", "a/POSCAR", "a/x.cif", "none")]
    assert files.parent_names(["q/b/x.cif", "r/b/x.cif"]) == {"b/x.cif": "q/b/x.cif", "b/x.cif (2)": "r/b/x.cif"}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"source": "files"}, "structures.files: found none with source files"),
        ({"prototypes": {"majority": "Nd"}}, "prototypes.majority: found Nd, allowed: another element"),
        ({"prototypes": {"minority": "Qq"}}, "prototypes.minority: found Qq, allowed: elements up to Lr"),
        ({"prototypes": {"minority": "iron"}}, "allowed: text that is the symbol of an element"),
        ({"systems": ["Nd-Fe", "Zz-Fe"]}, r"systems\[1\]: found Zz"),
        ({"systems": ["Nd Fe"]}, "allowed: text of elements joined by -"),
        ({"min_distances": [{"pair": "Fe-Qq", "distance_A": 2.0}]}, r"min_distances\[0\].pair: found Qq"),
        ({"min_distances": [{"pair": "Fe", "distance_A": 2.0}]}, "of two elements joined by -"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(change, complaint):
    with pytest.raises(config.ConfigError, match=complaint):
        config.validate({"electronic_structure": {"structures": change}})
