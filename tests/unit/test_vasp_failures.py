"""Every failure that custodian knows, from what VASP printed: corrected, or a status that says why not."""

import pytest
from vasp_runs import DATA, Runs, fe2o2, nio

from lodestone.dft.calculation import Status

# The smearing whose entropy custodian does not judge: the recorded runs were made with another width.
FERMI = {"smearing": "fermi"}
GOOD = {"replay": "nio"}
# Recorded message and the tags that custodian sets in answer to it.
CORRECTED = {
    "amin": {"AMIN": "0.01"},
    "brions": {"POTIM": "0.6"},
    "brmix": {"ISTART": "1"},
    "edddav": {"ALGO": "All"},
    "edddav2": {"ALGO": "All"},
    "eddrmm": {"POTIM": "0.25"},
    "hnform": {"ISYM": "0"},
    "ksymm": {"SYMPREC": "1e-06"},
    "point_group": {"ISYM": "0"},
    "poscar_error": {"ISYM": "0"},
    "posmap": {"SYMPREC": "1e-06"},
    "pricelv": {"SYMPREC": "1e-06"},
    "rhosyg": {"SYMPREC": "0.0001"},
    "sgrcon": {"ISYM": "0"},
    "std_err.kpoints_trans": {"ISYM": "0"},
    "symprec_noise": {"SYMPREC": "1e-06"},
    "too_few_bands_round_error": {"NBANDS": "17"},
    "zbrent": {"NELMIN": "8", "EDIFF": "1e-07"},
    "zpotrf": {"ISYM": "0"},
    "ztrtri": {"ISYM": "0"},
}
# Messages after which our input holds nothing that could be changed, and what custodian calls them.
GIVEN_UP = {
    "algo_tet": "algo_tet, grad_not_orth",
    "algo_tet_only": "algo_tet",
    "dfpt_ncore": "dfpt_ncore",
    "eddiag": "eddiag",
    "fd_ncore": "dfpt_ncore",
    "harris": "spin_polarized_harris",
    "nbands_not_sufficient": "nbands_not_sufficient",
    "nicht_konvergent": "nicht_konv",
    "pdsyevx": "pdsyevx",
    "pssyevx": "pssyevx",
    "read_error": "read_error",
    "real_optlay": "real_optlay",
    "set_core_wf": "set_core_wf",
    "std_err.oom": "out_of_memory",
    "subspace": "subspacematrix",
}
# Warnings that must not end a run.
HARMLESS = ("auto_nbands", "aliasing")
# Messages whose correction needs other input than that of these tests.
CORRECTED_OTHERWISE = {"aliasing_incar", "dentet", "gradient_not_orthogonal", "ibzkpt"}


@pytest.fixture
def runs(tmp_path, monkeypatch):
    return Runs(tmp_path, monkeypatch)


def printed(name):
    """A run that printed this; its other files are those of a good one, as VASP leaves them half the time."""
    return {**GOOD, "stderr" if name.startswith("std_err") else "stdout": f"errors/{name}.gz"}


def static(runs, plays, **changes):
    runs.prepare("item", "static", nio(), **{**FERMI, **changes})
    runs.run("item", {"*": plays})
    return runs.collect("item")


def test_every_recorded_message_is_tested():
    recorded = {path.name.removesuffix(".gz") for path in (DATA / "errors").iterdir()}
    assert recorded == {*CORRECTED, *GIVEN_UP, *HARMLESS, *CORRECTED_OTHERWISE}


@pytest.mark.parametrize("name", CORRECTED)
def test_corrected_and_run_again(runs, name):
    result = static(runs, [printed(name), {**GOOD, "tags": CORRECTED[name]}])
    assert (result.status, result.message) == (Status.CONVERGED, "")
    assert runs.launches("item", "static") == 2
    assert len(result.extras["runs"][0]["corrections"]) == 1


@pytest.mark.parametrize("name", GIVEN_UP)
def test_given_up_with_the_reason(runs, name):
    result = static(runs, [printed(name)])
    assert result.status is Status.FAILED
    assert f"custodian knows no correction of {GIVEN_UP[name]}; " in result.message
    assert runs.launches("item", "static") == 1
    # What can be read is given all the same.
    assert result.energy_eV == -4.52549041


