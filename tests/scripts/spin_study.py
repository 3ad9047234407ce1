"""What the tests of the scripts of magnetic potentials share: one job, labels and ensembles of known potentials."""

import sys
from types import SimpleNamespace

import numpy as np
from conftest import ROOT, Files, load

sys.path.insert(0, str(ROOT / "tests" / "unit"))
from artifact_samples import sample
from spin_crystals import SPECIES, well
from spin_samples import SETTINGS, computed, data

__all__ = ["SETTINGS", "SPECIES", "computed", "data", "ensemble", "run", "well"]


def run(folder, script, inputs, outputs, settings, params=None, **wildcards):
    """Call a script's `main`; returns its log."""
    log = folder / f"{script}.log"
    job = SimpleNamespace(
        input=Files(inputs),
        output=Files(outputs),
        wildcards=SimpleNamespace(**wildcards),
        params=SimpleNamespace(**{"seed": 7, "algorithm": 1, "settings": settings, **(params or {})}),
        log=[str(log)],
        threads=1,
    )
    load(script).main(job)
    return log.read_text()


def ensemble(path, potential, **changes):
    """Write one job's part of an ensemble, with this potential as its only member; returns the path."""
    fields = {
        "parameter": potential.parameters()[None], "trained": np.ones((1, 3), np.uint8),
        "train_rmse": np.zeros((1, 4)), "test_rmse": np.zeros((1, 4)), "step_offset": np.zeros(2, np.int64),
        "loss": np.zeros(0), "converged": np.ones(1, np.uint8), "species": list(potential.species),
        "level": potential.level.number, "radial_size": potential.radial_size,
        "magnetic_size": potential.magnetic_size, "r_min_A": potential.r_min_A, "r_cut_A": potential.r_cut_A,
        "m_max_muB": potential.m_max_muB, "magnetic_weight": 0.1, "labels_from": "a known potential",
    }  # fmt: skip
    sample("spin_fits", **{**fields, **changes}).write(path)
    return str(path)
