"""Print the figures of a finished run of the hysteresis study as JSON, beside the paper's and those of the last run.

    python tests/benchmarks/figures.py results/bench tests/benchmarks/last.json

`make bench` calls it. The second file holds the figures of an earlier run; to make the present ones the new standard,
write what is printed under "now" over it.
"""

import json
import logging
import sys
from pathlib import Path

import numpy as np

from lodestone.artifacts.dataset import ANCHORS
from lodestone.artifacts.inverse import InverseDesigns
from lodestone.artifacts.loops import Loops, Status
from lodestone.artifacts.predictions import Predictions
from lodestone.report.cost import read_benchmarks
from lodestone.report.hysteresis_data import coverage_on_test, errors_on_test
from lodestone.report.hysteresis_paper import TABLE_3
from lodestone.report.hysteresis_tables import design_misses

MIDDLE_SIZE = 1.6  # the issue allows the middle size errors this many times those of the paper


def by_anchor(values):
    """Round to what the paper prints; null where nothing could be measured."""
    return {
        name: None if np.isnan(value) else round(float(value), 5) for name, value in zip(ANCHORS, values, strict=True)
    }


def learning(study):
    """Mean absolute error and measured coverage on the test set, for every model."""
    found = {}
    for path in [*sorted(study.glob("*/predictions.h5")), *sorted(study.glob("baselines/*.h5"))]:
        predictions = Predictions.read(path)
        name = predictions.model if path.parent.name == "baselines" else predictions.encoding
        errors, coverage = errors_on_test(predictions).mean, coverage_on_test(predictions).share
        found[name] = {
            "error": by_anchor(errors),
            "over_paper": by_anchor(errors / TABLE_3),
            "within_middle_size_limit": bool((errors <= MIDDLE_SIZE * TABLE_3).all()),
            "coverage": by_anchor(coverage),
            "coverage_wanted": predictions.coverage_level,
        }
    return found


def micromagnetics(study, costs):
    """Curves, how they ended, and what one of them took."""
    batches = [Loops.read(path) for path in sorted(study.glob("loops/*.h5"))]
    status = np.concatenate([batch.status for batch in batches])
    evaluations = np.concatenate([batch.evaluations for batch in batches])
    seconds = sum(cost.cpu_s for cost in costs if cost.rule.startswith("compute_loops"))
    return {
        "curves": len(status),
        "not_converged": int((status != Status.CONVERGED).sum()),
        "evaluations_per_curve": round(float(evaluations.mean()), 1),
        "core_seconds_per_curve": round(seconds / len(status), 3),
    }


def design(study):
    """How far the first designs are from their goals, recomputed."""
    misses = design_misses(InverseDesigns.read(study / "inverse_designs.h5"))
    return {"median_miss": round(float(np.median(misses)), 4) if len(misses) else None}


def figures(results):
    """Collect all figures of one run."""
    study = results / "hysteresis"
    costs = read_benchmarks(results, logging.getLogger("lodestone"))
    cost = {c.rule: {"jobs": c.jobs, "core_s": round(c.cpu_s, 1), "peak_MB": round(c.peak_MB, 1)} for c in costs}
    return {
        "micromagnetics": micromagnetics(study, costs),
        "learning": learning(study),
        "design": design(study),
        "cost": cost,
    }


def main(results, last):
    now = figures(Path(results))
    known = json.loads(Path(last).read_text()) if Path(last).exists() else None
    print(json.dumps({"now": now, "paper": by_anchor(TABLE_3), "last": known}, indent=2))


if __name__ == "__main__":
    main(*sys.argv[1:3])
