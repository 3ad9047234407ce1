"""Programs end with the job that started them, however it ends, and all that they started themselves too."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest
from support import hear_interrupts

from lodestone import processes

# The program and what it starts are gone within a second or two; the rest is for a machine with other work to do.
GONE_WITHIN_S = 10.0
# Starts a child in a session of its own, as some MPI launchers do, and waits with it; both ignore what they can.
STUBBORN = """
import os, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
if child == 0:
    os.setsid()
else:
    pathlib.Path("pids.part").write_text(f"{os.getpid()} {child}")
    os.rename("pids.part", "pids")
time.sleep(120)
"""
JOB = """
import sys
from lodestone import processes
with processes.running([sys.executable, "program.py"], cwd=sys.argv[1]) as process:
    process.wait()
"""


def wait_until(true, within_s=30.0):
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def runs(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # also one that goes while it is asked about
        return False


@pytest.fixture
def program(tmp_path):
    """Return a function that waits for the numbers of the stubborn program and its child, which end with the test."""
    (tmp_path / "program.py").write_text(textwrap.dedent(STUBBORN))
    found = []

    def pids():
        wait_until((tmp_path / "pids").is_file)
        found.extend(map(int, (tmp_path / "pids").read_text().split()))
        return found

    yield pids
    for pid in filter(runs, found):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_job_that_is_killed_takes_its_program_along(tmp_path, program, number):
    words = [sys.executable, "-c", JOB, str(tmp_path)]
    job = subprocess.Popen(words, stderr=subprocess.DEVNULL, preexec_fn=hear_interrupts)
    pids = program()
    assert all(map(runs, pids))
    job.send_signal(number)
    job.wait(GONE_WITHIN_S)
    wait_until(lambda: not any(map(runs, pids)), GONE_WITHIN_S)


def test_a_program_dies_with_its_keeper(tmp_path, program):
    job = subprocess.Popen([sys.executable, "-c", JOB, str(tmp_path)])
    pids = program()
    (keeper,) = psutil.Process(job.pid).children()
    keeper.kill()
    job.wait(GONE_WITHIN_S)
    wait_until(lambda: not runs(pids[0]), GONE_WITHIN_S)


def test_what_is_stopped_is_stopped_with_all_that_it_started(tmp_path, program):
    with (
        pytest.raises(subprocess.TimeoutExpired),
        processes.running([sys.executable, "program.py"], cwd=tmp_path) as process,
    ):
        pids = program()
        process.wait(0.01)
    assert process.poll() is not None
    assert not any(map(runs, pids))


def test_a_program_that_has_ended_leaves_nothing_behind(tmp_path):
    script = "sleep 120 & echo $! > pid"
    with processes.running(["sh", "-c", script], cwd=tmp_path) as process:
        assert process.wait(30) == 0
    assert not runs(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize(("script", "code"), [("exit 7", 7), ("kill -9 $$", -9), ("kill -11 $$", -11)])
def test_how_it_ended_is_passed_on(tmp_path, script, code):
    with processes.running(["sh", "-c", script], cwd=tmp_path) as process:
        assert process.wait(30) == code


def test_streams_and_surroundings_are_those_that_were_given(tmp_path):
    words = [sys.executable, "-c", "import os, sys; print(os.getcwd(), os.environ['GIVEN'], sys.stdin.read())"]
    with processes.running(
        words,
        cwd=tmp_path,
        env={**os.environ, "GIVEN": "given"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        out, _ = process.communicate(b"read", 30)
    assert out.decode().split() == [str(tmp_path), "given", "read"]


def test_a_program_that_is_not_there_is_an_error_by_name(tmp_path):
    with pytest.raises(FileNotFoundError) as error, processes.running(["no_such_program", "-v"]):
        pass
    assert error.value.filename == "no_such_program"
    not_executable = tmp_path / "program"
    not_executable.write_text("")
    with pytest.raises(FileNotFoundError), processes.running([str(not_executable)]):
        pass


def test_a_program_is_found_from_its_own_folder(tmp_path):
    """A path with a folder in it counts from where the program runs, as it does without a keeper."""
    script = tmp_path / "here"
    script.write_text("#!/bin/sh\nexit 3\n")
    script.chmod(0o755)
    with processes.running(["./here"], cwd=tmp_path) as process:
        assert process.wait(30) == 3


def test_the_keeper_needs_nothing_but_python():
    keeper = Path(processes.KEEPER)
    asked = [sys.executable, "-I", "-S", "-X", "importtime", str(keeper), "0", "true"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60)
    assert "numpy" not in done.stderr and "lodestone" not in done.stderr.replace(str(keeper), "")