@pytest.mark.parametrize("name", HARMLESS)
def test_warnings_change_nothing(runs, name):
    result = static(runs, [printed(name)])
    assert (result.status, runs.launches("item", "static")) == (Status.CONVERGED, 1)


def test_projection_in_real_space_is_given_up_where_it_was_used(runs):
    runs.prepare("item", "static", nio(), **FERMI)
    path = runs.folder / "item" / "static" / "INCAR"
    path.write_text(path.read_text().replace("LREAL = False", "LREAL = Auto"))
    plays = [printed("real_optlay"), {**GOOD, "tags": {"LREAL": "False"}}]
    runs.run("item", {"*": plays})
    assert runs.collect("item").status is Status.CONVERGED


def test_mesh_is_corrected_for_the_tetrahedron_method(runs):
    result = static(runs, [printed("dentet"), GOOD], smearing="tetrahedron", gamma_centred=False)
    assert result.status is Status.CONVERGED
    assert result.extras["runs"][0]["corrections"] == ["dentet: KPOINTS: set generation_style = Gamma"]


def test_a_mistake_that_always_comes_back_ends(runs):
    result = static(runs, [printed("too_few_bands_round_error")])
    assert result.status is Status.FAILED
    assert result.message.startswith("static: Max errors per job reached: 5; vasp.out ends with: ")
    assert runs.launches("item", "static") == 5


def relaxation(runs, play, **changes):
    """One relaxation of which the first run fails, and the second succeeds."""
    runs.prepare("item", "relax", fe2o2(), **{**FERMI, "relax_cell": False, **changes})
    runs.run("item", {"*": [{"replay": "fe2o2", **play}, {"replay": "fe2o2"}]})
    return runs.collect("item")


# Twelve ionic steps, each given up after the 40 electronic steps that the input allows.
NEVER_CONVERGED = "".join(
    "       N       E                     dE             d eps       ncg     rms          rms(c)\n"
    + "".join(f"DAV: {k:3d}    -0.28E+02   -0.1E+00   -0.1E+00   48   0.4E-02    0.1E-02\n" for k in range(1, 41))
    + f"{step:4d} F= -.28E+02 E0= -.28E+02  d E =-.1E-03  mag=     4.0\n"
    for step in range(1, 13)
)


@pytest.mark.parametrize(
    ("play", "error"),
    [
        ({"files": {"OSZICAR": "broken/OSZICAR.potim.gz"}}, "POTIM"),
        ({"files": {"OSZICAR": "broken/OSZICAR.positive_energy.gz"}}, "Positive energy"),
        ({"texts": {"OSZICAR": NEVER_CONVERGED}}, "Non-converging job"),
    ],
)
def test_bad_relaxations_are_seen_in_the_list_of_energies(runs, play, error):
    result = relaxation(runs, play, max_electronic_steps=40)
    assert result.status is Status.CONVERGED
    assert result.extras["runs"][0]["corrections"][0].startswith(f"{error}: INCAR: set ")


def test_smearing_that_is_too_wide_is_narrowed(runs):
    files = {"OUTCAR": "broken/OUTCAR.large_sigma.gz"}
    result = static(runs, [{**GOOD, "files": files}, GOOD], smearing="methfessel_paxton")
    assert result.status is Status.CONVERGED
    assert result.extras["runs"][0]["corrections"][0].startswith("LargeSigma: INCAR: set SIGMA = 0.0")


def test_a_frozen_run_is_stopped(runs, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    watching = Runs(other, monkeypatch, checks_every=5)
    watching.prepare("item", "static", nio(), **FERMI)
    path = other / "item" / "static" / "INCAR"
    path.write_text(path.read_text().replace("ALGO = Normal", "ALGO = Fast"))
    watching.run("item", {"*": [{**GOOD, "end": "frozen"}, {**GOOD, "tags": {"ALGO": "Normal"}}]})
    result = watching.collect("item")
    assert result.status is Status.CONVERGED
    assert result.extras["runs"][0]["corrections"] == ["Frozen job: INCAR: set ALGO = Normal"]
