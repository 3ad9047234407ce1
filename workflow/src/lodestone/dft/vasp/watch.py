"""One VASP run under custodian: its handlers correct the input and start again, its validators judge the output."""

from __future__ import annotations

import contextlib
import datetime
import json
import shutil
import signal
import socket
import subprocess
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from custodian.custodian import Custodian, CustodianError, ErrorHandler
from custodian.vasp import handlers as vasp_handlers
from custodian.vasp.jobs import VaspJob
from custodian.vasp.validators import VaspFilesValidator, VasprunXMLValidator
from pymatgen.io.vasp.inputs import Incar

from lodestone import processes
from lodestone.dft.backend import BackendError
from lodestone.dft.calculation import Status
from lodestone.dft.vasp import outputs
from lodestone.dft.vasp.options import VaspOptions

OUT_OF_TIME = "out of time"
STDOUT, STDERR, PID_FILE = "vasp.out", "std_err.txt", "vasp.pid"


@dataclass(frozen=True)
class Ending:
    """How a run ended: `state` is ``finished``, ``failed`` or ``walltime``; `corrections` in the order they were made.

    ``finished`` says that VASP came to its own end, not that it converged.
    """

    state: str
    message: str = ""
    corrections: tuple[str, ...] = ()


class RecordedJob(VaspJob):
    """A VASP run whose process can be found again when the job that started it was killed."""

    def run(self, directory: str = "./") -> subprocess.Popen:
        """Start VASP and note which process it is."""
        process = super().run(directory)
        started = psutil.Process(process.pid).create_time() if psutil.pid_exists(process.pid) else 0.0
        (Path(directory) / PID_FILE).write_text(json.dumps([socket.gethostname(), process.pid, started]))
        return process


def end_orphan(folder: Path) -> bool:
    """End a VASP that a killed job left running in this folder on this machine; returns whether there was one.

    Two of them in one folder would spoil each other's files.
    """
    path = folder / PID_FILE
    if not path.is_file():
        return False
    host, number, started = json.loads(path.read_text() or '["", 0, 0.0]')
    path.unlink()
    try:
        process = psutil.Process(number)
        # A process of another start time only has the same number.
        if host != socket.gethostname() or abs(process.create_time() - started) > 1.0:
            return False
        processes.end_session(number)
        process.wait(10)
    except psutil.Error:
        return False
    return True


class GridInInput(vasp_handlers.AliasingErrorHandler):
    """Removes a grid of the input that is too coarse; VASP's general warning of aliasing ends no run."""

    def check(self, directory: str = "./") -> bool:
        """Whether VASP complains about the grid of the input."""
        super().check(directory)
        self.errors.discard("aliasing")
        return bool(self.errors)


class HardStop(ErrorHandler):
    """Ends a run that did not stop when asked to, before the scheduler kills the whole job."""

    is_monitor = True
    raises_runtime_error = False

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline

    def check(self, directory: str = "./") -> bool:
        """Whether the time is up."""
        return time.monotonic() > self.deadline

    def correct(self, directory: str = "./") -> dict[str, Any]:
        """Nothing can be corrected."""
        return {"errors": [OUT_OF_TIME], "actions": None}


def execute(
    folder: Path, command: list[str], walltime_s: float, options: VaspOptions, *, same_smearing: bool = False
) -> Ending:
    """Run VASP in a folder that holds its input, to the end, with corrections.

    Parameters
    ----------
    walltime_s : float
        Time left to the job; 0 for no limit. VASP is asked to stop `walltime_buffer_s` before, and stopped at a
        quarter of that.
    same_smearing : bool
        Whether the smearing must stay as it is, because energies of several runs are subtracted.

    Raises
    ------
    BackendError
        If the command does not exist.
    """
    (folder / "STOPCAR").unlink(missing_ok=True)
    if shutil.which(command[0]) is None:
        raise BackendError(f"no executable {command[0]!r} on the PATH", Status.REFUSED)
    job = RecordedJob(processes.kept(command), STDOUT, STDERR, backup=False, auto_npar=False, auto_gamma=False)
    custodian = Custodian(
        _handlers(folder, walltime_s, options, same_smearing),
        [job],
        validators=[VasprunXMLValidator(), VaspFilesValidator()],
        max_errors=options.max_errors,
        polling_time_step=options.poll_s,
        monitor_freq=options.checks_every,
        skip_over_errors=True,  # a handler that cannot read half-written output says nothing about the run
        directory=str(folder),
    )
    failure = ""
    with warnings.catch_warnings(), _ended_with_us(job):
        # Corrections are recorded; that custodian and pymatgen also warn of each adds nothing.
        warnings.filterwarnings("ignore", module=r"(custodian|pymatgen)\.")
        try:
            custodian.run()
        except CustodianError as error:
            failure = str(error.message)
    (folder / PID_FILE).unlink(missing_ok=True)
    return _ending(folder, custodian, job, failure)


