"""Snakemake on the cluster of `cluster.py`: started, heard out, and asked which jobs it submitted."""

import re
import shutil
import signal
import subprocess
import time

import yaml
from support import hear_interrupts

POLL = ["--slurm-init-seconds-before-status-checks", 8]  # the profile's 20 s suit jobs that take longer than these


class SlurmWorkflow:
    """Runs `snakemake --profile slurm` in a clone whose profiles were linked by `make link`."""

    def __init__(self, workflow, folder):
        self.workflow, self.root, self.folder = workflow, workflow.root, folder
        subprocess.run(["make", "link"], cwd=self.root, env=workflow.environment, check=True, capture_output=True)
        executable = shutil.which("snakemake", path=workflow.environment["PATH"])
        self.command = [executable, "--profile", "slurm", *map(str, POLL)]

    def config(self, name, study="hysteresis", **sections):
        """Options for the test size with keys of a study changed, and results in a folder of their own."""
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump({"results_dir": f"results/{name}", study: sections}))
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
