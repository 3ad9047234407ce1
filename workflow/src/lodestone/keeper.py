"""Stand between a job and the program that it runs, and end the program when the job is gone.

Run as a script, ``python -I -S keeper.py JOB COMMAND ...``, where JOB is the number of the job's process, the parent.
It imports nothing but what every Python has, so that it is there in a few hundredths of a second.

On Linux the kernel tells the keeper that the job has died (PR_SET_PDEATHSIG), and gives it whatever the program leaves
behind, sessions of their own included (PR_SET_CHILD_SUBREAPER); elsewhere the keeper looks for the job every second,
and ends its own process group.
"""

import ctypes
import os
import pathlib
import resource
import select
import signal
import sys
import time

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_LINUX = sys.platform.startswith("linux")
# MPI launchers end their processes on other machines when they are told to, which takes them a moment.
_GRACE_S = 1.0
_LOOK_S = 1.0
_POLL_S = 0.02
_NO_SUCH_COMMAND = 127


class _Program:
    """The program under watch: its process, and how it ended (exit code, or minus a signal) once it has."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.ended: int | None = None

    def reap(self) -> None:
        """Take note of all that have ended: the program, and orphans of it."""
        try:
            while True:
                number, status = os.waitpid(-1, os.WNOHANG)
                if number == 0:
                    return
                if number == self.number:
                    self.ended = os.waitstatus_to_exitcode(status)
        except ChildProcessError:
            return


def main(job: int, words: list[str]) -> int:
    """Run a command while the process `job` lives; returns its exit code, or minus the signal that ended it."""
    told: list[int] = []
    awake, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, frame: told.append(number))
    # These only wake the loop. The second comes when the thread that started us ends, which need not be the job's end.
    for number in (signal.SIGCHLD, signal.SIGUSR1):
        signal.signal(number, lambda number, frame: None)
    _ask_kernel(_PR_SET_PDEATHSIG, signal.SIGUSR1)
    _ask_kernel(_PR_SET_CHILD_SUBREAPER, 1)
    keeper = os.getpid()
    program = _Program(os.fork())
    if program.number == 0:
        _become(words, keeper)
    while True:
        program.reap()
        if program.ended is not None or told or os.getppid() != job:
            break
        if select.select([awake], [], [], _LOOK_S)[0]:
            os.read(awake, 4096)
    _end_all(program)
    return -signal.SIGKILL if program.ended is None else program.ended


def _ask_kernel(option: int, value: int) -> None:
    """Set an attribute of this process, where there is one."""
    if _LINUX:
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _become(words: list[str], keeper: int) -> None:
    """Turn this new process into the program, which dies with its keeper."""
    try:
        # Python ignores these two, and what is ignored stays so in the program.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        _ask_kernel(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == keeper:
            os.execvp(words[0], words)
    except OSError as error:
        os.write(2, f"{words[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(_NO_SUCH_COMMAND)


def _end_all(program: _Program) -> None:
    """End the program, where it has not, and whatever it has started."""
    if not _LINUX:
        if program.ended is None:
            _end_group(program)
        return
    _send(_descendants(), signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_S
    while True:
        left = _descendants()
        program.reap()
        if not left:
            return
        if time.monotonic() > deadline:
            _send(left, signal.SIGKILL)
        time.sleep(_POLL_S)


def _end_group(program: _Program) -> None:
    """End the process group, of which the keeper is one, without knowing who is in it."""
    os.killpg(0, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_S
    while program.ended is None:
        program.reap()
        if time.monotonic() > deadline:
            os.killpg(0, signal.SIGKILL)
        time.sleep(_POLL_S)


def _send(processes: list[int], number: int) -> None:
    """Send a signal to processes that may have ended."""
    for process in processes:
        try:
            os.kill(process, number)
        except (ProcessLookupError, PermissionError):
            continue


def _descendants() -> list[int]:
    """Numbers of all living processes that descend from this one."""
    children: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            with pathlib.Path(entry.path, "stat").open("rb") as stream:
                # The name of the program stands in brackets and may hold anything.
                state, parent = stream.read().rpartition(b")")[2].split()[:2]
        except OSError:
            continue
        if state != b"Z":
            children.setdefault(int(parent), []).append(int(entry.name))
    found = children.get(os.getpid(), [])
    for process in found:
        found += children.get(process, [])
    return found


def _end_as(ended: int) -> None:
    """End as the program did: with its exit code, or by the same signal but without another dump of the memory."""
    if ended >= 0:
        sys.exit(ended)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if -ended != signal.SIGKILL:
        signal.signal(-ended, signal.SIG_DFL)
    os.kill(os.getpid(), -ended)


if __name__ == "__main__":
    _end_as(main(int(sys.argv[1]), sys.argv[2:]))
