"""VASP runs that are killed, cut off, not converged or out of time, and moments that do not survive."""

import json
import socket
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from vasp_runs import Runs, fe2o2, nio, recorded_crystal

from lodestone.dft.calculation import Resources, Status
from lodestone.dft.moments import FOUND
from lodestone.dft.vasp import ledger, watch

FERMI = {"smearing": "fermi"}
GOOD = {"replay": "nio"}
RELAXED = {"replay": "fe2o2"}
# The recorded run was one of silver with the tetrahedron method, of which custodian complains too.
UNFINISHED = {
    **RELAXED,
    "files": {"vasprun.xml": "broken/vasprun.ionic.xml.gz"},
    "edits": [["vasprun.xml", '<i type="int" name="ISMEAR">    -5</i>', '<i type="int" name="ISMEAR">    -1</i>']],
}


@pytest.fixture
def runs(tmp_path, monkeypatch):
    return Runs(tmp_path, monkeypatch)


def static(runs, *plays):
    runs.prepare("item", "static", nio(), **FERMI)
    runs.run("item", {"*": list(plays)})
    return runs.collect("item")


def test_a_killed_vasp_says_so(runs):
    result = static(runs, {**GOOD, "keep": 0.5, "end": "killed"})
    assert result.status is Status.FAILED
    assert result.message.startswith("static: VASP was killed by SIGKILL; vasp.out ends with: running; ")
    assert "static/run_0/OUTCAR: cut off" in result.message
    assert result.energy_eV is None


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"vasprun.xml": "broken/vasprun.truncated.xml.gz"}, "static/run_0/vasprun.xml: cut off or damaged"),
        ({"OUTCAR": "broken/OUTCAR.truncated.gz"}, "static/run_0/OUTCAR: cut off, VASP's closing report"),
    ],
)
def test_cut_off_files_are_named(runs, files, message):
    result = static(runs, {**GOOD, "files": files})
    assert result.status is Status.FAILED
    assert message in result.message


def test_nothing_written(runs):
    result = static(runs, {"end": 3})
    assert result.status is Status.FAILED
    assert result.message == (
        "static: Validation failed: VasprunXMLValidator; vasp.out ends with: running; "
        "static/run_0/OUTCAR: missing, VASP wrote nothing"
    )


def test_output_of_another_crystal_is_not_taken(runs):
    result = static(runs, {**GOOD, "files": {"vasprun.xml": "fe2o2/vasprun.xml.gz"}})
    assert result.status is Status.FAILED
    assert "static/run_0/vasprun.xml: 4 sites, expected 2" in result.message


def test_electrons_that_do_not_converge(tmp_path, monkeypatch):
    runs = Runs(tmp_path, monkeypatch, max_errors=2)
    vasprun = "broken/vasprun.electronic.xml.gz"
    runs.prepare("item", "static", recorded_crystal(vasprun), **FERMI)
    runs.run("item", {"*": [{**GOOD, "files": {"vasprun.xml": vasprun}}]})
    result = runs.collect("item")
    assert result.status is Status.NOT_CONVERGED
    assert result.message.startswith("static: electrons not converged in 5 ionic steps; ")
    # The recorded run had the algorithm Fast; custodian goes on from what was really used each time.
    assert result.extras["runs"][0]["corrections"][0] == "Unconverged: INCAR: set ALGO = Normal"
    assert result.energy_eV == pytest.approx(-134.331, abs=1e-3)


def test_geometry_that_does_not_converge_goes_on_from_where_it_is(runs):
    runs.prepare("item", "relax", fe2o2(), relax_cell=False, **FERMI)
    runs.run("item", {"*": [UNFINISHED, RELAXED]})
    result = runs.collect("item")
    assert result.status is Status.CONVERGED
    corrections = result.extras["runs"][0]["corrections"]
    assert corrections == ["Unconverged: INCAR: set IBRION = 1; CONTCAR: file copy dest = POSCAR"]
    assert runs.launches("item", "relax_1") == 2