def _handlers(folder: Path, walltime_s: float, options: VaspOptions, same_smearing: bool) -> list[ErrorHandler]:
    chosen: list[ErrorHandler] = [
        vasp_handlers.VaspErrorHandler(output_filename=STDOUT),
        vasp_handlers.StdErrHandler(output_filename=STDERR),
        GridInInput(output_filename=STDOUT),
        vasp_handlers.MeshSymmetryErrorHandler(output_filename=STDOUT),
        vasp_handlers.UnconvergedErrorHandler(),
        vasp_handlers.NonConvergingErrorHandler(),
        vasp_handlers.PotimErrorHandler(),
        vasp_handlers.PositiveEnergyErrorHandler(),
        vasp_handlers.FrozenJobErrorHandler(output_filename=STDOUT, timeout=options.frozen_after_s),
    ]
    if not same_smearing:
        chosen += [vasp_handlers.LargeSigmaHandler(), vasp_handlers.IncorrectSmearingHandler()]
    if walltime_s > 0:
        one_geometry = Incar.from_file(folder / "INCAR").get("NSW", 0) == 0
        walltime = vasp_handlers.WalltimeHandler(
            wall_time=walltime_s, buffer_time=options.walltime_buffer_s, electronic_step_stop=one_geometry
        )
        # The handler counts from the first run of the process; `walltime_s` is what is left now.
        walltime.start_time = datetime.datetime.now()
        chosen += [walltime, HardStop(time.monotonic() + walltime_s - options.walltime_buffer_s / 4)]
    return chosen


def _ending(folder: Path, custodian: Custodian, job: VaspJob, failure: str) -> Ending:
    found = [correction for entry in custodian.run_log for correction in entry["corrections"]]
    made = tuple(_describe(correction) for correction in found if not correction.get("skipped"))
    stops = {OUT_OF_TIME, "Walltime reached"}
    if any(stops & set(correction["errors"]) for correction in found):
        return _out_of_time(folder, made)
    unsolved = next((c for c in reversed(found) if not c["actions"] and not c.get("skipped")), None)
    if unsolved is not None:
        reason = f"custodian knows no correction of {_names(unsolved)}"
        return Ending("failed", reason + _tail(folder), made)
    process = getattr(job, "_vasp_process", None)
    if isinstance(process, subprocess.Popen) and process.returncode and process.returncode < 0:
        name = signal.Signals(-process.returncode).name
        return Ending("failed", f"VASP was killed by {name}{_tail(folder)}", made)
    if failure:
        return Ending("failed", f"{failure.rstrip('. ')}{_tail(folder)}", made)
    return Ending("finished", "", made)


def _out_of_time(folder: Path, made: tuple[str, ...]) -> Ending:
    """Tell a run that was stopped from one that was about to end when it was asked to."""
    try:
        output = outputs.read(folder)
    except outputs.OutputError:
        output = None
    if output is not None and output.converged:
        return Ending("finished", "", made)
    return Ending("walltime", "the job's time was up before VASP had converged", made)


def _describe(correction: dict[str, Any]) -> str:
    changes = []
    for action in correction["actions"] or []:
        for verb, what in action["action"].items():
            target = action.get("dict") or action.get("file")
            # A whole structure as a dictionary helps nobody.
            words = ", ".join(f"{key} = {str(value)[:40]}" for key, value in what.items())
            changes.append(f"{target}: {verb.strip('_').replace('_', ' ')} {words}")
    return f"{_names(correction)}: {'; '.join(changes) or 'no correction'}"


def _names(correction: dict[str, Any]) -> str:
    """Names of the errors, sorted: custodian keeps them in a set."""
    return ", ".join(sorted(map(str, correction["errors"])))


def _tail(folder: Path, lines: int = 3) -> str:
    """Last words of VASP, for a message."""
    for name in (STDERR, STDOUT):
        path = folder / name
        text = path.read_text(errors="replace") if path.is_file() else ""
        # VASP frames what it says.
        stripped = (" ".join(line.strip(" |*-").split()) for line in text.splitlines())
        words = [line for line in stripped if any(letter.isalpha() for letter in line)]
        if words:
            return f"; {name} ends with: {' / '.join(words[-lines:])[:300]}"
    return ""


@contextlib.contextmanager
def _ended_with_us(job: VaspJob) -> Iterator[None]:
    """VASP runs in a session of its own; a job that is told to end, or fails, has to take it along."""
    try:
        yield
    except BaseException:
        process = getattr(job, "_vasp_process", None)
        if process is not None and process.poll() is None:
            job.terminate()
        raise
