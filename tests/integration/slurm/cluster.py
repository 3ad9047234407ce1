"""A private Slurm on this machine: one controller and two nodes on the loopback interface, one with a pretended GPU.

Needs root and Debian's packages slurm-wlm and munge; no systemd, no cgroups, no accounting.

    python tests/integration/slurm/cluster.py start
    python tests/integration/slurm/cluster.py stop

Slurm insists on /etc/slurm/slurm.conf; a file there that this script did not write is left alone, and start refuses.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

STATE = Path("/var/tmp/lodestone-slurm")
ETC = Path("/etc/slurm")
HOSTS = Path("/etc/hosts")
MARK = "# written by lodestone's tests, removed by cluster.py stop"
PROGRAMS = ("slurmctld", "slurmd", "munged", "mungekey", "scontrol", "sinfo", "sbatch", "setpriv")
PORT = 26817
WAIT_S = 40
_children: dict[int, subprocess.Popen] = {}  # daemons of this process, kept to be reaped


class ClusterError(RuntimeError):
    """Slurm did not start; the message says which part and ends with its log."""


def why_not() -> str | None:
    """Say what keeps this machine from running the cluster, or None."""
    if os.geteuid() != 0:
        return "needs root: munge and slurmd change users"
    missing = [name for name in PROGRAMS if _program(name) is None]
    if missing:
        return f"missing {', '.join(missing)}: apt-get install slurm-wlm munge"
    conf = ETC / "slurm.conf"
    if conf.exists() and MARK not in conf.read_text():
        return f"{conf} belongs to another cluster"
    return None


def start() -> None:
    """Start munge, the controller and the nodes, and wait until a job can run; a cluster that runs is started anew."""
    reason = why_not()
    if reason:
        raise ClusterError(reason)
    stop()
    for folder in ("log", "run", "state", "spool/cpu1", "spool/gpu1"):
        (STATE / folder).mkdir(parents=True, exist_ok=True)
    ETC.mkdir(exist_ok=True)
    (ETC / "slurm.conf").write_text(slurm_conf())
    (ETC / "gres.conf").write_text(f"{MARK}\nNodeName=gpu1 Name=gpu File=/dev/null\n")
    _resolve_to_loopback()
    if not _munge_works():
        _start_munge()
    _launch("slurmctld", ["slurmctld", "-D"])
    _wait_for("slurmctld", lambda: "is UP" in _output("scontrol", "ping"))
    for node in ("cpu1", "gpu1"):
        _launch(f"slurmd-{node}", ["slurmd", "-D", "-N", node])
    _wait_for("slurmd-cpu1", lambda: _output("sinfo", "-h", "-N", "-o", "%t").split() == ["idle", "idle"])


def stop() -> None:
    """Cancel all jobs and end the daemons that this script started, and no other process."""
    recorded = sorted((STATE / "run").glob("*.pid"), reverse=True)
    if any(record.stem == "slurmctld" for record in recorded):
        _output("scancel", "--user=root")
        time.sleep(1.0)
    for record in recorded:
        _end(record)
    for path in (ETC / "slurm.conf", ETC / "gres.conf"):
        if path.exists() and MARK in path.read_text():
            path.unlink()
    if MARK in HOSTS.read_text():
        kept = [line for line in HOSTS.read_text().splitlines() if MARK not in line]
        HOSTS.write_text("\n".join(kept) + "\n")
    shutil.rmtree(STATE, ignore_errors=True)


def slurm_conf() -> str:
    """Return the configuration; the comments say what each group of lines is for."""
    cpus = max(8, os.cpu_count() or 8)
    memory_mb = int(0.7 * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20)
    node = f"NodeHostname=localhost NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory_mb} State=UNKNOWN"
    return f"""{MARK}