def test_moments_that_always_turn_round_climb_the_ladder(runs):
    runs.prepare("item", "relax", fe2o2((3.0, -1.4, 0.0, 0.0)), **FERMI)
    plays = [
        {**RELAXED, "tags": {"MAGMOM": "1*3.0 1*-1.4 2*0.0"}},
        {**RELAXED, "tags": {"MAGMOM": "1*4.5 1*-2.1 2*0.0", "ISTART": "0", "ICHARG": "2"}},
        {**RELAXED, "tags": {"MAGMOM": "1*4.5 1*-2.1 2*0.0", "BMIX_MAG": "0.0001", "AMIX": "0.2"}},
    ]
    runs.run("item", {"item/relax_1": plays})
    result = runs.collect("item")
    assert result.status is Status.FLIPPED_MOMENT
    assert result.message == (
        "relax_1: moments turned round: site 3 (Fe) from -1.40 to 1.40 mu_B "
        "(3 starts; the values are those of the lowest energy, relax_1/run_0)"
    )
    assert result.energy_eV == -28.21851457
    assert runs.launches("item", "relax_1") == 3
    assert runs.launches("item", "relax_2") == 0
    # Asked again, it knows.
    runs.backend.run(runs.folder / "item", Resources())
    assert runs.launches("item", "relax_1") == 3


def test_a_lost_moment_is_found_again_on_the_second_start(runs):
    runs.prepare("item", "relax", fe2o2((3.0, 1.4, 0.0, 0.0)), relax_cell=False, **FERMI)
    # The printed moment of the second iron site, in the table at the end of the OUTCAR.
    text = ["OUTCAR", "-0.006   0.013   1.390   1.397", "-0.006   0.013   0.090   0.097"]
    runs.run("item", {"*": [{**RELAXED, "edits": [text]}, RELAXED]})
    result = runs.collect("item")
    assert (result.status, result.message) == (Status.CONVERGED, "")
    assert [run["state"] for run in result.extras["runs"]] == ["lost", "kept"]
    assert result.moments_muB.tolist() == [3.007, -0.189, 1.397, -0.189]


# The printed moments of nickel and oxygen, and the energy at the end.
NO_MOMENT = [
    ["OUTCAR", "1.175   1.122", "0.001   0.001"],
    ["OUTCAR", "0.006   0.897   0.000   0.903", "0.000   0.001   0.000   0.001"],
]
ANOTHER = [
    ["vasprun.xml", '   <i name="e_fr_energy">     -4.52549041 </i>', '   <i name="e_fr_energy">     -4.51 </i>']
]
COLLAPSED = {**GOOD, "edits": NO_MOMENT}


def test_a_crystal_that_is_not_magnetic_from_any_start_has_converged(runs):
    result = static(runs, COLLAPSED)
    assert (result.status, result.message) == (Status.CONVERGED, "")
    assert result.extras["nonmagnetic"] is True
    assert result.extras["note"] == (
        "static: not magnetic: the moments vanish from each of 3 starts, which end at one energy"
    )
    assert [run["state"] for run in result.extras["runs"]] == ["lost", "lost", "vanished"]
    assert result.moments_muB.tolist() == [0.001, 0.001]
    assert result.energy_eV == -4.52549041
    # Asked again, it knows.
    runs.backend.run(runs.folder / "item", Resources())
    assert runs.launches("item", "static") == 3


def test_states_that_differ_are_a_lost_moment(runs):
    result = static(runs, COLLAPSED, {**GOOD, "edits": NO_MOMENT + ANOTHER}, COLLAPSED)
    assert result.status is Status.LOST_MOMENT
    assert "(3 starts; the values are those of the lowest energy, static/run_0)" in result.message
    assert "nonmagnetic" not in result.extras
    half = [NO_MOMENT[0]]  # oxygen keeps a moment
    assert static_anew(runs, {**GOOD, "edits": half}).status is Status.LOST_MOMENT


def static_anew(runs, *plays):
    """The same for a crystal in another folder."""
    runs.prepare("other", "static", nio(), **FERMI)
    runs.run("other", {"*": list(plays)})
    return runs.collect("other")


def test_a_moment_that_an_earlier_step_found_can_be_lost_only(runs):
    crystal = nio()
    crystal.properties[FOUND] = True
    runs.prepare("item", "static", crystal, **FERMI)
    runs.run("item", {"*": [COLLAPSED]})
    assert runs.collect("item").status is Status.LOST_MOMENT


