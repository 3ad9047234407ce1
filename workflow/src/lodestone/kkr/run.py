"""Run AkaiKKR to a table of couplings: self-consistency with a ladder of restarts, then molecular fields and couplings.

A folder holds the inputs ``go.in``, ``tc.in`` and ``j.in`` and, after a run, one output per attempt (``go_0.log``, ...)
and ``run.json``, which is rewritten after every attempt: a run that was killed goes on with the attempt after it.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from lodestone import processes
from lodestone.artifacts.atomic import replacing
from lodestone.kkr.deck import POTENTIAL
from lodestone.kkr.exchange import is_complete
from lodestone.kkr.output import read_output

RECORD = "run.json"
STEPS = ("go", "tc", "j")
_INPUT_LINE = re.compile(r"(#--- edelt.*\n.*\s)(init|1st|2nd)(\s*\n)")
_MIXING_LINE = re.compile(r"(#--- outtyp.*\n.*\s)(\S+)(\s*\n)")
# From this error on (as log10) an iteration that is not finished is worth going on with.
_PROMISING = -1.0
_TRIES = 2


class ProgramError(RuntimeError):
    """The program is not there: a matter of the machine, not of one crystal."""


@dataclass(frozen=True)
class Attempt:
    """One run of the program: step, number, start record, mixing, how it ended (``done`` or what went wrong)."""

    step: str
    number: int
    record: str
    mixing: float
    ended: str
    message: str = ""

    @property
    def output(self) -> str:
        """Name of its output."""
        return f"{self.step}_{self.number}.log"


def ladder(mixing: float, restarts: int) -> list[tuple[bool, float]]:
    """Whether each restart goes on from the last potential, and its mixing: on, halved, anew at a quarter, on, ..."""
    rungs = [(False, mixing), (True, mixing), (True, mixing / 2), (False, mixing / 4), (True, mixing / 4)]
    rungs += [(k % 2 == 1, mixing / 8) for k in range(max(0, restarts - 4))]
    return rungs[: restarts + 1]


def attempts(folder: Path) -> list[Attempt]:
    """Return what was run in a folder so far."""
    path = folder / RECORD
    return [Attempt(**one) for one in json.loads(path.read_text())] if path.is_file() else []


def run_chain(
    folder: Path, command: str, mixing: float, restarts: int, threads: int, limit_s: float, log: logging.Logger
) -> None:
    """Run go, tc and j on one potential file; what was finished before is not run again.

    Parameters
    ----------
    folder : path
        With the inputs; the outputs go there.
    command : str
        The program, with arguments if need be.
    mixing, restarts : float, int
        First rung and length of the ladder of restarts.
    threads : int
        OpenMP threads.
    limit_s : float
        Time for all of it; 0 for no limit.
    log : logging.Logger
        Told about every attempt.

    Raises
    ------
    ProgramError
        If the program is not there.
    """
    words = shlex.split(command)
    if not words or shutil.which(words[0]) is None:
        raise ProgramError(f"akaikkr.command: found {command!r}, which is no program here; expected the path of specx")
    deadline = time.monotonic() + limit_s if limit_s > 0 else None
    rungs = ladder(mixing, restarts)
    for step in STEPS:
        for number in range(len(rungs) if step == "go" else _TRIES):
            done = [one for one in attempts(folder) if one.step == step]
            if any(one.ended == "done" for one in done):
                break
            if number < len(done):
                continue
            on, mixed = rungs[number] if step == "go" else (True, mixing)
            one = _attempt(folder, words, step, number, on and _promising(folder, done), mixed, threads, deadline)
            log.info("%s: %s %s", one.output, one.ended, one.message)
            _remember(folder, one)
            if one.ended == "walltime":
                return
        else:
            if not any(one.ended == "done" for one in attempts(folder) if one.step == step):
                return


def _promising(folder: Path, done: Sequence[Attempt]) -> bool:
    """Whether the last self-consistent run left a potential that is worth going on with."""
    if not done or done[-1].step != "go":
        return True
    if not (folder / POTENTIAL).is_file():
        return False
    try:
        errors = [step["err"] for step in read_output(folder / done[-1].output).iterations]
    except ValueError:
        return False
    return bool(errors) and bool(np.isfinite(errors[-1])) and errors[-1] < _PROMISING


def _attempt(
    folder: Path,
    words: Sequence[str],
    step: str,
    number: int,
    go_on: bool,
    mixing: float,
    threads: int,
    deadline: float | None,
) -> Attempt:
    """Write the input, run the program, read how it ended."""
    record = "2nd" if go_on else "init"
    if record == "init":
        (folder / POTENTIAL).unlink(missing_ok=True)
    text = (folder / f"{step}.in").read_text()
    text = _INPUT_LINE.sub(rf"\g<1>{record}\g<3>", text)
    text = _MIXING_LINE.sub(rf"\g<1>{mixing!r}\g<3>", text)
    output = folder / f"{step}_{number}.log"
    ended, message = _execute(folder, words, text, output, threads, deadline)
    if not ended:
        ended, message = _verdict(output, step)
    return Attempt(step, number, record, mixing, ended, message)


def _execute(
    folder: Path, words: Sequence[str], text: str, output: Path, threads: int, deadline: float | None
) -> tuple[str, str]:
    """Run the program on an input; returns how it ended if that was before its time."""
    left = None if deadline is None else deadline - time.monotonic()
    if left is not None and left <= 0:
        return "walltime", "no time left"
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    with (
        output.open("wb") as printed,
        processes.running(
            words, stdin=subprocess.PIPE, stdout=printed, stderr=subprocess.STDOUT, cwd=folder, env=environment
        ) as process,
    ):
        try:
            process.communicate(text.encode(), timeout=left)
        except subprocess.TimeoutExpired:
            return "walltime", "killed at the end of its time"
    if process.returncode < 0:
        return "killed", f"by signal {-process.returncode}"
    return "", ""


def _verdict(output: Path, step: str) -> tuple[str, str]:
    """How a run ended, by what it printed."""
    try:
        found = read_output(output)
    except ValueError as problem:
        return "unreadable", str(problem)
    if found.errors:
        return "error", found.errors[0]
    if not found.converged:
        last = found.iterations[-1]["err"] if found.iterations else float("nan")
        why = "not converged" if found.no_convergence else "cut off"
        return why, f"{len(found.iterations)} iterations, error 10^{last:.2f}"
    if step != "go" and found.Tc_K is None:
        return "cut off", "no result was printed"
    if step == "j" and not is_complete(found):
        return "cut off", "the table of J_ij lacks rows"
    return ("done", "") if found.finished else ("cut off", "the run did not come to its end")


def _remember(folder: Path, one: Attempt) -> None:
    """Add an attempt to the record."""
    records = [asdict(before) for before in attempts(folder)] + [asdict(one)]
    with replacing(folder / RECORD) as temporary:
        Path(temporary).write_text(json.dumps(records, indent=1))
