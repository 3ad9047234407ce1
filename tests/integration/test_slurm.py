"""The study on a real Slurm: `snakemake --profile slurm`, on a cluster of two nodes that lives on this machine."""

import os
import re
import shutil
import signal
import subprocess
import time

import pytest
import yaml
from slurm import cluster
from support import hear_interrupts, need

from lodestone.artifacts.loops import Loops

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.timeout(1200)]
POLL = ["--slurm-init-seconds-before-status-checks", 8]  # the profile's 20 s suit jobs that take longer than these

SLOW_DISK = """
import os, time
quick = os.fsync
def fsync(descriptor):
    time.sleep(0.6)
    quick(descriptor)
os.fsync = fsync
"""


class SlurmWorkflow:
    """Runs `snakemake --profile slurm` in a clone whose profiles were linked by `make link`."""

    def __init__(self, workflow, folder):
        self.workflow, self.root, self.folder = workflow, workflow.root, folder
        subprocess.run(["make", "link"], cwd=self.root, env=workflow.environment, check=True, capture_output=True)
        executable = shutil.which("snakemake", path=workflow.environment["PATH"])
        self.command = [executable, "--profile", "slurm", *map(str, POLL)]

    def config(self, name, **sections):
        """Options for the test size with keys of the study changed, and results in a folder of their own."""
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump({"results_dir": f"results/{name}", "hysteresis": sections}))
        return ["--configfile", "config/test.yaml", str(path)]

    def start(self, *arguments, environment=None):
        return subprocess.Popen(
            [*self.command, *map(str, arguments)],
            cwd=self.root,
            env={**self.workflow.environment, **(environment or {})},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=hear_interrupts,
        )

    def finish(self, process, timeout):
        """Wait for the end; on a time-out stop politely, so that the jobs are cancelled. Returns what was printed."""
        try:
            return process.communicate(timeout=timeout)[0]
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
            printed = process.communicate(timeout=120)[0]
            raise AssertionError(f"not done after {timeout} s\n{printed[-4000:]}") from None

    def run(self, *arguments, timeout=600, environment=None):
        process = self.start(*arguments, environment=environment)
        printed = self.finish(process, timeout)
        assert process.returncode == 0, printed[-6000:]
        return printed

    def prepare(self, target, *arguments):
        """Make a target here, without Slurm."""
        self.workflow.run("--profile", "profiles/local", "--cores", 2, *arguments, "--", target, timeout=300)


def jobs():
    """Jobs that Slurm has seen, oldest first: number, state, partition, and the rule or group with its wildcards."""
    printed = subprocess.run(
        ["squeue", "--noheader", "--states=all", "--sort=i", "--format=%i|%T|%P|%k"],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    ).stdout
    return [line.split("|") for line in printed.splitlines()]


def submitted(printed):
    """Jobs that one run of Snakemake submitted."""
    numbers = set(re.findall(r"submitted with SLURM jobid (\d+)", printed))
    return [job for job in jobs() if job[0] in numbers]


@pytest.fixture(scope="module")
def slurm(workflow, tmp_path_factory):
    """A running cluster and the workflow on it; the cluster is stopped at the end."""
    need(cluster.why_not())
    cluster.start()
    yield SlurmWorkflow(workflow, tmp_path_factory.mktemp("slurm"))
    cluster.stop()


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


def wait_for_end(cancelled):
    """States of jobs once they have all ended."""
    numbers = {number for number, *_ in cancelled}
    limit = time.monotonic() + 60
    while True:
        states = [state for number, state, *_ in jobs() if number in numbers]
        if not set(states) & {"PENDING", "RUNNING", "COMPLETING"}:
            return states
        assert time.monotonic() < limit, states
        time.sleep(0.5)
