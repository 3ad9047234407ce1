"""Chains of VASP runs with the stand-in: geometry, charge and moments from run to run, and what is collected."""

import numpy as np
import pytest
from vasp_runs import Runs, fe2o2, nio

from lodestone.dft.calculation import Resources, Status

# The smearing whose entropy custodian does not judge: the recorded runs were made with another width.
FERMI = {"smearing": "fermi"}


@pytest.fixture
def runs(tmp_path, monkeypatch):
    return Runs(tmp_path, monkeypatch)


def test_relaxation_goes_on_from_the_first_one_and_reads_the_recorded_numbers(runs):
    runs.prepare("item", "relax", **FERMI)
    first = {"replay": "fe2o2", "expect": "reference/fe2o2_relax/relax_1"}
    again = {"replay": "fe2o2", "tags": {"MAGMOM": "1*3.007 1*1.397 2*-0.189"}}
    runs.run("item", {"item/relax_1": [first], "item/relax_2": [again]})
    result = runs.collect("item")
    assert (result.status, result.message) == (Status.CONVERGED, ""), result.message
    assert result.energy_eV == -28.21851457
    assert result.extras["energy_at_zero_smearing_eV"] == -28.21851457
    assert result.extras["vasp_version"] == "5.3.5"
    assert result.steps == 28
    # The order of the crystal (Fe O Fe O), not that of the POSCAR (Fe Fe O O).
    assert [site.specie.symbol for site in result.structure] == ["Fe", "O", "Fe", "O"]
    assert result.moments_muB.tolist() == [3.007, -0.189, 1.397, -0.189]
    assert result.total_moment_muB == 4.0
    np.testing.assert_allclose(result.structure[2].frac_coords, [0.5, 0.0, 0.5], atol=1e-8)
    np.testing.assert_allclose(result.forces_eV_A[1], [-0.00197616, 0.00998741, 0.00343667], atol=1e-8)
    # The recorded stress is -1.98917 kbar along x; ours has the opposite sign, 1602.18 kbar to an eV/A^3.
    assert result.stress_eV_A3[0, 0] == pytest.approx(1.98922 / 1602.1766, rel=1e-4)
    assert result.run_type == "GGA"
    assert result.potentials == {"Fe": "Fe_pv", "O": "O"}
    second = runs.folder / "item" / "relax_2" / "run_0" / "POSCAR"
    assert second.read_text().splitlines()[2].split()[0] == "-2.005591990000"


def test_nothing_licensed_and_nothing_large_is_left(runs):
    runs.prepare("item", "anisotropy", **FERMI)
    runs.run("item", {"item/static": [{"replay": "fe2o2"}], "*": [{"replay": "nio_soc"}]})
    names = {path.name for path in (runs.folder / "item").rglob("*")}
    assert names & {"POTCAR", "CHGCAR", "WAVECAR"} == set()
    assert {"POTCAR.spec", "OUTCAR", "vasprun.xml", "custodian.json"} <= names
    assert {path.name for path in runs.backend.keep(runs.folder / "item")} <= names


def test_anisotropy_takes_charge_moments_and_bands_from_the_collinear_run(runs):
    calculation = runs.prepare("item", "anisotropy", axes=((1, 0, 0), (0, 0, 1)), **FERMI)
    common = {"ICHARG": "11", "LSORBIT": "True", "ISYM": "-1", "NBANDS": "48"}
    moments = {"MAGMOM": "0.0 0.0 3.007 0.0 0.0 1.397 0.0 0.0 -0.189 0.0 0.0 -0.189"}

    def axis(shift, **tags):
        energy = "free  energy   TOTEN  =       -19.60512351 eV"
        edit = ["OUTCAR", energy, energy.replace("-19.60512351", f"{-19.60512351 + shift:.8f}")]
        return {"replay": "nio_soc", "needs": ["CHGCAR"], "tags": {**common, **moments, **tags}, "edits": [edit]}

    runs.run(
        "item",
        {
            "item/static": [{"replay": "fe2o2", "tags": {"LCHARG": "True", "MAGMOM": "1*3.0 1*1.4 2*0.0"}}],
            "item/soc_1": [axis(0.0)],
            "item/soc_2": [axis(0.0005)],
        },
    )
    result = runs.collect("item")
    assert (result.status, result.message) == (Status.CONVERGED, ""), result.message
    assert len(calculation.axes) == len(result.axis_energies_eV) == 2
    assert result.axis_energies_eV[1] - result.axis_energies_eV[0] == pytest.approx(0.0005, abs=1e-9)
    assert result.moments_muB.tolist() == [3.007, -0.189, 1.397, -0.189]
    # Moments of the recorded NiO run, Ni Ni O O in its OUTCAR, Fe Fe O O in the POSCAR here.
    along = np.array(result.extras["moments_along_saxis_muB"]["soc_1"])
    np.testing.assert_allclose(along[:, 2], [1.671, 0.0, -1.671, 0.0], atol=1e-9)
    saxis = (runs.folder / "item" / "soc_1" / "run_0" / "INCAR").read_text().split("SAXIS = ")[1].split()
    assert float(saxis[0]) == pytest.approx(-2.659783 / np.linalg.norm([2.659783, 1.529434]), abs=1e-6)


