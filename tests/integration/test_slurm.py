"""The study on a real Slurm: `snakemake --profile slurm`, on a cluster of two nodes that lives on this machine."""

import os
import re
import signal
import time

import pytest
from slurm.workflow import submitted, wait_for_end

from lodestone.artifacts.loops import Loops

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.timeout(1200)]

SLOW_DISK = """
import os, time
quick = os.fsync
def fsync(descriptor):
    time.sleep(0.6)
    quick(descriptor)
os.fsync = fsync
"""


@pytest.fixture(scope="module")
def study(slurm):
    """The whole study through Slurm, with the training of networks asking for a GPU; returns what was printed."""
    options = slurm.config("study")
    gpu = ["train_autoencoder:gpu=1", "train_regressor:gpu=1"]
    return slurm.run(*options, "--set-resources", *gpu, timeout=900)


def test_the_study_runs_to_its_report(study, slurm):
    assert "(100%) done" in study
    assert (slurm.root / "results/study/report.html").exists()
    assert {state for _, state, _, _ in submitted(study)} == {"COMPLETED"}


def test_jobs_land_on_the_partitions_that_they_ask_for(study):
    partitions = {}
    for _, _, partition, comment in submitted(study):
        rule = re.match(r"rule_(\w+?)(?:_wildcards_|$)", comment)[1]
        partitions.setdefault(rule, set()).add(partition)
    wanting = {rule for rule, found in partitions.items() if found == {"gpu"}}
    assert wanting == {"train_autoencoder", "train_regressor"}
    assert all(found == {"cpu"} for rule, found in partitions.items() if rule not in wanting)


def test_small_jobs_are_grouped_or_stay_here(study):
    comments = [comment for _, _, _, comment in submitted(study)]
    assert sum("compute_loops" in comment and "generate_structures" in comment for comment in comments) == 2
    assert not any(
        re.match(r"rule_(collect_dataset|predict_anchors|render_report|generate_structures)", c) for c in comments
    )


def test_one_rule_is_rerun_alone(study, slurm):
    target = "results/study/hysteresis/loops/001.h5"
    before = (slurm.root / target).read_bytes()
    gpu = ["train_autoencoder:gpu=1", "train_regressor:gpu=1"]
    options = [*slurm.config("study"), "--set-resources", *gpu]
    printed = slurm.run(*options, "--force", "--allowed-rules", "compute_loops", "--", target, timeout=200)
    assert [comment for _, _, _, comment in submitted(printed)] == ["rule_loops_compute_loops"]
    assert (slurm.root / target).read_bytes() == before


def test_a_job_out_of_memory_gets_more(slurm):
    options = slurm.config("memory", loops={"batch_size": 12})
    slurm.prepare("results/memory/hysteresis/structures/000.h5", *options)
    target = "results/memory/hysteresis/loops/000.h5"
    memory = "compute_loops:mem_mb=120*10**(attempt-1)"  # Python with its libraries alone needs more than 120 MB
    printed = slurm.run(*options, "--set-resources", memory, "--", target, timeout=300)
    states = [state for _, state, _, _ in submitted(printed)]
    assert len(states) == 2
    assert states[0] in ("FAILED", "OUT_OF_MEMORY") and states[1] == "COMPLETED"
    assert len(Loops.read(slurm.root / target)) == 12


def test_a_job_out_of_time_goes_on_where_it_stopped(slurm, tmp_path):
    count = 200
    options = slurm.config("time", loops={"count": count, "batch_size": count})
    slurm.prepare("results/time/hysteresis/structures/000.h5", *options)
    # Slurm knows no limit below a minute; on a slow disk these small curves take two minutes on any machine.
    (tmp_path / "sitecustomize.py").write_text(SLOW_DISK)
    target = "results/time/hysteresis/loops/000.h5"
    limit = "compute_loops:runtime=2**(attempt-1)"
    printed = slurm.run(
        *options,
        "--set-resources",
        limit,
        "--",
        target,
        timeout=900,
        environment={"PYTHONPATH": str(tmp_path)},
    )
    states = [state for _, state, _, _ in submitted(printed)]
    assert len(states) >= 2
    assert set(states[:-1]) == {"TIMEOUT"} and states[-1] == "COMPLETED"
    log = (slurm.root / "results/time/hysteresis/logs/compute_loops/000.log").read_text()
    assert 0 < int(re.search(r"(\d+) items are done already", log)[1]) < count
    assert Loops.read(slurm.root / target).index.tolist() == list(range(count))


def test_cancelling_leaves_nothing_half_written(slurm, tmp_path):
    options = slurm.config("cancel", loops={"count": 120, "batch_size": 60})
    (tmp_path / "sitecustomize.py").write_text(SLOW_DISK)
    targets = [f"results/cancel/hysteresis/loops/{batch}.h5" for batch in ("000", "001")]
    folder = slurm.root / "results/cancel/hysteresis/loops"
    process = slurm.start(*options, "--", *targets, environment={"PYTHONPATH": str(tmp_path)})
    limit = time.monotonic() + 200
    while not any(path.stat().st_size > 5000 for path in folder.glob("*.ledger")):
        assert process.poll() is None and time.monotonic() < limit
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGINT)
    printed = slurm.finish(process, 120)
    assert process.returncode != 0
    states = wait_for_end(submitted(printed))
    assert states == ["COMPLETED", "CANCELLED", "CANCELLED"], "the caches, then the two batches"
    assert {path.suffix for path in folder.iterdir()} == {".ledger"}, "no output, whole or half, and no temporary file"
    slurm.run(*options, "--", *targets, timeout=300)
    assert [len(Loops.read(slurm.root / target)) for target in targets] == [60, 60]
    assert {path.suffix for path in folder.iterdir()} == {".h5"}
