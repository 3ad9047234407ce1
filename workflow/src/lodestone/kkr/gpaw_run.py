"""Running GPAW for one crystal, in a process of a Python that has it; work goes on where a killed run left off."""

from __future__ import annotations

import json
import logging
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lodestone import processes
from lodestone.artifacts.atomic import replacing
from lodestone.dft.archives import extract, files_under, write_archive
from lodestone.kkr import refusal
from lodestone.kkr.run import ProgramError

PROGRAM = "gpaw_program.py"
MARKER = ".inputs"
PROBE = "from gpaw.response.chiks import ChiKS; from gpaw.response.mft import IsotropicExchangeCalculator"


def execute(
    archive: str | Path,
    raw: str | Path,
    settings: Mapping[str, Any],
    key: str,
    limits: tuple[int, float],
    log: logging.Logger,
) -> None:
    """Run the program for one crystal and archive what it wrote.

    Parameters
    ----------
    archive, raw : path
        Archives of the input and of the output; work goes on in a folder beside `raw`, where a killed job left off.
    settings : mapping
        ``command`` and ``setups_folder`` of the config section ``gpaw``.
    key : str
        Hash of all that the output depends on; work of another key is dropped.
    limits : (int, float)
        OpenMP threads, and time in s; 0 for no limit.
    log : logging.Logger
        Told how it ended.

    Raises
    ------
    ProgramError
        If there is no such Python, it has no GPAW, or there are no setups.
    """
    setups = settings["setups_folder"]
    if not Path(setups).is_dir():
        raise ProgramError(f"gpaw.setups_folder: found {setups!r}, which is no folder here; expected GPAW's setups")
    environment = {**os.environ, "OMP_NUM_THREADS": str(limits[0]), "GPAW_SETUP_PATH": setups}
    words = _command(settings["command"], environment)
    work = Path(f"{raw}.work")
    marker = work / MARKER
    if not (marker.is_file() and marker.read_text() == key):
        shutil.rmtree(work, ignore_errors=True)
        extract(archive, work)
        marker.write_text(key)
    if not refusal.is_in(work):
        _run(words, work, environment, limits[1])
        end = json.loads((work / "ended.json").read_text())
        log.info("%s %s", end["ended"], end["message"])
    kept = [path for path in work.iterdir() if path.suffix in (".json", ".jsonl", ".txt")]
    write_archive(raw, files_under(work, kept, "gpaw"))


def _command(command: str, environment: Mapping[str, str]) -> list[str]:
    """Words of the command, if that is a Python with GPAW."""
    words = shlex.split(command)
    if not words or shutil.which(words[0]) is None:
        raise ProgramError(f"gpaw.command: found {command!r}, which is no program here; expected a Python with GPAW")
    probe = [*words, "-c", PROBE]
    asked = subprocess.run(probe, env=environment, capture_output=True, text=True)
    if asked.returncode != 0:
        last = (asked.stderr.strip().splitlines() or ["no message"])[-1]
        raise ProgramError(f"gpaw.command: found {command!r}, expected a Python with GPAW 22.8: {last}")
    return words


def _run(words: list[str], work: Path, environment: Mapping[str, str], limit_s: float) -> None:
    """Execute the program; if it did not say how it ended, that is said here."""
    ended = work / "ended.json"
    ended.unlink(missing_ok=True)
    with (
        (work / "program.txt").open("ab") as printed,
        processes.running(
            [*words, PROGRAM, "."],
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            cwd=work,
            env=environment,
        ) as process,
    ):
        try:
            process.wait(timeout=limit_s if limit_s > 0 else None)
            end = {"ended": "failed", "message": f"exit {process.returncode} without a word; see program.txt"}
        except subprocess.TimeoutExpired:
            end = {"ended": "walltime", "message": "killed at the end of its time"}
    if not ended.is_file():
        with replacing(ended) as temporary:
            Path(temporary).write_text(json.dumps(end))


def clean(raw: str | Path) -> None:
    """Remove the work folder of a crystal whose raw output is whole."""
    shutil.rmtree(f"{raw}.work", ignore_errors=True)
