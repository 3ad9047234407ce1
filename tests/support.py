"""A clone to run the workflow in, and what to do when a component is missing."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def need(reason):
    """Skip a test whose component is missing, for the `reason` given; in the continuous integration, fail it."""
    if reason and os.environ.get("CI"):
        pytest.fail(f"in the continuous integration nothing is skipped: {reason}")
    if reason:
        pytest.skip(reason)


def hear_interrupts():
    """Let a child hear Ctrl-C: what a script starts in the background ignores it, and its children do too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def copy_clone(destination):
    """Copy what a clone would hold: files that git tracks, or would track if they were added."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        source, target = ROOT / name, destination / name
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    # Under CI the sources have not changed since they were compiled: a minute for each clone is saved.
    for source in ROOT.glob("workflow/src/**/__pycache__/*.nb[ic]") if os.environ.get("CI") else ():
        target = destination / source.relative_to(ROOT)
        target.parent.mkdir(exist_ok=True)
        shutil.copy2(source, target)
    return destination


class Workflow:
    """Runs Snakemake in a clone, with this Python and nothing of the user's own settings."""

    def __init__(self, root, home):
        self.root = root
        scripts = str(Path(sys.executable).parent)
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("SNAKEMAKE", "SLURM"))},
            "PATH": os.pathsep.join([scripts, os.environ.get("PATH", "")]),
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "XDG_CACHE_HOME": str(home / ".cache"),
        }

    def command(self, *arguments):
        return [sys.executable, "-m", "snakemake", *map(str, arguments)]

    def run(self, *arguments, timeout=120, check=True):
        """Run to the end; returns what was printed, both streams together."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.root,
            env=self.environment,
            timeout=timeout,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if check and done.returncode != 0:
            raise AssertionError(
                f"snakemake {' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stdout[-6000:]}"
            )
        return done.stdout

    def scheduled(self, *arguments, timeout=30):
        """Return the number of jobs of each rule that a dry run would start."""
        printed = self.run("--dry-run", "--cores", 2, "--quiet", "rules", *arguments, timeout=timeout)
        lines = printed.partition("Job stats:")[2].partition("\n\n")[0].splitlines()
        counts = {
            line.split()[0]: int(line.split()[1]) for line in lines if line.split()[1:2] and line.split()[1].isdigit()
        }
        counts.pop("total", None)
        return counts
