"""What tests of several kinds share: a clone to run the workflow in."""

import pytest
from support import Workflow, copy_clone


@pytest.fixture(scope="session")
def workflow(tmp_path_factory):
    """A clone of the working tree that tests may run in; each uses its own results folder."""
    root = copy_clone(tmp_path_factory.mktemp("clone"))
    return Workflow(root, tmp_path_factory.mktemp("home"))