def test_directions_with_different_settings_are_not_compared(runs):
    runs.prepare("item", "anisotropy", axes=((1, 0, 0), (0, 0, 1)), **FERMI)
    failing = {"replay": "nio_soc", "stdout": "errors/rhosyg.gz"}
    good = {"replay": "nio_soc"}
    runs.run("item", {"item/static": [{"replay": "fe2o2"}], "item/soc_1": [good], "item/soc_2": [failing, good]})
    result = runs.collect("item")
    assert result.status is Status.NOT_CONVERGED
    assert result.message == "energies of the directions cannot be compared: SYMPREC corrected for some only"


def constraint(held, penalty=0.0012):
    """OSZICAR lines as VASP's manual shows them."""
    rows = [f" {k} 0.000 0.000 {m:.3f} 0.000 0.000 {1.3 * m:.3f}" for k, m in enumerate(held, start=1)]
    lines = [f" E_p = {penalty:.5E}  lambda =  0.250E+02", "<lVp>=  0.3E-02", "ion        MW_int                 M_int"]
    return "\n".join([*lines, *rows, "DAV:   8    -0.1960512351E+02    0.1E-07\n"])


def test_constrained_moments_stiffen_and_give_forces(runs, tmp_path):
    runs.prepare("item", "constrained", fe2o2((2.0, -2.0, 0.1, 0.1)), free_elements=("O",), **FERMI)
    first = {"LAMBDA": "1.0", "M_CONSTR": "0.0 0.0 2.0 0.0 0.0 -2.0 0.0 0.0 0.0 0.0 0.0 0.0", "RWIGS": "1.302 0.82"}
    plays = {
        "item/constrained_1": [{"replay": "nio_soc", "tags": first}],
        "item/constrained_2": [{"replay": "nio_soc", "tags": {"LAMBDA": "5.0"}, "needs": ["WAVECAR", "CHGCAR"]}],
        "item/constrained_3": [{"replay": "nio_soc", "tags": {"LAMBDA": "25.0"}, "needs": ["WAVECAR", "CHGCAR"]}],
    }
    runs.run("item", plays)
    oszicar = tmp_path / "item" / "constrained_3" / "run_0" / "OSZICAR"
    oszicar.write_text(constraint([1.99, -1.98, 0.05, 0.05]))
    result = runs.collect("item")
    assert (result.status, result.message) == (Status.CONVERGED, ""), result.message
    assert result.moments_muB.tolist() == [1.99, 0.05, -1.98, 0.05]
    # 2 lambda (m - target) with lambda 25 eV per squared mu_B; oxygen is free.
    np.testing.assert_allclose(result.magnetic_forces_eV_muB, [-0.5, np.nan, 1.0, np.nan], atol=1e-9)
    assert result.energy_eV == pytest.approx(-19.60512351 - 0.0012, abs=1e-8)
    oszicar.write_text(constraint([1.5, -1.98, 0.05, 0.05]))
    loose = runs.collect("item")
    assert loose.status is Status.NOT_CONVERGED
    assert loose.message == "constraint not held: site 1 has 1.500 mu_B, wanted 2.000"
    oszicar.write_text("DAV: 1\n")
    assert runs.collect("item").message == "constrained_3/run_0/OSZICAR: no report on constrained moments"


def test_cutoff_comes_from_the_potentials_where_the_preset_has_none(runs):
    runs.prepare("item", "static", nio(), "maggen", cutoff_factor=1.5, **FERMI)
    # 1.5 times oxygen's 400 eV, the largest; U of nickel in an oxide.
    tags = {"ENCUT": "600.0", "LDAUU": "6.2 0", "LDAUL": "2 -1", "MAGMOM": "1*1.1 1*0.9"}
    runs.run("item", {"*": [{"replay": "nio", "tags": tags}]})
    result = runs.collect("item")
    assert (result.status, result.message) == (Status.CONVERGED, ""), result.message
    assert (result.run_type, dict(result.hubbard_U_eV)) == ("GGA+U", {"Ni": 6.2})
    assert result.moments_muB.tolist() == [1.122, 0.903]


def test_launcher_and_tasks_come_from_the_resources(runs, tmp_path):
    launcher = tmp_path / "launcher"
    launcher.write_text('#!/bin/sh\necho "$1 $2" > launched; shift 2; exec "$@"\n')
    launcher.chmod(0o755)
    runs.prepare("item", "static", nio(), **FERMI)
    runs.run("item", {"*": [{"replay": "nio"}]}, Resources(mpi_tasks=64, launcher=str(launcher)))
    assert runs.collect("item").status is Status.CONVERGED
    assert (runs.folder / "item" / "static" / "run_0" / "launched").read_text() == "-n 64\n"
