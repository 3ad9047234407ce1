"""Readers: every format gives the same crystal, and what is wrong with a file is said with its name."""

import gzip
import json

import ase.io
import numpy as np
import pytest
from ase import Atoms
from crystals import DATA, PROVENANCE, bcc_iron, ca_cu5
from pymatgen.core import Lattice, Species, Structure
from pymatgen.io.ase import AseAtomsAdaptor
from pymatgen.io.cif import CifWriter

from lodestone.structures import make_snapshot, readers, snapshot
from lodestone.structures.duplicates import Tolerance, same
from lodestone.structures.errors import StructureError, StructuresRefused

EXACT = Tolerance(length=1e-4, site=1e-4, angle_deg=0.01, scale=False)


def write(structure, path):
    if path.suffix in (".xyz", ".extxyz", ".traj"):
        atoms = AseAtomsAdaptor.get_atoms(structure, msonable=False)
        ase.io.write(path, atoms)
    elif path.suffix == ".cif":
        CifWriter(structure, significant_figures=10).write_file(path)
    elif path.suffix == ".json":
        path.write_text(json.dumps(structure.as_dict()))
    else:
        structure.to(str(path), fmt="poscar")


@pytest.mark.parametrize(
    "name", ["a.cif", "a.vasp", "POSCAR", "CONTCAR", "POSCAR_a", "a.xyz", "a.extxyz", "a.json", "a.traj"]
)
def test_every_format_gives_the_same_crystal(tmp_path, name):
    path = tmp_path / "sample" / name
    path.parent.mkdir()
    write(ca_cu5(), path)
    (entry,) = readers.read_files([path])
    assert same(entry.structure, ca_cu5(), EXACT)
    assert entry.structure.volume == pytest.approx(ca_cu5().volume, rel=1e-6)
    assert entry.source == str(path)
    # POSCAR and CONTCAR say nothing; their folder does.
    assert entry.name == {"POSCAR": "sample", "CONTCAR": "sample", "POSCAR_a": "POSCAR_a", "a.traj": "a.traj"}.get(
        name, "a"
    )


def test_real_files_are_read_in_order_and_named_after_them():
    entries = readers.read_files([DATA])
    assert [entry.name for entry in entries] == ["Nd2Fe14B_mp-5182", "Nd2Fe17_mp-1510", "NdFe5_mp-11382"]
    assert [entry.structure.composition.formula for entry in entries] == ["Nd8 Fe56 B4", "Nd2 Fe17", "Nd1 Fe5"]
    packed = readers.pack(entries, PROVENANCE)
    assert [entry.name for entry in readers.unpack(packed)] == packed.names()
    assert packed.sources()[2] == str(DATA / "NdFe5_mp-11382.cif")


def test_one_file_may_hold_several_and_equal_names_are_numbered(tmp_path):
    images = [AseAtomsAdaptor.get_atoms(crystal, msonable=False) for crystal in (bcc_iron(), ca_cu5())]
    ase.io.write(tmp_path / "Nd Fe (1).xyz", images)
    (tmp_path / "list.json").write_text(json.dumps([bcc_iron().as_dict(), ca_cu5().as_dict()]))
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        write(bcc_iron(), tmp_path / folder / "iron.vasp")
    entries = readers.read_files([tmp_path, tmp_path / "x", tmp_path / "y"])
    names = ["Nd_Fe_1_-1", "Nd_Fe_1_-2", "list-1", "list-2", "iron", "iron-2"]
    assert [entry.name for entry in entries] == names
    assert entries[1].source == f"{tmp_path / 'Nd Fe (1).xyz'}, structure 2"
    assert readers.pack(entries, PROVENANCE).names() == names


@pytest.mark.parametrize("suffix", ["extxyz", "json"])
def test_start_moments_are_kept(tmp_path, suffix):
    write(bcc_iron([2.2, -2.2]), tmp_path / f"iron.{suffix}")
    (entry,) = readers.read_files([tmp_path])
    assert entry.structure.site_properties["magmom"] == [2.2, -2.2]


