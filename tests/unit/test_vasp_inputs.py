"""Input files of VASP: against references, for crystals in any order, with potentials or their names alone."""

import dataclasses
import gzip
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from pymatgen.core import Lattice, Structure
from pymatgen.io.vasp.inputs import Incar
from vasp_runs import DATA, fe2o2, potentials

from lodestone.dft.calculation import write_item
from lodestone.dft.presets import preset
from lodestone.dft.vasp import potentials as paw
from lodestone.dft.vasp import sets
from lodestone.dft.vasp.backend import Vasp
from lodestone.dft.vasp.options import VaspOptions

REFERENCE = DATA / "reference"


def nd_fe5():
    """NdFe5 of the CaCu5 type, with its elements mixed."""
    return Structure(
        Lattice.hexagonal(5.05, 4.15),
        ["Fe", "Nd", "Fe", "Fe", "Fe", "Fe"],
        [[1 / 3, 2 / 3, 0], [0, 0, 0], [2 / 3, 1 / 3, 0], [0.5, 0, 0.5], [0, 0.5, 0.5], [0.5, 0.5, 0.5]],
    )


def fe_al():
    """B2 FeAl with a moment for each site."""
    crystal = Structure(Lattice.cubic(2.87), ["Fe", "Al"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    return crystal.add_site_property("magmom", [1.2, -0.05])


def nife_o2():
    """A tetragonal oxide, for U and the axes."""
    points = [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    return Structure(Lattice.tetragonal(4.2, 4.4), ["Fe", "Ni", "O", "O"], points)


CASES = {
    "nd_fe_relax": (nd_fe5, "nd_fe", "relax", {}),
    "maggen_relax": (nife_o2, "maggen", "relax", {}),
    "maggen_anisotropy": (nife_o2, "maggen", "anisotropy", {}),
    "fe2o2_relax": (fe2o2, "nd_fe", "relax", {"smearing": "fermi"}),
    "mmtp_constrained": (fe_al, "mmtp", "constrained", {"free_elements": ("Al",)}),
}


@pytest.mark.parametrize("name", CASES)
def test_input_is_that_of_the_reference(name, tmp_path):
    crystal, preset_name, kind, changes = CASES[name]
    calculation = dataclasses.replace(preset(preset_name)[kind], **changes)
    Vasp().prepare(crystal(), calculation, tmp_path)
    expected = sorted(path.relative_to(REFERENCE / name) for path in (REFERENCE / name).rglob("*") if path.is_file())
    written = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert written == expected
    for path in expected:
        assert (tmp_path / path).read_text() == (REFERENCE / name / path).read_text(), path


def test_sites_are_grouped_and_keep_their_moments():
    crystal = nd_fe5().add_site_property("magmom", [1.0, -0.3, 2.0, 3.0, 4.0, 5.0])
    assert sets.order(crystal) == [0, 2, 3, 4, 5, 1]
    grouped = sets.grouped(crystal, np.array(crystal.site_properties["magmom"]))
    assert grouped.formula == crystal.formula
    assert grouped.site_properties["magmom"] == [1.0, 2.0, 3.0, 4.0, 5.0, -0.3]
    np.testing.assert_array_equal(grouped.frac_coords[5], [0.0, 0.0, 0.0])


def test_vectors_survive_what_custodian_does_to_an_incar(tmp_path):
    path = REFERENCE / "mmtp_constrained" / "constrained_3" / "INCAR"
    tags = Incar.from_file(path)
    tags.write_file(tmp_path / "INCAR")
    assert (tmp_path / "INCAR").read_text() == path.read_text()


@pytest.fixture
def no_potentials(monkeypatch):
    monkeypatch.delenv("PMG_VASP_PSP_DIR", raising=False)
    monkeypatch.setitem(paw.SETTINGS, "PMG_VASP_PSP_DIR", None)


def reasons(problems):
    return [(problem.name, problem.reason) for problem in problems]


def test_preparing_needs_no_potentials_and_running_does(no_potentials):
    crystals = {"NdFe5.cif": nd_fe5()}
    calculation = preset("nd_fe")["relax"]
    engine = Vasp({"std_command": "sh"})
    assert engine.check(crystals, calculation) == []
    assert (
        reasons(engine.check(crystals, calculation, runs_here=True))
        == [("NdFe5.cif", "PMG_VASP_PSP_DIR is not set: it has to name the folder of VASP's potentials")] * 2
    )


def test_what_cannot_be_computed_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("PMG_VASP_PSP_DIR", str(potentials(tmp_path)))
    disordered = Structure(Lattice.cubic(3.0), [{"Fe": 0.5, "O": 0.5}], [[0, 0, 0]])
    crystals = {
        "good.cif": nd_fe5(),
        "disordered.cif": disordered,
        "francium.cif": Structure(Lattice.cubic(5.0), ["Fr"], [[0, 0, 0]]),
        "boron.cif": Structure(Lattice.cubic(5.0), ["B"], [[0, 0, 0]]),
    }
    found = dict(reasons(Vasp().check(crystals, preset("nd_fe")["static"])))
    base = tmp_path / "POT_GGA_PAW_PBE"
    assert found == {
        "disordered.cif": "sites with partial occupation: VASP needs ordered crystals",
        "francium.cif": "no PAW potential is known for Fr; name one in the calculation's potentials",
        "boron.cif": f"no POTCAR of B (PBE): tried {base / 'POTCAR.B'}, {base / 'B' / 'POTCAR'}",
    }


def test_missing_executables_are_refused(no_potentials):
    options = {"std_command": "no_such_std", "ncl_command": "/no/such/ncl"}
    found = Vasp(options).check({}, preset("nd_fe")["anisotropy"], runs_here=True)
    assert reasons(found) == [
        ("", "no executable '/no/such/ncl' on the PATH"),
        ("", "no executable 'no_such_std' on the PATH"),
    ]
    assert reasons(Vasp(options).check({}, preset("nd_fe")["relax"], runs_here=True)) == reasons(found[1:])


def test_a_moment_of_zero_cannot_be_held(no_potentials):
    crystal = fe_al().add_site_property("magmom", [0.0, 0.0])
    calculation = dataclasses.replace(preset("mmtp")["constrained"], free_elements=("Al",))
    found = Vasp().check({"FeAl.cif": crystal}, calculation)
    assert reasons(found) == [("FeAl.cif", "site 1: VASP cannot hold a moment at zero")]


def test_potentials_are_found_where_pymatgen_puts_them(monkeypatch, tmp_path):
    monkeypatch.setenv("PMG_VASP_PSP_DIR", str(potentials(tmp_path)))
    folder = tmp_path / "POT_GGA_PAW_PBE_54"
    folder.mkdir()
    text = (tmp_path / "POT_GGA_PAW_PBE" / "Fe_pv" / "POTCAR").read_text()
    (folder / "POTCAR.Fe_pv.gz").write_bytes(gzip.compress(text.encode()))
    for functional in ("PBE", "PBE_54"):
        found = paw.load("Fe_pv", functional)
        assert (found.title, found.enmax_eV, found.rwigs_A) == ("PAW_PBE Fe_pv 01Jan2000", 293.238, 1.302)
    (folder / "POTCAR.O").write_text("not a POTCAR\n")
    with pytest.raises(paw.PotentialError, match="POTCAR.O: no ENMAX in what should be a POTCAR"):
        paw.load("O", "PBE_54")
    loaded = paw.write_potcar(["O", "Fe_pv"], "PBE", tmp_path)
    assert [item.enmax_eV for item in loaded] == [400.0, 293.238]
    assert (tmp_path / "POTCAR").read_text().count("TITEL") == 2


def test_options_are_those_of_the_schema():
    root = Path(__file__).parents[2]
    schema = yaml.safe_load((root / "workflow" / "schemas" / "config.schema.yaml").read_text())
    section = schema["properties"]["electronic_structure"]["properties"]["calculations"]["properties"]["vasp"]
    defaults = dataclasses.asdict(VaspOptions())
    assert {key: value["default"] for key, value in section["properties"].items()}.items() <= defaults.items()
    with pytest.raises(ValueError, match="calculations.vasp: unknown key 'vasp_command', allowed: std_command"):
        Vasp({"vasp_command": "vasp"})
    with pytest.raises(ValueError, match="calculations.vasp.potentials: found 'LDA', allowed: PBE, PBE_52"):
        Vasp({"potentials": "LDA"})


def test_label_says_that_it_is_dft():
    assert Vasp({"potentials": "PBE_54"}).label == "DFT (VASP, PAW PBE_54)"


@pytest.mark.parametrize("kind", ["relax", "anisotropy"])
def test_three_thousand_runs_are_prepared_in_two_minutes(kind, tmp_path):
    """The mean of 25 crystals of 64 sites; CPU time, so that other jobs on the machine do not count."""
    crystal = nd_fe5() * (2, 2, 3)
    calculation = preset("nd_fe")[kind]
    engine = Vasp()
    began = time.process_time()
    for number in range(25):
        write_item(crystal, calculation, tmp_path / str(number))
        engine.prepare(crystal, calculation, tmp_path / str(number))
    # 3,000 in 120 s on two cores.
    assert (time.process_time() - began) / 25 < 0.08
