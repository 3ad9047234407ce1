"""Files as users have them: unusual ones are read, broken ones refused by name and reason."""

import bz2
import gzip
import lzma

import pytest
from crystals import PROVENANCE

from lodestone.structures import readers
from lodestone.structures.errors import StructureError, StructuresRefused

POSCAR = "{title}\n1.0\n3 0 0\n0 3 0\n0 0 3\n{elements}\n1 1\ndirect\n0 0 0\n0.5 0.5 0.5\n"
CIF = "data_x\n_cell_length_a 4\n_cell_length_b 4\n_cell_length_c 4\n_cell_angle_alpha 90\n_cell_angle_beta 90\n"
CIF += "_cell_angle_gamma 90\nloop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n"
CIF += "_atom_site_fract_z\n_atom_site_occupancy\nFe1 Fe 0 0 0 1\n"
RECORD = '{"id":"a","lattice":[[3,0,0],[0,3,0],[0,0,3]],"species":["Fe"],"frac_coords":[[0.25,0,0]]}\n'
WRONG = {
    "empty.cif": ("", "cannot be read"),
    "text.cif": ("no cif at all", "cannot be read"),
    "binary.cif": (b"\xff\xfe\x00\x01", "cannot be read"),
    "unknown.cif": (CIF + "Q1 Qq 0.5 0.5 0.5 1\n", "unknown elements Qq"),
    "partial.cif": (CIF + "Co1 Co 0.5 0.5 0.5 0.8\n", "disordered sites"),
    "twice.cif": (CIF + "Fe2 Fe 0 0 0 1\n", "cannot be read .*Occupancy"),
    "close.cif": (CIF + "Co1 Co 0.1 0 0 1\n", "overlapping atoms: Co-Fe 0.400"),
    "cut.vasp": (POSCAR.format(title="x", elements="Fe Nd")[:-25], "cannot be read"),
    "nameless.vasp": (POSCAR.format(title="x", elements=""), "cannot be read"),
    "strange.vasp": (POSCAR.format(title="x", elements="Fe Qq"), "Qq"),
    "text.json": ("[1, 2", "cannot be read"),
    "other.json": ('{"a": 1}', "cannot be read"),
    "none.json": ("[]", "no structure in it"),
    "cluster.xyz": ("2\n\nFe 0 0 0\nFe 2 0 0\n", "no periodic cell"),
    "strange.xyz": ('1\nLattice="3 0 0 0 3 0 0 0 3" Properties=species:S:1:pos:R:3\nQq 0 0 0\n', "Qq"),
    "charged.xyz": (
        '1\nLattice="3 0 0 0 3 0 0 0 3" Properties=species:S:1:pos:R:3:initial_charges:R:1\nFe 0 0 0 2\n',
        "charged sites",
    ),
    "chargeless.cif": (CIF.replace("Fe1 Fe ", "Fe1 Fe3+ ") + "O1 O2- 0.5 0.5 0.5 1\n", r"charged sites \(Fe3\+, O2-\)"),
    "vacancy.cif": (CIF + "Vc1 Vac 0.5 0.5 0.5 1\n", "unknown elements Vac"),
    "unknown_site.cif": (CIF.replace(" 0 0 0 1", " ? ? ? 1"), "cannot be read"),
    "nan.cif": (CIF.replace(" 0 0 0 1", " nan 0 0 1"), "cannot be read"),
    "edgeless.cif": (CIF.replace("_cell_length_a 4\n", ""), "_cell_length_a: found nothing, allowed: a number above 0"),
    "flat.cif": (CIF.replace("_cell_length_b 4", "_cell_length_b 0"), "_cell_length_b: found 0, allowed"),
    "nan.vasp": (POSCAR.format(title="x", elements="Fe Nd").replace("0.5 0.5 0.5", "nan 0 0"), "no finite numbers"),
    "flat.vasp": (POSCAR.format(title="x", elements="Fe Nd").replace("0 0 3", "0 3 0"), "0 cubic angstrom an atom"),
    "huge.vasp": (POSCAR.format(title="x", elements="Fe Nd").replace("3 0 0", "3e5 0 0"), "allowed are 1 to 1000"),
    "more.vasp": (
        POSCAR.format(title="x", elements="Fe Nd") + "0.2 0.2 0.2\n",
        "more than the 2 positions announced, line 11",
    ),
    "molecule.json": ('{"sites": []}', "no lattice and sites, expected pymatgen's Structure"),
    "word.json": ('["a"]', "no lattice and sites"),
    "dummy.xyz": ('1\nLattice="3 0 0 0 3 0 0 0 3" Properties=species:S:1:pos:R:3\nX 0 0 0\n', "unknown elements X"),
    "moment.xyz": (
        '1\nLattice="3 0 0 0 3 0 0 0 3" Properties=species:S:1:pos:R:3:initial_magmoms:R:1\nFe 0 0 0 nan\n',
        "start moments that are no finite numbers",
    ),
    "slab.xyz": (
        '1\nLattice="3 0 0 0 3 0 0 0 3" Properties=species:S:1:pos:R:3 pbc="T T F"\nFe 0 0 0\n',
        "no periodic cell",
    ),
    "x.jsonl": ('{"id": "a"}', "x.jsonl, line 1: no lattice, species, frac_coords"),
    "y.jsonl": ("{", "line 1: no JSON"),
    "z.jsonl": (
        '{"id":"a","lattice":[[3,0,0],[0,3,0],[0,0,3]],"species":["Qq"],"frac_coords":[[0,0,0]]}',
        "elements Qq",
    ),
    "v.jsonl": ('{"id":"a","lattice":[[3,0,0],[0,3,0],[0,0,3]],"species":["Fe"],"frac_coords":[]}', "1 species and 0"),
    "dummy.jsonl": (RECORD.replace("Fe", "X"), "line 1: unknown elements X"),
    "number.jsonl": (RECORD.replace('"a"', "5"), "line 1: values of other kinds, expected id as text"),
    "nan.jsonl": (RECORD.replace("0.25", "NaN"), "line 1: frac_coords: .* expected 1 rows of 3 finite numbers"),
    "short.jsonl": (RECORD.replace(",[0,0,3]", ""), r"line 1: lattice: shape \(2, 3\) .* expected 3 rows"),
    "word.jsonl": (RECORD.replace("0.25", '"x"'), "line 1: frac_coords: could not convert"),
    "flat.jsonl": (RECORD.replace("[0,0,3]", "[0,3,0]"), "0 cubic angstrom an atom"),
    "latin.jsonl": (RECORD.replace('"a"', '"é"').encode("latin-1"), "expected JSON lines in UTF-8"),
    "w.jsonl.gz": (b"no gzip", "expected gzipped JSON lines"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_bad_file_is_refused_by_name_and_reason(tmp_path, name):
    content, complaint = WRONG[name]
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(StructureError, match=complaint) as caught:
        readers.read_files([path])
    assert str(path) in caught.value.name


PLAIN = POSCAR.format(title="x", elements="Fe Nd")
SELECTIVE = PLAIN.replace("direct", "Selective dynamics\ndirect").replace("0 0 0\n0.5", "0 0 0 T F T\n0.5")
UNUSUAL = {
    "selective.vasp": SELECTIVE.replace("0.5 0.5 0.5", "0.5 0.5 0.5 F F F"),
    "velocities.vasp": PLAIN + "\n0.1 0.1 0.1\n0.2 0.2 0.2\n",
    "md.vasp": PLAIN + "\n0.1 0.1 0.1\n0.2 0.2 0.2\n\n1\n0.5\n0 0 0\n",
    "vasp6.vasp": PLAIN + "Lattice velocities and vectors\n1\n0 0 0\n",
    "old_with_labels.vasp": PLAIN.replace("Fe Nd\n", "").replace("0 0 0\n0.5 0.5 0.5", "0 0 0 Fe\n0.5 0.5 0.5 Nd"),
    "volume.vasp": PLAIN.replace("\n1.0\n", "\n-27\n"),
    "left_handed.vasp": PLAIN.replace("0 0 3", "0 0 -3"),
    "potcar_names.vasp": PLAIN.replace("Fe Nd", "Fe_pv Nd_3"),
    "windows.vasp": PLAIN.replace("\n", "\r\n"),
    "latin.vasp": PLAIN.replace("x\n", "für Åse\n", 1).encode("latin-1"),
    "marked.vasp": b"\xef\xbb\xbf" + PLAIN.encode(),
    "CAPITALS.VASP": PLAIN,
    "packed.vasp.gz": gzip.compress(PLAIN.encode()),
    "packed.vasp.bz2": bz2.compress(PLAIN.encode()),
    "packed.poscar.xz": lzma.compress(PLAIN.encode()),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_files_of_the_same_crystal(tmp_path, name):
    content = UNUSUAL[name]
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    (entry,) = readers.read_files([tmp_path])
    assert entry.structure.composition.formula == "Nd1 Fe1"
    assert abs(entry.structure.lattice.volume) == pytest.approx(27)
    assert entry.structure.frac_coords.tolist() == [[0, 0, 0], [0.5, 0.5, 0.5]]
    assert entry.name == name.partition(".")[0]


def test_packed_files_are_held_to_the_same_rules(tmp_path):
    old = PLAIN.replace("Fe Nd\n", "").replace("x\n", "Fe Nd\n", 1)
    (tmp_path / "old.vasp.gz").write_bytes(gzip.compress(old.encode()))
    (tmp_path / "broken.cif.gz").write_bytes(b"no gzip")
    with pytest.raises(StructuresRefused) as caught:
        readers.read_files([tmp_path])
    assert "broken.cif.gz: cannot be read (BadGzipFile" in str(caught.value)
    assert "old.vasp.gz: cannot be read (BadPoscarWarning: Elements in POSCAR cannot be determined" in str(caught.value)


def test_deuterium_is_hydrogen_and_empty_sites_are_none(tmp_path):
    (tmp_path / "a.cif").write_text(CIF + "D1 D 0.5 0.5 0.5 1\nCo1 Co 0.25 0.25 0.25 0\n")
    (entry,) = readers.read_files([tmp_path])
    assert entry.structure.composition.formula == "Fe1 H1"


def test_blocks_of_a_cif_are_structures_if_they_have_atoms(tmp_path):
    title = "data_global\n_publ_section_title 'A magnet'\n\n"
    (tmp_path / "a.cif").write_text(title + CIF)
    (tmp_path / "b.cif").write_text("# two\n" + title + CIF + "\n" + CIF.replace("data_x", "data_y"))
    assert [entry.name for entry in readers.read_files([tmp_path])] == ["a", "b-1", "b-2"]
    (tmp_path / "a.cif").write_text(title)
    with pytest.raises(StructureError, match="a.cif: _cell_length_a: found nothing"):
        readers.read_files([tmp_path])


def test_frames_are_structures_and_the_bad_one_is_named(tmp_path):
    frame = '1\nLattice="{a} 0 0 0 3 0 0 0 3" Properties=species:S:1:pos:R:3\nFe 0 0 0\n'
    (tmp_path / "run.xyz").write_text("".join(frame.format(a=a) for a in (3.0, 3.1, 3.2)))
    assert [entry.name for entry in readers.read_files([tmp_path])] == ["run-1", "run-2", "run-3"]
    (tmp_path / "run.xyz").write_text("".join(frame.format(a=a) for a in (3.0, 0.1, 3.2)))
    with pytest.raises(StructureError, match="run.xyz, structure 2: 0.9 cubic angstrom an atom"):
        readers.read_files([tmp_path])


def test_names_that_no_folder_can_have(tmp_path):
    for name in ("磁石.vasp", "磁石 é.vasp", "-rf.vasp"):
        (tmp_path / name).write_text(PLAIN)
    (tmp_path / "ids.jsonl").write_text(RECORD.replace('"a"', '"../../a"') + RECORD)
    entries = readers.read_files([tmp_path])
    assert [entry.name for entry in entries] == ["rf", "a", "a-2", "structure", "structure-2"]
    assert readers.pack(entries, PROVENANCE).sources()[3] == str(tmp_path / "磁石 é.vasp")


def test_hidden_files_of_a_folder_are_left_alone(tmp_path):
    (tmp_path / "a.vasp").write_text(PLAIN)
    (tmp_path / "._a.vasp").write_bytes(b"\x00\x05\x16\x07")
    assert len(readers.read_files([tmp_path])) == 1


def test_poscar_without_elements_is_not_given_hydrogen_and_helium(tmp_path):
    path = tmp_path / "old.vasp"
    path.write_text(POSCAR.format(title="Fe Nd", elements="").replace("\n\n", "\n"))
    with pytest.raises(StructureError, match="POSCAR cannot be determined"):
        readers.read_files([path])


def test_all_bad_files_are_named_at_once(tmp_path):
    for name in ("unknown.cif", "close.cif", "cut.vasp"):
        (tmp_path / name).write_text(WRONG[name][0])
    (tmp_path / "good.cif").write_text(CIF)
    with pytest.raises(StructuresRefused, match="3 structures refused") as caught:
        readers.read_files([tmp_path])
    assert sorted(problem.name for problem in caught.value.problems) == [
        str(tmp_path / name) for name in ("close.cif", "cut.vasp", "unknown.cif")
    ]
