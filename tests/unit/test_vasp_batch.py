"""A batch of VASP calculations from archive to archive, as the rules run it, with the stand-ins."""

import dataclasses
import json
import logging
import tarfile
from types import SimpleNamespace

import pytest
from vasp_runs import Runs, fe2o2, nio

from lodestone.dft import batches
from lodestone.dft.backend import OutOfTime
from lodestone.dft.batches import Start
from lodestone.dft.calculation import Resources, Status
from lodestone.dft.presets import preset

LOG = logging.getLogger("lodestone.tests")
GOOD = {"replay": "nio"}


@pytest.fixture
def calculation():
    return dataclasses.replace(preset("nd_fe")["static"], smearing="fermi")


def test_results_and_statuses_come_out_in_order(tmp_path, monkeypatch, calculation):
    runs = Runs(tmp_path, monkeypatch)
    starts = [
        Start(0, "NiO", nio()),
        Start(1, "killed", nio()),
        Start(2, "refused.cif", nio(), Status.REFUSED, "atoms too close"),
        Start(3, "turned", fe2o2((3.0, -1.4, 0.0, 0.0))),
        Start(4, "last", nio()),
    ]
    plays = {"*": [GOOD], "000001/static": [{**GOOD, "keep": 0.3, "end": "killed"}]}
    runs.plays_path.write_text(json.dumps({**plays, "000003/static": [{"replay": "fe2o2"}]}))
    inputs, raw = tmp_path / "0.tar", tmp_path / "0.tar.gz"
    batches.prepare(starts, calculation, runs.backend, inputs)
    assert batches.run(inputs, raw, runs.backend, Resources(), "key", LOG) == 4
    items = list(batches.collect(raw, calculation, runs.backend))
    assert [item.result.status for item in items] == [
        Status.CONVERGED,
        Status.FAILED,
        Status.REFUSED,
        Status.FLIPPED_MOMENT,
        Status.CONVERGED,
    ]
    assert items[0].result.energy_eV == -4.52549041
    assert "killed by SIGKILL" in items[1].result.message
    assert items[3].result.message.startswith("static: moments turned round: site 3 (Fe) from -1.40 to 1.40 mu_B")
    with tarfile.open(raw) as archive:
        names = archive.getnames()
    assert "000000/static/run_0/OUTCAR" in names
    assert not [name for name in names if name.endswith(("POTCAR", "CHGCAR"))]


def test_a_job_that_is_out_of_time_is_run_again_for_the_rest(tmp_path, monkeypatch, calculation):
    runs = Runs(tmp_path, monkeypatch, walltime_buffer_s=0.5, checks_every=2)
    starts = [Start(0, "first", nio()), Start(1, "slow", nio()), Start(2, "third", nio())]
    runs.plays_path.write_text(json.dumps({"*": [GOOD], "000001/static": [{"end": "forever"}]}))
    inputs, raw = tmp_path / "0.tar", tmp_path / "0.tar.gz"
    batches.prepare(starts, calculation, runs.backend, inputs)

    def clock():
        """A second is left to the job once the first calculation is on record, however slow this machine is."""
        return 999.0 if list(tmp_path.rglob("000000/run.json")) else 0.0

    with monkeypatch.context() as patched:
        patched.setattr("lodestone.dft.vasp.backend.time", SimpleNamespace(monotonic=clock))
        with pytest.raises(OutOfTime, match="2 of 3 calculations unfinished"):
            batches.run(inputs, raw, runs.backend, Resources(walltime_s=1000.0), "key", LOG)
    assert not raw.exists()
    runs.plays_path.write_text(json.dumps({"*": [GOOD]}))
    assert batches.run(inputs, raw, runs.backend, Resources(), "key", LOG) == 2
    assert [item.result.status for item in batches.collect(raw, calculation, runs.backend)] == [Status.CONVERGED] * 3
    assert runs.launches("000000", "static") == 1
