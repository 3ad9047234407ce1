"""A batch that is killed, at any moment and in any way, goes on where it stopped and ends with the same bytes."""

import os
import re
import signal
import subprocess
import time

import psutil
import pytest
import yaml
from support import hear_interrupts

from lodestone.artifacts import codec, ledger
from lodestone.artifacts.loops import Loops

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
COUNT = 24


@pytest.fixture(scope="module")
def batch(workflow, tmp_path_factory):
    """Return a function: the command that computes one batch of curves in a results folder, and its output."""
    folder = tmp_path_factory.mktemp("config")

    def command(name):
        path = folder / f"{name}.yaml"
        study = {
            "structures": {"cells": 128},  # curves slow enough to be interrupted
            "loops": {"count": COUNT, "test_count": 4, "batch_size": COUNT, "field_step_HA": 0.01},
        }
        path.write_text(yaml.safe_dump({"results_dir": f"results/{name}", "hysteresis": study}))
        target = f"results/{name}/hysteresis/loops/000.h5"
        configs = ["--configfile", "config/test.yaml", path]
        return ["--profile", "profiles/local", "--cores", 1, *configs, "--", target], workflow.root / target

    return command


@pytest.fixture(scope="module")
def uninterrupted(workflow, batch):
    """Bytes of the batch when nothing disturbs it."""
    arguments, output = batch("uninterrupted")
    workflow.run(*arguments, timeout=600)
    return output.read_bytes()


def items_in(path):
    """Number of whole items in a ledger, read without touching it."""
    data = memoryview(path.read_bytes() if path.exists() else b"")[len(ledger.MAGIC) :]
    frames = 0
    while len(data) >= codec.HEAD_SIZE:
        length, checksum = codec.read_head(bytes(data[: codec.HEAD_SIZE]))
        payload = data[codec.HEAD_SIZE : codec.HEAD_SIZE + length]
        if len(payload) < length or not codec.intact(payload, checksum):
            break
        frames += 1
        data = data[codec.HEAD_SIZE + length :]
    return max(0, frames - 1)  # the first frame holds the key


def interrupt(workflow, arguments, output, items, end):
    """Start the batch, wait until the ledger holds so many items, and `end` the process; returns the items kept."""
    path = output.with_name(f"{output.name}.ledger")
    process = subprocess.Popen(
        workflow.command(*arguments),
        cwd=workflow.root,
        env=workflow.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=hear_interrupts,
    )
    try:
        limit = time.monotonic() + 300
        while items_in(path) < items:
            assert process.poll() is None, "the batch ended before it could be killed"
            assert time.monotonic() < limit
            time.sleep(0.02)
        end(process)
        process.wait(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=60)
    assert not output.exists()
    return items_in(path)


def kill_the_job(process):
    """What the kernel does to a job that takes too much memory: SIGKILL, to the script alone."""
    for child in psutil.Process(process.pid).children(recursive=True):
        if "compute_loops" in " ".join(child.cmdline()):
            child.kill()


def kill_everything(process):
    """What a power cut does: SIGKILL to Snakemake and the job at the same moment."""
    os.killpg(process.pid, signal.SIGKILL)


def ask_to_stop(process):
    """Ctrl-C in the terminal: SIGINT to the whole group."""
    os.killpg(process.pid, signal.SIGINT)


@pytest.mark.parametrize("end", [kill_the_job, kill_everything, ask_to_stop])
def test_a_killed_batch_goes_on_and_ends_with_the_same_bytes(workflow, batch, uninterrupted, end):
    arguments, output = batch(end.__name__)
    kept = [interrupt(workflow, arguments, output, 3, end)]
    workflow.run("--unlock", *arguments)
    kept.append(interrupt(workflow, arguments, output, kept[0] + 4, end))
    workflow.run("--unlock", *arguments)
    assert 2 <= kept[0] < kept[1] < COUNT  # Ctrl-C may fall into the writing of the last item, which is then dropped
    workflow.run(*arguments, timeout=600)
    log = (output.parents[1] / "logs/compute_loops/000.log").read_text()
    assert int(re.search(r"(\d+) items are done already", log)[1]) == kept[1], "finished curves are not computed again"
    assert output.read_bytes() == uninterrupted
    assert sorted(path.name for path in output.parent.iterdir()) == [output.name]


def test_every_curve_of_the_batch_is_there(uninterrupted, batch):
    _, output = batch("uninterrupted")
    assert Loops.read(output).index.tolist() == list(range(COUNT))