def test_steps_after_the_ladder_know_that_there_are_no_moments(runs):
    runs.prepare("item", "relax", fe2o2((1.5, 1.4, 0.0, 0.0)), **FERMI)
    none = [
        ["OUTCAR", "-0.006   0.013   1.390   1.397", "-0.006   0.013   0.001   0.001"],
        ["OUTCAR", "3.007", "0.002"],
        ["OUTCAR", "-0.189", "-0.001"],
    ]
    runs.run("item", {"*": [{**RELAXED, "edits": none}]})
    result = runs.collect("item")
    assert (result.status, result.extras["nonmagnetic"]) == (Status.CONVERGED, True)
    assert [runs.launches("item", step) for step in ("relax_1", "relax_2")] == [3, 1]
    # A moment that the first step kept is known to exist: when it is gone in the second, it was lost.
    runs.prepare("kept", "relax", fe2o2((1.5, 1.4, 0.0, 0.0)), **FERMI)
    runs.run("kept", {"kept/relax_1": [RELAXED], "kept/relax_2": [{**RELAXED, "edits": none}]})
    assert runs.collect("kept").status is Status.LOST_MOMENT


def test_crystals_of_elements_without_usual_moments_are_run_once(runs):
    crystal = nio()
    crystal.replace(0, "O", properties={"magmom": 1.1})
    runs.prepare("item", "static", crystal, **FERMI)
    runs.run("item", {"*": [COLLAPSED]})
    result = runs.collect("item")
    assert (result.status, result.extras["nonmagnetic"]) == (Status.CONVERGED, True)
    assert "note" not in result.extras
    assert runs.launches("item", "static") == 1


def test_the_same_state_turned_round_as_a_whole_is_no_other(runs):
    runs.prepare("item", "relax", fe2o2((-3.0, -1.4, 0.0, 0.0)), relax_cell=False, **FERMI)
    runs.run("item", {"*": [RELAXED]})
    assert runs.collect("item").status is Status.CONVERGED


def limited(tmp_path, monkeypatch, **options):
    return Runs(tmp_path, monkeypatch, checks_every=2, **{"walltime_buffer_s": 1.0, **options})


def test_vasp_is_asked_to_stop_in_time_and_the_next_job_goes_on(tmp_path, monkeypatch):
    # Asked as soon as there is output to judge the time by, and not stopped before 750 s.
    runs = limited(tmp_path, monkeypatch, walltime_buffer_s=999.9)
    runs.prepare("item", "relax", fe2o2(), relax_cell=False, **FERMI)
    slow = {**UNFINISHED, "end": "until_stopped"}
    runs.run("item", {"*": [slow, RELAXED]}, Resources(walltime_s=1000.0))
    result = runs.collect("item")
    assert result.status is Status.WALLTIME
    assert result.message == "relax_1: the job's time was up before VASP had converged"
    prepared = (tmp_path / "item" / "relax_1" / "run_0" / "POSCAR").read_text()
    runs.run("item", {"*": [slow, RELAXED]})
    assert runs.collect("item").status is Status.CONVERGED
    # It went on from the CONTCAR that was there.
    assert (tmp_path / "item" / "relax_1" / "run_0" / "POSCAR").read_text() != prepared


def test_vasp_that_does_not_stop_is_stopped(tmp_path, monkeypatch):
    runs = limited(tmp_path, monkeypatch, walltime_buffer_s=0.4)
    runs.prepare("item", "static", nio(), **FERMI)
    began = time.monotonic()
    runs.run("item", {"*": [{"end": "forever"}]}, Resources(walltime_s=0.8))
    # The stand-in sleeps for a minute if it is left alone.
    assert time.monotonic() - began < 50
    assert runs.collect("item").status is Status.WALLTIME


def test_one_geometry_that_fills_a_whole_job_is_not_tried_for_ever(tmp_path, monkeypatch):
    runs = limited(tmp_path, monkeypatch, walltime_buffer_s=0.4)
    runs.prepare("item", "static", nio(), **FERMI)
    runs.plays_path.write_text(json.dumps({"*": [{"end": "forever"}]}))
    assert list(runs.backend.run_batch([tmp_path / "item"], Resources(walltime_s=0.8))) == [tmp_path / "item"]
    assert runs.collect("item").status is Status.WALLTIME


