"""The program that GPAW's Python executes, run with a stand-in of GPAW: kills, time, states that do not converge."""

import json
import logging

import pytest
from gpaw_runs import DATA, IRON, PROVENANCE, SETTINGS, stand_in

from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.structure_set import StructureSet
from lodestone.dft.archives import read_member
from lodestone.kkr import gpaw_exchange, gpaw_run
from lodestone.kkr.run import ProgramError

LOG = logging.getLogger("test")


@pytest.fixture
def ran(tmp_path):
    """Return a function: prepare and run bcc iron; the artifact."""

    def run(limit_s=0.0, **settings):
        inputs, raw = tmp_path / "in.tar", tmp_path / "raw.tar.gz"
        crystals = StructureSet.from_structures([IRON], ["Fe"], PROVENANCE)
        gpaw_exchange.prepare(crystals, "Fe", SETTINGS, inputs)
        gpaw_run.execute(inputs, raw, {**SETTINGS, **settings}, "key", (1, limit_s), LOG)
        return gpaw_exchange.collect(raw, "Fe", PROVENANCE)

    return run


def test_a_run_gives_what_was_recorded(ran, monkeypatch, tmp_path):
    stand_in(monkeypatch, tmp_path)
    exchange = ran()
    assert (exchange.status, len(exchange.bond_meV)) == (Status.CONVERGED, 50)
    assert read_member(tmp_path / "raw.tar.gz", "gpaw/waves.jsonl") == (DATA / "bcc_Fe" / "waves.jsonl").read_bytes()
    gpaw_run.clean(tmp_path / "raw.tar.gz")
    assert not (tmp_path / "raw.tar.gz.work").exists()


def test_a_killed_run_goes_on_with_the_first_wave_vector_that_is_missing(ran, monkeypatch, tmp_path):
    plan = stand_in(monkeypatch, tmp_path, die_at_wave=4)
    exchange = ran()
    assert exchange.status == Status.FAILED
    assert exchange.message == "exit 9 without a word; see program.txt"
    assert (tmp_path / "raw.tar.gz.work" / "waves.jsonl").read_text().endswith('{"wave": [0, ')
    assert ran().status == Status.CONVERGED
    # Three before the kill, the one that it fell on twice: 8 wave vectors and one more; one ground state.
    assert (plan.with_suffix(".waves").read_text(), plan.with_suffix(".ground").read_text()) == ("9", "1")


def test_slow_mixing_is_tried_where_the_first_run_does_not_converge(ran, monkeypatch, tmp_path):
    stand_in(monkeypatch, tmp_path, unconverged=1)
    exchange = ran()
    assert exchange.status == Status.CONVERGED
    assert exchange.message.split("; ")[0] == "ground_0.txt: no self-consistency in 333 iterations"


def test_what_does_not_converge_has_a_status(ran, monkeypatch, tmp_path):
    stand_in(monkeypatch, tmp_path, unconverged=2)
    exchange = ran()
    assert (exchange.status, exchange.complete, exchange.has_energy) == (Status.NOT_CONVERGED, 0, 0)
    assert "ground_1.txt: no self-consistency in 333 iterations" in exchange.message


def test_a_lost_moment_has_a_status(ran, monkeypatch, tmp_path):
    stand_in(monkeypatch, tmp_path, moments=[0.01])
    exchange = ran()
    assert (exchange.status, exchange.has_energy) == (Status.LOST_MOMENT, 1)
    assert exchange.message == "largest moment of a site 0.010 mu_B"


def test_time_that_runs_out_has_a_status(ran, monkeypatch, tmp_path):
    stand_in(monkeypatch, tmp_path, sleep_s=60)
    exchange = ran(limit_s=2.0)
    assert (exchange.status, exchange.message) == (Status.WALLTIME, "killed at the end of its time")


def test_an_error_of_gpaw_is_told(ran, monkeypatch, tmp_path):
    stand_in(monkeypatch, tmp_path, recorded=str(tmp_path))
    exchange = ran()
    assert exchange.status == Status.FAILED
    assert exchange.message.startswith("FileNotFoundError: ")


def test_a_machine_without_gpaw_is_no_crystal_s_fault(ran, monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with pytest.raises(ProgramError, match=r"expected a Python with GPAW 22.8: ModuleNotFoundError: .*gpaw"):
        ran()
    with pytest.raises(ProgramError, match="gpaw.command: found 'no_such_python', which is no program here"):
        ran(command="no_such_python")
    with pytest.raises(ProgramError, match="gpaw.setups_folder: found '/no/such/folder', which is no folder here"):
        ran(setups_folder="/no/such/folder")


def test_work_of_other_inputs_is_dropped(ran, monkeypatch, tmp_path):
    stand_in(monkeypatch, tmp_path)
    work = tmp_path / "raw.tar.gz.work"
    work.mkdir()
    (work / ".inputs").write_text("another key")
    wave = {"wave": [0, 0, 0], "real": [[0.0]], "imaginary": [[0.0]]}
    (work / "waves.jsonl").write_text(json.dumps(wave) + "\n")
    assert max(ran().bond_meV) == pytest.approx(16.672, abs=1e-3)
