"""ABINIT without running it: decks, data sets, outputs that were recorded, and what is refused."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from crystals import bcc_iron
from pymatgen.core import Lattice, Structure

from lodestone.dft.abinit import deck
from lodestone.dft.abinit.backend import Abinit
from lodestone.dft.abinit.output import OutputError, error_message, read_output
from lodestone.dft.abinit.potentials import PotentialError, data_set
from lodestone.dft.backend import BackendError
from lodestone.dft.calculation import Calculation, Resources, Status, write_item
from lodestone.dft.presets import preset

RECORDED = Path(__file__).parents[1] / "data" / "abinit"
# What stands in the head of a PAW data set.
PAW = """<?xml version="1.0"?>
<paw_dataset version="0.7">
<atom symbol="{symbol}" Z="{z}.00" core="10.00" valence="{valence}.00"/>
<xc_functional type="GGA" name="{functional}"/>
<pw_ecut low="12.00" medium="12.00" high="15.00"/>
<paw_radius rc=" 2.1153157434"/>
"""


@pytest.fixture
def potentials(tmp_path):
    """Folder with data sets of Fe and Al, and one of Mn for another functional."""
    folder = tmp_path / "potentials"
    folder.mkdir()
    for symbol, z, valence, functional in (("Fe", 26, 16, "PBE"), ("Al", 13, 3, "PBE"), ("Mn", 25, 15, "PW")):
        text = PAW.format(symbol=symbol, z=z, valence=valence, functional=functional)
        (folder / f"{symbol}.xml").write_text(text)
    return str(folder)


@pytest.fixture
def abinit(potentials):
    return Abinit({"command": "no-such-abinit", "potential_folder": potentials})


def fe_al(moments=(1.2, 0.0)):
    return Structure(
        Lattice.cubic(2.8703), ["Fe", "Al"], [[0, 0, 0], [0.5, 0.5, 0.5]], site_properties={"magmom": list(moments)}
    )


def recorded(name):
    return gzip.decompress((RECORDED / f"{name}.abo.gz").read_bytes()).decode()


def words(text):
    """Keywords of a deck with the numbers that follow on the same line."""
    return {line.split()[0]: line.split()[1:] for line in text.splitlines() if line and line[0].isalpha()}


def test_deck_of_held_and_free_moments(abinit, potentials, tmp_path):
    held = Calculation(kind="constrained", free_elements=("Al",), gamma_centred=False, kpoint_spacing_per_A=0.3)
    write_item(fe_al(), held, tmp_path)
    abinit.prepare(fe_al(), held, tmp_path)
    text = (tmp_path / "run.abi").read_text()
    found = words(text)
    assert found["constraint_kind"] == ["1", "0"]
    assert (found["iscf"], found["magcon_lambda"], found["ratsm"]) == (["7"], ["0.2"], ["0.05"])
    assert found["ngkpt"] == ["8", "8", "8"]  # 2 pi / 2.8703 / 0.3 = 7.3
    assert found["shiftk"] == ["1/2"] * 3
    assert "spinat\n0 0 1.20000000\n0 0 0.00000000\n" in text
    assert found["pseudos"] == ['"Fe.xml,', 'Al.xml"']
    assert f'pp_dirpath "{potentials}"' in text


def test_sites_of_one_element_may_have_other_targets(abinit, tmp_path):
    iron = bcc_iron([2.0, -1.5])
    abinit.prepare(iron, Calculation(kind="constrained"), tmp_path)
    text = (tmp_path / "run.abi").read_text()
    assert words(text)["ntypat"] == ["1"]
    assert "0 0 2.00000000\n0 0 -1.50000000" in text


def test_deck_of_a_relaxation(abinit, tmp_path):
    abinit.prepare(fe_al(), preset("nd_fe")["relax"], tmp_path)
    found = words((tmp_path / "run.abi").read_text())
    assert float(found["ecut"][0]) == pytest.approx(350 / 27.211386, rel=1e-6)
    assert float(found["tolmxf"][0]) == pytest.approx(0.02 / 51.422067, rel=1e-4)  # Ha/Bohr
    assert (found["ionmov"], found["optcell"]) == (["2"], ["2"])
    # ABINIT stops when strfact * stress < tolmxf: 0.1 GPa is 3.4e-6 Ha/Bohr^3.
    assert float(found["tolmxf"][0]) / float(found["strfact"][0]) == pytest.approx(3.4e-6, rel=0.01)


def test_spinors_point_along_each_axis(abinit, tmp_path):
    structure = Structure(Lattice.hexagonal(2.5, 4.0), ["Fe"], [[0, 0, 0]], site_properties={"magmom": [2.0]})
    abinit.prepare(structure, preset("maggen")["anisotropy"], tmp_path)
    decks = [(tmp_path / f"axis{k}.abi").read_text() for k in range(3)]
    spins = np.array([text.split("spinat\n")[1].splitlines()[0].split() for text in decks], dtype=float)
    assert np.allclose(spins, 2 * np.array([[1, 0, 0], [-0.5, np.sqrt(0.75), 0], [0, 0, 1]]))
    found = words(decks[0])
    assert (found["nspinor"], found["nspden"], found["kptopt"]) == (["2"], ["4"], ["4"])
    assert float(found["ecut"][0]) == pytest.approx(12 * 1.5)  # the supplement's factor on the recommended cutoff


def test_bands_hold_the_majority_spin():
    assert deck.bands(16, np.array([5.0]), False) >= (16 + 5) / 2 + 1
    assert deck.bands(243, np.full(16, 2.2), False) > (243 + 35) / 2
    assert deck.bands(16, np.array([2.0]), True) == 2 * deck.bands(16, np.array([2.0]), False)


def test_data_sets_are_read_and_refused(potentials):
    iron = data_set(potentials, "Fe")
    assert (iron.valence, iron.radius_bohr, iron.cutoff_Ha) == (16, 2.1153157434, 12)
    with pytest.raises(PotentialError, match=r"Mn.xml: found functional PW, allowed: PBE"):
        data_set(potentials, "Mn")
    with pytest.raises(PotentialError, match=r"Nd: found no .*Nd.xml, allowed: .*\(Al, Fe, Mn\)"):
        data_set(potentials, "Nd")


def test_what_cannot_run_is_refused_by_name(abinit):
    with_nd = Structure(Lattice.cubic(3.2), ["Nd", "Fe"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    crystals = {"good.cif": fe_al(), "bad.cif": with_nd}
    problems = abinit.check(crystals, preset("nd_fe")["relax"])
    assert [problem.name for problem in problems] == ["bad.cif"]
    assert "Nd" in problems[0].reason
    (missing,) = abinit.check({"good.cif": fe_al()}, preset("nd_fe")["relax"], runs_here=True)
    assert "no-such-abinit" in str(missing)
    (smearing,) = abinit.check({}, Calculation(kind="static", smearing="tetrahedron"))
    assert "fermi, methfessel_paxton, gaussian" in str(smearing)


def test_hubbard_u_stands_in_the_deck_of_the_elements_that_have_it(abinit, potentials, tmp_path):
    (Path(potentials) / "O.xml").write_text(PAW.format(symbol="O", z=8, valence=6, functional="PBE"))
    oxide = Structure(Lattice.cubic(4.3), ["O", "Fe"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    calculation = preset("maggen")["static"]
    assert abinit.check({"FeO": oxide}, calculation) == []
    abinit.prepare(oxide, calculation, tmp_path)
    found = words((tmp_path / "run.abi").read_text())
    assert (found["usepawu"], found["lpawu"]) == (["1"], ["-1", "2"])
    assert [float(u) * 27.211386246 for u in found["upawu"]] == pytest.approx([0.0, 5.3])
    assert [float(j) for j in found["jpawu"]] == [0.0, 0.0]
    # In crystals without oxygen or fluorine the preset asks for none.
    abinit.prepare(fe_al(), calculation, tmp_path)
    assert "pawu" not in (tmp_path / "run.abi").read_text()


def test_a_result_says_which_u_was_used(abinit, tmp_path):
    with_u = Calculation(kind="static", hubbard_U_eV={"Fe": 4.0})
    result = collected(abinit, tmp_path / "u", recorded("constrained"), with_u)
    assert (result.run_type, dict(result.hubbard_U_eV)) == ("GGA+U", {"Fe": 4.0})
    plain = collected(abinit, tmp_path / "plain", recorded("constrained"), Calculation(kind="static"))
    assert (plain.run_type, dict(plain.hubbard_U_eV)) == ("GGA", {})


def test_constrained_output_is_read():
    output = read_output(recorded("constrained"))
    assert output.energy_eV == pytest.approx(-126.55175410458 * 27.211386245988, abs=1e-9)
    assert output.moments_muB.tolist() == [1.200003, -0.010197]
    assert output.total_moment_muB.tolist() == [1.244152]
    assert output.dE_dm_eV_muB == pytest.approx([0.002608 * 27.211386, 0], abs=1e-9)
    # As ABINIT itself converts, with constants of an older table: 1e-7 of the value.
    assert output.forces_eV_A[0] == pytest.approx([0.48485561763221, 0, 0], abs=1e-6)
    assert output.stress_eV_A3[1, 1] * 160.2176634 == pytest.approx(-3.55653719e-5 * 29421.02648, rel=1e-6)  # GPa
    assert np.allclose(output.lattice_A, np.eye(3) * 5.424 * 0.529177210903)
    assert output.fractional[1].tolist() == [0.52, 0.5, 0.5]
    assert output.electrons_converged


def test_relaxation_is_read_to_its_last_step():
    output = read_output(recorded("relax"))
    assert output.ions_converged and output.steps == 14 and len(output.energies_eV) == 15
    assert np.diag(output.lattice_A) / 0.529177210903 == pytest.approx([5.3462614759, 5.3462614759, 5.7047757498])
    assert np.abs(output.forces_eV_A).max() < 1.1e-4
    assert output.energies_eV[-1] == output.energy_eV < output.energies_eV[0]
    assert output.energy_eV == pytest.approx(-126.55521291 * 27.211386245988, abs=1e-6)


def test_spinors_have_vectors():
    output = read_output(recorded("spin_orbit"))
    assert output.moments_muB.tolist() == [[2.296404, 0, 0]]
    assert output.total_moment_muB.tolist() == [2.231704, 0, 0]
    assert output.forces_eV_A is None or output.forces_eV_A.shape == (1, 3)


def collected(abinit, folder, text, calculation):
    write_item(fe_al(), calculation, folder)
    abinit.prepare(fe_al(), calculation, folder)
    if text is not None:
        (folder / "run.abo").write_text(text)
    return abinit.collect(folder, calculation)


def test_collected_magnetic_forces_are_minus_the_derivative(abinit, tmp_path):
    held = Calculation(kind="constrained", free_elements=("Al",))
    result = collected(abinit, tmp_path, recorded("constrained"), held)
    assert result.status is Status.CONVERGED
    assert result.magnetic_forces_eV_muB[0] == pytest.approx(-0.002608 * 27.211386)
    assert np.isnan(result.magnetic_forces_eV_muB[1])
    assert result.total_moment_muB == 1.244152


def test_whatever_the_output_is_it_becomes_a_status(abinit, tmp_path):
    whole, static = recorded("constrained"), Calculation(kind="static")
    cut = collected(abinit, tmp_path / "cut", whole[: len(whole) // 2], static)
    assert cut.status is Status.FAILED and "no end of the calculation" in cut.message
    none = collected(abinit, tmp_path / "none", None, static)
    assert none.status is Status.FAILED and "no run.abo" in none.message
    warned = "\n scprqt:  WARNING -\n  nstep= 23 was not enough SCF cycles to converge;"
    tired = whole.replace("\n At SCF step   23", warned)
    assert collected(abinit, tmp_path / "tired", tired, static).status is Status.NOT_CONVERGED
    unmoved = recorded("relax").replace("gradients are converged", "gradients are large")
    slow = collected(abinit, tmp_path / "slow", unmoved, preset("nd_fe")["relax"])
    assert slow.status is Status.NOT_CONVERGED and "after 200 steps" in slow.message


def test_words_of_abinit_are_passed_on(abinit, tmp_path):
    write_item(fe_al(), Calculation(kind="static"), tmp_path)
    abinit.prepare(fe_al(), Calculation(kind="static"), tmp_path)
    log = "--- !ERROR\nsrc_file: m_x.F90\nmessage: |\n    ratsph is smaller than\n    the PAW radius\n...\n"
    (tmp_path / "run.log").write_text(log)
    assert abinit.collect(tmp_path, Calculation(kind="static")).message == (
        "ABINIT: ratsph is smaller than the PAW radius"
    )
    assert error_message("all is well") == ""


def test_output_without_energies_is_an_error():
    with pytest.raises(OutputError, match="no line ETOT"):
        read_output("Calculation completed\n-outvars: echo values of variables after computation\n natom 1\n===\n")


@pytest.mark.parametrize(
    ("script", "status"), [("sleep 30", Status.WALLTIME), ("", Status.FAILED)], ids=["too slow", "silent"]
)
def test_a_program_that_hangs_or_dies_ends_with_a_status(potentials, tmp_path, script, status):
    program = tmp_path / "abinit"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    abinit = Abinit({"command": str(program), "potential_folder": potentials})
    folder = tmp_path / "run"
    write_item(fe_al(), Calculation(kind="static"), folder)
    abinit.prepare(fe_al(), Calculation(kind="static"), folder)
    for _ in abinit.run_batch([folder], Resources(walltime_s=61.0)):  # a minute is left for archiving
        assert abinit.collect(folder, Calculation(kind="static")).status is status


def test_missing_program_is_an_error_of_the_calculation(abinit, tmp_path):
    write_item(fe_al(), Calculation(kind="static"), tmp_path)
    abinit.prepare(fe_al(), Calculation(kind="static"), tmp_path)
    with pytest.raises(BackendError, match="no executable no-such-abinit"):
        abinit.run(tmp_path, Resources())