def test_one_that_fails_does_not_stop_the_others(runs):
    for name in ("good", "bad", "worse", "last"):
        runs.prepare(name, "static", nio(), **FERMI)
    (runs.folder / "worse" / "static" / "INCAR").unlink()
    runs.plays_path.write_text(json.dumps({"*": [GOOD], "bad/static": [{"end": "killed"}]}))
    folders = [runs.folder / name for name in ("good", "bad", "worse", "last")]
    assert list(runs.backend.run_batch(folders, Resources())) == folders
    assert runs.collect("worse").message.startswith("FileNotFoundError: ")
    statuses = [runs.collect(folder.name).status for folder in folders]
    assert statuses == [Status.CONVERGED, Status.FAILED, Status.FAILED, Status.CONVERGED]


def test_a_killed_job_goes_on_in_the_run_that_it_left(runs):
    runs.prepare("item", "relax", fe2o2(), **FERMI)
    runs.run("item", {"item/relax_1": [RELAXED], "item/relax_2": [RELAXED]})
    whole = runs.collect("item")
    path = runs.folder / "item" / ledger.LEDGER_FILE
    records = json.loads(path.read_text())
    # Killed after VASP had ended, before that was recorded: nothing is run again.
    path.write_text(json.dumps(records[:1]))
    assert "relax_2: killed while it ran; the job was killed just as VASP had ended" in runs.collect("item").message
    runs.backend.run(runs.folder / "item", Resources())
    assert [runs.launches("item", step) for step in ("relax_1", "relax_2")] == [1, 1]
    # Killed while VASP ran: that run alone is run again.
    path.write_text(json.dumps(records[:1]))
    outcar = runs.folder / "item" / "relax_2" / "run_0" / "OUTCAR"
    outcar.write_text(outcar.read_text()[:5000])
    result = runs.collect("item")
    assert result.status is Status.FAILED
    assert result.message.startswith("relax_2: killed while it ran; relax_2/run_0/OUTCAR: cut off")
    runs.backend.run(runs.folder / "item", Resources())
    assert [runs.launches("item", step) for step in ("relax_1", "relax_2")] == [1, 2]
    again = runs.collect("item")
    assert again.energy_eV == whole.energy_eV
    np.testing.assert_array_equal(again.moments_muB, whole.moments_muB)


def test_a_vasp_that_outlived_its_job_is_ended_first(tmp_path):
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    started = psutil.Process(left.pid).create_time()
    path = tmp_path / watch.PID_FILE
    path.write_text(json.dumps([socket.gethostname(), left.pid, started + 100.0]))
    assert not watch.end_orphan(tmp_path)
    assert left.poll() is None
    path.write_text(json.dumps([socket.gethostname(), left.pid, started]))
    assert watch.end_orphan(tmp_path)
    assert left.wait(5) is not None  # it would sleep for a minute
    assert not watch.end_orphan(tmp_path)


def test_vasp_is_taken_along_when_the_job_is_told_to_end(runs, monkeypatch):
    runs.prepare("item", "static", nio(), **FERMI)

    def told_to_end(self, handlers, terminate_func=None):
        raise SystemExit(143)

    monkeypatch.setattr("custodian.custodian.Custodian._do_check", told_to_end)
    runs.backend.settings = watch.VaspOptions(**{**runs.backend.options, "checks_every": 1})
    runs.plays_path.write_text(json.dumps({"*": [{"end": "forever"}]}))
    with pytest.raises(SystemExit):
        runs.backend.run(runs.folder / "item", Resources())
    recorded = json.loads((runs.folder / "item" / "static" / "run_0" / watch.PID_FILE).read_text())
    assert not psutil.pid_exists(recorded[1]) or psutil.Process(recorded[1]).status() == psutil.STATUS_ZOMBIE


def test_missing_programs_and_potentials_are_a_status_when_a_run_meets_them(runs, monkeypatch):
    for name in ("program", "potential"):
        runs.prepare(name, "static", nio(), **FERMI)
    options = runs.backend.options
    no_program = type(runs.backend)({**options, "std_command": "no_such_vasp"})
    assert list(no_program.run_batch([runs.folder / "program"], Resources())) == [runs.folder / "program"]
    result = runs.collect("program")
    assert (result.status, result.message) == (Status.REFUSED, "no executable 'no_such_vasp' on the PATH")
    monkeypatch.setenv("PMG_VASP_PSP_DIR", str(runs.folder / "nowhere"))
    list(runs.backend.run_batch([runs.folder / "potential"], Resources()))
    result = runs.collect("potential")
    assert result.status is Status.REFUSED
    assert result.message.startswith("no POTCAR of Ni_pv (PBE): tried ")
