"""Patterns of files, and the batches they are numbered by."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from lodestone import paths
from lodestone.paths import Hysteresis

ARTIFACTS = [
    name
    for name, member in inspect.getmembers(Hysteresis, inspect.isfunction)
    if not name.startswith("_") and name not in ("log", "benchmark")
]


def test_patterns_and_paths():
    study = Hysteresis("out/run")
    assert study.structures() == "out/run/hysteresis/structures/{batch}.h5"
    assert study.structures("007") == "out/run/hysteresis/structures/007.h5"
    assert study.fold(fold=2) == "out/run/hysteresis/{encoding}/folds/2.h5"
    assert study.fold_predictions("double_angle", 2) == "out/run/hysteresis/double_angle/folds/2_predictions.h5"
    assert study.log("train_regressor", "{encoding}", "{member}").endswith("/train_regressor/{encoding}/{member}.log")
    assert study.benchmark("collect_dataset") == "out/run/hysteresis/benchmarks/collect_dataset.tsv"
    assert paths.report("out/run") == "out/run/report.html"


def test_no_two_artifacts_share_a_file():
    patterns = [getattr(Hysteresis(), name)() for name in ARTIFACTS]
    assert len(set(patterns)) == len(patterns) >= 13
    assert all(pattern.endswith(".h5") for pattern in patterns)


@pytest.mark.parametrize(("count", "size"), [(0, 1), (1, 1), (5, 5), (6, 5), (3977, 100), (5000, 2)])
def test_batches_hold_every_item_once(count, size):
    names = paths.batch_names(count, size)
    assert names == sorted(names)
    assert len({len(name) for name in names}) <= 1
    items = [item for name in names for item in range(*paths.batch_range(name, count, size))]
    assert items == list(range(count))


def test_batches_that_cannot_be():
    with pytest.raises(ValueError, match="count and batch_size: found 3 and 0"):
        paths.batch_names(3, 0)
    with pytest.raises(ValueError, match="batch 002: starts at item 20, expected a start below 20"):
        paths.batch_range("002", 20, 10)


def test_sidecars():
    assert paths.ledger("a/000.h5") == "a/000.h5.ledger"
    assert paths.checkpoint("a/0.h5") == "a/0.h5.checkpoint"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("results/hysteresis/structures/000.h5", "structures/000.h5"),
        ("/somewhere/else/hysteresis/x_component/folds/0.h5", "x_component/folds/0.h5"),
        ("hysteresis/runs/hysteresis/dataset.h5", "dataset.h5"),
        ("/data/my/grains.h5", "my/grains.h5"),
        ("grains.h5", "grains.h5"),
        ("elsewhere/hysteresis", "elsewhere/hysteresis"),
    ],
)
def test_names_of_artifacts_do_not_say_where_the_run_stands(path, name):
    assert paths.artifact_name(path) == name
    assert paths.artifact_name(Path(path)) == name
