"""One cluster for all tests that need a Slurm."""

import pytest
from slurm import cluster
from slurm.workflow import SlurmWorkflow
from support import need


@pytest.fixture(scope="session")
def slurm(workflow, tmp_path_factory):
    """A running cluster and the workflow on it; the cluster is stopped at the end."""
    need(cluster.why_not())
    cluster.start()
    yield SlurmWorkflow(workflow, tmp_path_factory.mktemp("slurm"))
    cluster.stop()
