"""Real outputs against what the same systems gave elsewhere: 185 runs of three builds of AkaiKKR."""

import json
from pathlib import Path

import pytest

from lodestone.kkr import mean_field, stiffness
from lodestone.kkr.output import read_output
from lodestone.kkr.sources import exchange_of

DATA = Path(__file__).parents[1] / "data" / "akaikkr"
REFERENCE = json.loads((DATA / "reference.json").read_text())
# File, build and run of the reference. Moments differ by the last digits where the lattice is written in another way.
SAME = {
    "Fe/out_go.log": ("gfortran", "Fe_go"),
    "Fe/out_tc.log": ("gfortran", "Fe_tc"),
    "Fe/out_j3.0.log": ("gfortran", "Fe_j3.0"),
    "NiFe/out_j3.0.excerpt.log": ("gfortran", "NiFe_j3.0"),
    "SmCo5_oc/out_tc.log": ("gfortran", "SmCo5_oc_tc"),
    "SmCo5_oc/out_j3.0.log": ("gfortran", "SmCo5_oc_j3.0"),
    "Co/out_j3.0.cnd.excerpt.log": ("cnd_gfortran", "Co_j3.0"),
    "AlMnFeCo/out_cnd.excerpt.log": ("cnd_gfortran", "AlMnFeCo_bcc_cnd"),
}
# The couplings of these end at other distances than the reference's: 3 a, with another a.
SHORTER = {"Fe/out_j3.0.log", "NiFe/out_j3.0.excerpt.log"}
# A run of 2026 against one of 2023: they differ in the sixth digit.
LATER = {"Fe/out_tc.log"}


@pytest.mark.parametrize("name", SAME)
def test_energy_moments_and_convergence_are_those_of_the_reference(name):
    build, run = SAME[name]
    wanted, out = REFERENCE[build][run], read_output(DATA / name)
    assert out.go == wanted["go"]
    assert out.converged == wanted["conv"]
    assert out.total_energy_Ry == pytest.approx(wanted["te"], abs=1e-6)  # Ry
    assert out.total_moment_muB == pytest.approx(wanted["tm"], abs=1e-4)  # four decimals are printed
    assert sum(out.moments_muB.values(), []) == pytest.approx(wanted["spinlocalmoment"], abs=2e-5)
    assert sum(out.orbital_moments_muB.values(), []) == pytest.approx(wanted["orbitallocalmoment"], abs=2e-5)


@pytest.mark.parametrize("name", [name for name, (_, run) in SAME.items() if run.endswith(("_tc", "_j3.0"))])
def test_the_printed_temperature_is_that_of_the_reference(name):
    build, run = SAME[name]
    found, wanted = read_output(DATA / name).Tc_K, REFERENCE[build][run]["Tc"]
    if name in SHORTER:
        assert found != pytest.approx(wanted, rel=1e-3)
    else:
        assert found == pytest.approx(wanted, rel=1e-4 if name in LATER else 1e-9)


def test_conductivities_are_those_of_the_reference():
    out, wanted = read_output(DATA / "AlMnFeCo" / "out_cnd.excerpt.log"), REFERENCE["cnd_gfortran"]["AlMnFeCo_bcc_cnd"]
    assert out.conductivity_au == pytest.approx(wanted["cnd"], abs=2e-5)
    assert out.resistivity_uohm_cm == pytest.approx(wanted["resis"], rel=1e-5)


@pytest.mark.parametrize("name", ["SmCo5_oc/out_j3.0.log", "Co/out_j3.0.cnd.excerpt.log"])
def test_mean_field_of_a_whole_table_is_the_temperature_of_the_reference(name):
    """Three kinds of site with an open 4f core, and hcp: 0.1 % is asked, six digits agree."""
    build, run = SAME[name]
    exchange = exchange_of(DATA / name)
    assert exchange.complete == 1
    assert mean_field.curie_temperature_K(exchange) == pytest.approx(REFERENCE[build][run]["Tc"], rel=1e-5)


@pytest.mark.parametrize("name", [name for name, (_, run) in SAME.items() if run.endswith("_j3.0")])
def test_nearest_neighbours_are_those_of_the_reference(name):
    """The reference keeps one row for each kind of pair, in units of another lattice constant for cubic crystals."""
    build, run = SAME[name]
    rows = read_output(DATA / name).couplings
    for kept in REFERENCE[build][run]["jij"]:
        J, multiplicity, components = float(kept[9]), int(kept[10]), {int(kept[2]), int(kept[3])}
        near = [row for row in rows if {row.component_1, row.component_2} == components]
        found = min((row for row in near if row.multiplicity == multiplicity), key=lambda row: abs(row.J_meV - J))
        assert found.J_meV == pytest.approx(J, abs=2e-3, rel=1e-4)


def test_no_table_of_the_reference_is_whole():
    """Nearest neighbours alone: no temperature can follow from them, whatever the build."""
    tables = [run["jij"] for build in REFERENCE.values() for run in build.values() if "jij" in run]
    assert len(tables) == 24
    assert max(map(len, tables)) == 10


def test_builds_agree_among_themselves():
    """What a difference between two runs means: gfortran and ifort agree to 1e-6 Ry and 1e-4 mu_B."""
    runs = [(one, REFERENCE["ifort"][name]) for name, one in REFERENCE["gfortran"].items() if one["conv"]]
    assert len(runs) == 38
    for one, other in runs:
        assert one["te"] == pytest.approx(other["te"], abs=1e-6)
        assert one["spinlocalmoment"] == pytest.approx(other["spinlocalmoment"], abs=1e-4)


def test_samarium_cobalt_has_a_stiffness_along_and_across():
    """The whole table reaches 3 a, and the damped sums have a limit; uniaxial, the two axes of the plane are alike."""
    found = stiffness.exchange_stiffness(exchange_of(DATA / "SmCo5_oc" / "out_j3.0.log"))
    assert found.A_J_m == pytest.approx(21.7e-12, rel=0.01)
    assert found.tensor_J_m[0, 0] == pytest.approx(found.tensor_J_m[1, 1], rel=1e-4)
    assert found.error_J_m < 1e-12
