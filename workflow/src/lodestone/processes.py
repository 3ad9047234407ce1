"""Start the programs that a job runs (ABINIT, VASP, AkaiKKR, GPAW, their MPI launchers), so that none outlives it.

A batch system or a person may kill a job in ways that leave it no time to end its program, which would then go on for
days, and write into files that the next job of the same work believes to be its own. Between job and program therefore
stands a keeper (`lodestone.keeper`), which ends the program and everything that it started when the job is gone.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

KEEPER = str(Path(__file__).with_name("keeper.py"))
# The keeper takes a second to end a program that ignores what it is told, and longer on a machine with other work.
_GRACE_S = 10.0


def kept(words: Sequence[str]) -> list[str]:
    """Command line that runs a command under a keeper which watches over this process; it wants a session of its own.

    Returns
    -------
    list of str
        How it ends is how the command ends: the same exit code, or the same signal.
    """
    return [sys.executable, "-I", "-S", KEEPER, str(os.getpid()), *words]


def start(
    words: Sequence[str],
    *,
    cwd: str | os.PathLike[str] | None = None,
    env: Mapping[str, str] | None = None,
    **streams: Any,
) -> subprocess.Popen[bytes]:
    """Start a command under a keeper; `stop` ends it.

    Parameters
    ----------
    words : sequence of str
        Command line.
    cwd, env : path, mapping of str to str
        Folder to run in and environment, those of this process by default.
    **streams
        ``stdin``, ``stdout`` and ``stderr`` as in `subprocess.Popen`.

    Raises
    ------
    FileNotFoundError
        If there is no such executable; its `filename` is the first of the words.
    """
    if not _exists(words[0], cwd, env):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), words[0])
    return subprocess.Popen(kept(words), cwd=cwd, env=env, start_new_session=True, **streams)


def _exists(program: str, cwd: str | os.PathLike[str] | None, env: Mapping[str, str] | None) -> bool:
    """Whether there is such an executable, for a process in this folder and environment."""
    if os.sep in program:
        return shutil.which(str(Path(cwd or ".") / program)) is not None
    return shutil.which(program, path=(os.environ if env is None else env).get("PATH")) is not None


@contextlib.contextmanager
def running(words: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command as `start` does; whatever still runs when the block is left is stopped."""
    process = start(words, **options)
    try:
        yield process
    finally:
        stop(process)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process from `start` with all that it started."""
    if process.poll() is None:
        end_session(process.pid)
        process.wait()


def end_session(leader: int) -> None:
    """End the keeper with this number, and with it its program; by force if it does not end by itself."""
    try:
        keeper = psutil.Process(leader)
        keeper.terminate()
    except psutil.NoSuchProcess:
        return
    deadline = time.monotonic() + _GRACE_S
    while time.monotonic() < deadline:
        if not keeper.is_running() or keeper.status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.02)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