def test_moments_of_a_magnetic_cif_become_collinear(tmp_path):
    crystal = bcc_iron([[0, 0, 2.0], [0, 0, -2.0]])
    CifWriter(crystal, write_magmoms=True).write_file(tmp_path / "iron.mcif")
    (entry,) = readers.read_files([tmp_path / "iron.mcif"])
    assert entry.structure.site_properties["magmom"] == pytest.approx([2.0, -2.0])
    CifWriter(bcc_iron([[0, 0, 2.0], [2.0, 0, 0]]), write_magmoms=True).write_file(tmp_path / "canted.mcif")
    with pytest.raises(StructureError, match="canted.mcif: start moments that are not collinear"):
        readers.read_files([tmp_path / "canted.mcif"])


def test_spins_of_species_are_start_moments_and_zeros_of_ase_are_none(tmp_path):
    up, down = Species("Fe", None, spin=2), Species("Fe", None, spin=-2)
    crystal = Structure(Lattice.cubic(2.87), [up, down], [[0, 0, 0], [0.5, 0.5, 0.5]])
    (tmp_path / "a.json").write_text(json.dumps({"structure": crystal.as_dict(), "energy": -1.0}))
    ase.io.write(
        tmp_path / "b.in", Atoms("Fe", cell=[3, 3, 3], pbc=True), format="espresso-in", pseudopotentials={"Fe": "x"}
    )
    entries = readers.read_files([tmp_path / "a.json", tmp_path / "b.in"])
    assert entries[0].structure.site_properties["magmom"] == [2.0, -2.0]
    assert "magmom" not in entries[1].structure.site_properties


def test_charged_ions_are_refused(tmp_path):
    ions = Structure(Lattice.cubic(4.3), [Species("Fe", 2), Species("O", -2)], [[0, 0, 0], [0.5, 0.5, 0.5]])
    CifWriter(ions).write_file(tmp_path / "ions.cif")
    with pytest.raises(StructureError, match=r"ions.cif: charged sites \(Fe2\+, O2-\).*leave out the oxidation states"):
        readers.read_files([tmp_path])


def test_missing_files_and_empty_folders_are_named(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(StructuresRefused, match="no such file") as caught:
        readers.find_files([tmp_path / "none.cif", tmp_path / "empty"])
    assert "a folder without structures" in str(caught.value)


def test_snapshots_are_read_as_files_and_made_from_records(tmp_path):
    rows = [
        {"id": "mp-2", "lattice": (3 * np.eye(3)).tolist(), "species": ["Fe"], "frac_coords": [[0, 0, 0]]},
        {
            "id": "mp-10",
            "lattice": (9 * np.eye(3)).tolist(),
            "species": ["Nd"] + ["Fe"] * 5,
            "frac_coords": [[0] * 3] * 6,
        },
        {"id": "mp-1", "lattice": (9 * np.eye(3)).tolist(), "species": ["Nd", "Fe"], "frac_coords": [[0] * 3] * 2},
        {"id": "NOVA-1", "lattice": (9 * np.eye(3)).tolist(), "species": ["Fe"], "frac_coords": [[0] * 3]},
    ]
    some, every = tmp_path / "some.jsonl.gz", tmp_path / "every.jsonl"
    some.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    every.write_text(json.dumps({**rows[0], "id": "mp-3", "species": ["Co"], "more": 1}) + "\n")
    output = tmp_path / "made.jsonl.gz"
    make_snapshot.main([str(output), "--all", str(every), "--some", str(some)])
    assert [record["id"] for record in snapshot.records(output)] == ["mp-2", "mp-3", "mp-10"]
    first = output.read_bytes()
    make_snapshot.main([str(output), "--all", str(every), "--some", str(some)])
    assert output.read_bytes() == first
    wanted = snapshot.of_systems(["Co-Fe"])
    assert snapshot.read(output, PROVENANCE, wanted).names() == ["mp-2", "mp-3"]
    assert [entry.name for entry in readers.read_file(every)] == ["mp-3"]
    with pytest.raises(StructureError, match="mp-2 more than once"):
        snapshot.write(output, [rows[0], rows[0]])


def test_a_single_atom_of_ase_comes_through(tmp_path):
    ase.io.write(tmp_path / "fe.extxyz", Atoms("Fe", cell=[2.5, 2.6, 2.7], pbc=True))
    (entry,) = readers.read_files([tmp_path / "fe.extxyz"])
    assert entry.structure.lattice.abc == pytest.approx((2.5, 2.6, 2.7))
