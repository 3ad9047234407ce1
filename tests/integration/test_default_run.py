"""What `make demo` runs: the default config from end to end, with results worth looking at."""

import numpy as np
import pytest

from lodestone import config
from lodestone.artifacts.dataset import ANCHORS
from lodestone.artifacts.loops import Loops, Status
from lodestone.artifacts.predictions import Predictions
from lodestone.report.hysteresis_data import errors_on_test

STUDY = config.defaults()["hysteresis"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2700)]
# Anchor points that a network must learn from a hundred curves to be of use. M_1 is nearly the same for all structures,
# and the H_k are read off the steep part of few curves; both are left to the middle size.
LEARNT = ["M_r", "H_c"]


@pytest.fixture(scope="module")
def results(default_run):
    """The results folder after `make demo`."""
    return default_run


def test_all_curves_are_there_and_converged(results):
    batches = [Loops.read(path) for path in sorted((results / "hysteresis/loops").glob("*.h5"))]
    assert np.concatenate([batch.index for batch in batches]).tolist() == list(range(STUDY["loops"]["count"]))
    status = np.concatenate([batch.status for batch in batches])
    assert (status == Status.CONVERGED).mean() > 0.95  # a curve may stall at one field and says so


@pytest.mark.parametrize("encoding", ["x_component", "double_angle"])
def test_the_model_clearly_beats_the_mean(results, encoding):
    model = errors_on_test(Predictions.read(results / f"hysteresis/{encoding}/predictions.h5")).mean
    mean = errors_on_test(Predictions.read(results / "hysteresis/baselines/mean.h5")).mean
    ratio = dict(zip(ANCHORS, model / mean, strict=True))
    assert all(ratio[name] < 0.8 for name in LEARNT), ratio  # clearly: a fifth of the error is gone


def test_run_again_nothing_is_left_to_do(results, workflow):
    assert "Nothing to be done" in workflow.run("--profile", "profiles/local", "--dry-run", timeout=120)


def test_the_report_stands_alone(results):
    page = (results / "report.html").read_text()
    assert page.count("<svg") + page.count("data:image") >= 8
    assert "double" in page and "Nothing to report" not in page
