"""A job that is killed, with no time to do anything, leaves no program of any code running."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from test_processes import GONE_WITHIN_S, runs, wait_until
from vasp_runs import nio, potentials

from lodestone.dft.archives import write_archive
from lodestone.dft.calculation import write_item
from lodestone.dft.presets import preset
from lodestone.dft.vasp.backend import Vasp

# Says yes when it is asked whether it is a Python that has GPAW.
PROGRAM = """#!/bin/sh
[ "$1" = -c ] && exit 0
echo $$ > {pid}.part
mv {pid}.part {pid}
exec sleep 120
"""


def prepare(code, folder):
    """Input that is complete as far as it takes to start the program."""
    if code == "vasp":
        write_item(nio(), preset("nd_fe")["static"], folder)
        Vasp().prepare(nio(), preset("nd_fe")["static"], folder)
    elif code == "abinit":
        write_item(nio(), preset("nd_fe")["static"], folder)
        (folder / "run.abi").write_text("# nothing\n")
    elif code == "akaikkr":
        (folder / "go.in").write_text("go\n")
    else:
        write_archive(folder / "in.tar", {"input.json": b"{}"})


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("code", ["abinit", "vasp", "akaikkr", "gpaw"])
def test_no_program_outlives_its_job(tmp_path, code, number):
    folder, pid = tmp_path / "item", tmp_path / "pid"
    folder.mkdir()
    prepare(code, folder)
    program = tmp_path / "program"
    program.write_text(PROGRAM.format(pid=pid))
    program.chmod(0o755)
    environment = {**os.environ, "PMG_VASP_PSP_DIR": str(potentials(tmp_path / "psp"))}
    worker = [sys.executable, str(Path(__file__).with_name("killed_worker.py")), code, str(folder), str(program)]
    job = subprocess.Popen(worker, env=environment, stderr=subprocess.DEVNULL)
    try:
        wait_until(pid.is_file, 60.0)
        left = int(pid.read_text())
        assert runs(left)
        job.send_signal(number)
        job.wait(GONE_WITHIN_S)
        wait_until(lambda: not runs(left), GONE_WITHIN_S)
    finally:
        job.kill()
        job.wait()
        if pid.is_file() and runs(int(pid.read_text())):
            psutil.Process(int(pid.read_text())).kill()
