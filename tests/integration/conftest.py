"""What several files of tests share: one cluster, and one run of the default config."""

import subprocess

import pytest
from slurm import cluster
from slurm.workflow import SlurmWorkflow
from support import need

LIMIT_S = 2400  # ten minutes on two free cores; a loaded machine may take several times that


@pytest.fixture(scope="session")
def slurm(workflow, tmp_path_factory):
    """A running cluster and the workflow on it; the cluster is stopped at the end."""
    need(cluster.why_not())
    cluster.start()
    yield SlurmWorkflow(workflow, tmp_path_factory.mktemp("slurm"))
    cluster.stop()


@pytest.fixture(scope="session")
def default_run(workflow):
    """The results folder after `make demo`, with the environment that runs this test."""
    # In this environment, not a new one; `make test` is a make above this one, which would print folders at the end.
    command = ["make", "--no-print-directory", "--old-file=.venv/.lodestone", "demo", "CORES=2"]
    done = subprocess.run(
        command,
        cwd=workflow.root,
        env={name: value for name, value in workflow.environment.items() if not name.startswith("MAKE")},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=LIMIT_S,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    assert "results/report.html" in done.stdout.splitlines()[-1]
    return workflow.root / "results"
