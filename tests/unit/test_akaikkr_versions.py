"""AkaiKKR outputs of other versions and tasks, and damage that must never pass for a result."""

from pathlib import Path

import pytest

import lodestone
from lodestone.kkr import mean_field
from lodestone.kkr.output import read_output, read_outputs
from lodestone.kkr.sources import exchange_of

DATA = Path(__file__).parents[1] / "data" / "akaikkr"
COBALT = DATA / "Co" / "out_j3.0.cnd.excerpt.log"
ALLOY = DATA / "AlMnFeCo" / "out_cnd.excerpt.log"
IRON = DATA / "Fe" / "out_j3.0.log"


def test_the_version_with_conductivities_calls_components_cmpnt():
    out = read_output(COBALT)
    assert out.types[0].components == [(27.0, 1.0)]
    assert (out.converged, out.finished, len(out.couplings)) == (True, True, 19)
    assert out.Tc_K == 1298.544


def test_cobalt_has_the_printed_temperature():
    assert mean_field.curie_temperature_K(exchange_of(COBALT)) == pytest.approx(1298.544, rel=1e-5)


def test_conductivities_are_read():
    out = read_output(ALLOY)
    assert [round(share, 2) for _, share in out.types[0].components] == [0.25] * 4
    assert out.moments_muB == {"Mn0.25Al0.25Fe0.25Co0.25_2a_0": [0.00771, 0.00996, -0.41693, -0.51021]}
    assert (out.conductivity_au, out.resistivity_uohm_cm) == ([0.38686, 0.12289], 85.2956)
    assert (out.converged, out.finished) == (False, True)


def test_a_run_that_ends_before_its_conductivities_is_not_finished(tmp_path):
    path = tmp_path / "cut.log"
    path.write_text(ALLOY.read_text().partition(" conductivity component")[0])
    assert not read_output(path).finished


def test_a_fixed_moment_and_its_field_are_read(tmp_path):
    text = (DATA / "Fe" / "out_go.log").read_text()
    path = tmp_path / "fsm.log"
    line = next(line for line in text.splitlines() if "magnetization=" in line)
    told = "   fixed spin moment=   1.0000000  field used to fix the spin=  -0.0183748"
    path.write_text(text.replace("go=go ", "go=fsm").replace(line, f"{line}\n{told}"))
    found = read_output(path).last_iteration
    assert (found["fixed_spin_moment"], found["fixing_field_Ry"]) == (1.0, -0.0183748)


def test_the_next_run_of_a_file_does_not_unfinish_the_first(tmp_path):
    path = tmp_path / "both.log"
    path.write_text(ALLOY.read_text() + COBALT.read_text())
    assert [out.finished for out in read_outputs(path)] == [True, True]


@pytest.mark.parametrize("name", [COBALT, ALLOY], ids=["Co", "AlMnFeCo"])
def test_cut_off_anywhere_it_is_read_or_refused_by_line(tmp_path, name):
    text = name.read_text()
    path = tmp_path / "cut.log"
    for length in range(0, len(text), 101):
        path.write_text(text[:length])
        try:
            out = read_output(path)
        except ValueError as error:
            assert f"{path}, line " in str(error)
        else:
            assert not out.finished or "sbtime" in text[:length] or "elapsed" in text[:length][-80:]


DAMAGE = {
    "J in Ry and in meV swapped": ("0.001162   15.805757", "15.805757    0.001162"),
    "a digit of J": ("   15.805757", "   18.805757"),
    "a sign of J": ("   15.805757", "  -15.805757"),
    "a digit of the distance": ("1.000000    0.0011", "1.100000    0.0011"),
    "two columns of the cell": ("15.805757    8", "15.805757    8.5"),
    "no multiplicity": ("15.805757    8", "15.805757    0"),
    "columns in another order": ("distance     J_ij      J_ij(meV)", "distance   J_ij(meV)     J_ij    "),
    "a component lost": ("*** type-Fe_0     Fe (z= 26.0) ***", ""),
    "another element": ("*** type-Fe_0     Fe (z= 26.0) ***", "*** type-Fe_0     Co (z= 27.0) ***"),
    "an atom lost": ("   position=   0.00000000   0.00000000   0.00000000  type=Fe_0\n", ""),
    "no lattice": ("   lattice constant\n", ""),
    "labels of an iteration": (" neu=", " new="),
    "bytes that are no text": ("   J_ij\n", "   \x00\x07J_ij\n"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_refused_by_line(tmp_path, kind):
    old, new = DAMAGE[kind]
    text = IRON.read_text()
    assert old in text
    path = tmp_path / "damaged.log"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ValueError, match=r"damaged.log, line \d+: found"):
        lodestone.read_akaikkr_output(path)


def test_iterations_are_read_by_their_labels(tmp_path):
    path = tmp_path / "turned.log"
    text = IRON.read_text()
    line = next(line for line in text.splitlines() if "te=" in line and "itr=" in line)
    turned = "   itr=  1 moment=  2.3192  neu=    0.0000  err= -6.341  te=  -2541.02074101"
    path.write_text(text.replace(line, turned))
    assert read_output(path).iterations[0]["moment"] == 2.3192


def test_bytes_from_another_program_are_refused(tmp_path):
    path = tmp_path / "binary"
    path.write_bytes(bytes(range(256)) * 20)
    with pytest.raises(ValueError, match=r"binary, line 1: found"):
        lodestone.read_akaikkr_output(path)


def test_a_molecular_field_fits_in_both_units(tmp_path):
    path = tmp_path / "tc.log"
    text = (DATA / "SmCo5_oc" / "out_tc.log").read_text()
    path.write_text(text.replace("297.138471", "397.138471"))
    with pytest.raises(ValueError, match=r"tc.log, line \d+: .*times that in Ry"):
        lodestone.read_akaikkr_output(path)