ClusterName=lodestone
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort={PORT}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# Loopback only: the daemons bind to the address that the host's own name resolves to.
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation={STATE}/state
SlurmdSpoolDir={STATE}/spool/%n
SlurmctldPidFile={STATE}/run/slurmctld.own
SlurmdPidFile={STATE}/run/slurmd-%n.own
SlurmctldLogFile={STATE}/log/slurmctld.log
SlurmdLogFile={STATE}/log/slurmd-%n.log
MailProg=/bin/true
MpiDefault=none
SwitchType=switch/none
# Neither systemd nor cgroups; memory limits are kept by sampling once a second.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc={STATE}/log/jobs.txt
# Two nodes on one machine claim more than there is.
SlurmdParameters=config_overrides
ReturnToService=2
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
DefMemPerCPU=256
# Finished jobs stay visible to squeue: there are no accounts to ask.
MinJobAge=86400
KillWait=5
InactiveLimit=0
JobRequeue=0
NodeName=cpu1 Port={PORT + 1} {node}
NodeName=gpu1 Port={PORT + 2} Gres=gpu:1 {node}
PartitionName=cpu Nodes=cpu1 Default=YES MaxTime=1-00:00:00 DefaultTime=00:10:00 State=UP
PartitionName=gpu Nodes=gpu1 MaxTime=1-00:00:00 DefaultTime=00:10:00 State=UP
"""


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def _output(name: str, *arguments: str) -> str:
    """Return what a program prints, or nothing if it fails or hangs."""
    try:
        done = subprocess.run([_program(name) or name, *arguments], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _wait_for(part: str, ready: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not ready():
        if time.monotonic() > end:
            logs = [path.read_text()[-2000:] for path in sorted((STATE / "log").glob(f"{part}*"))]
            raise ClusterError(f"{part} did not come up in {WAIT_S} s\n" + "\n".join(logs))
        time.sleep(0.2)


def _launch(part: str, command: list[str]) -> None:
    """Start a daemon in its own session and record its id with its start time, so that no other process is ended."""
    with (STATE / "log" / f"{part}.out").open("ab") as log:
        process = subprocess.Popen(
            [_program(command[0]) or command[0], *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _children[process.pid] = process
    (STATE / "run" / f"{part}.pid").write_text(f"{process.pid} {_start_time(process.pid)}")


def _start_time(pid: int) -> str:
    """Clock ticks after boot at which a process started; empty if it is gone or only waits to be reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def _end(record: Path) -> None:
    pid, _, started = record.read_text().partition(" ")
    for step in (signal.SIGTERM, signal.SIGKILL):
        end = time.monotonic() + 8.0
        if started and _start_time(int(pid)) == started:
            os.kill(int(pid), step)
        while started and _start_time(int(pid)) == started and time.monotonic() < end:
            time.sleep(0.1)
    child = _children.pop(int(pid), None)
    if child is not None:
        child.wait(timeout=10)
    record.unlink()


def _resolve_to_loopback() -> None:
    """Make the host's own name a loopback address, which the daemons bind to."""
    name = socket.gethostname()
    try:
        address = socket.gethostbyname(name)
    except OSError:
        address = ""
    if not address.startswith("127."):
        HOSTS.write_text(f"127.0.0.1 {name} {MARK}\n{HOSTS.read_text()}")


def _munge_works() -> bool:
    encoded = _output("munge", "-n")
    return bool(encoded) and subprocess.run(["unmunge"], input=encoded.encode(), capture_output=True).returncode == 0


def _start_munge() -> None:
    for folder, mode in (
        ("/run/munge", 0o755),
        ("/etc/munge", 0o700),
        ("/var/log/munge", 0o700),
        ("/var/lib/munge", 0o711),
    ):
        Path(folder).mkdir(exist_ok=True)
        shutil.chown(folder, "munge", "munge")
        Path(folder).chmod(mode)
    identity = ["--reuid", "munge", "--regid", "munge", "--init-groups"]
    if not Path("/etc/munge/munge.key").exists():
        subprocess.run(["setpriv", *identity, _program("mungekey") or "mungekey", "--create"], check=True, timeout=20)
    _launch("munged", ["setpriv", *identity, _program("munged") or "munged", "--foreground"])
    _wait_for("munged", _munge_works)


if __name__ == "__main__":
    {"start": start, "stop": stop}[sys.argv[1]]()
