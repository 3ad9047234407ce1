"""Regressor, ensemble, baselines and reconstruction on a small data set with a known target."""

import numpy as np
import pytest
from learning_data import (
    BASELINES,
    LOG,
    REGRESSOR,
    SEED,
    STRUCTURES,
    make_dataset,
    make_grains,
    provenance,
)

from lodestone.artifacts.codes import LatentCodes
from lodestone.artifacts.dataset import Split
from lodestone.loop_learning import baselines, ensemble, regressor, statistics, supervised

COUNT, TEST = 96, 24


@pytest.fixture(scope="module")
def dataset():
    return make_dataset(COUNT, TEST)


@pytest.fixture(scope="module")
def codes(dataset):
    """Codes from which the targets can be read, in another order than the data set."""
    rng = np.random.default_rng(1)
    code = 0.1 * rng.standard_normal((COUNT, 4, 512)).astype(np.float32)
    code[:, :, :6] += dataset.anchor[:, None, :1].astype(np.float32) * np.linspace(1, 2, 6, dtype=np.float32)
    order = rng.permutation(COUNT)
    return LatentCodes(index=dataset.index[order], code=code[order], encoding="double_angle", provenance=provenance())


@pytest.fixture(scope="module")
def folds(dataset, codes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("folds")
    return [
        regressor.validate_fold(codes, dataset, k, REGRESSOR, SEED, folder / str(k), LOG, provenance=provenance())
        for k in range(REGRESSOR["folds"])
    ]


@pytest.fixture(scope="module")
def members(dataset, codes, folds, tmp_path_factory):
    folder = tmp_path_factory.mktemp("members")
    networks = [network for network, _ in folds]
    return [
        regressor.train_member(
            codes, dataset, networks, k, REGRESSOR, SEED, folder / str(k), LOG, provenance=provenance()
        )
        for k in range(REGRESSOR["ensemble"])
    ]


def test_folds_share_out_the_training_structures(dataset):
    parts = regressor.fold_rows(dataset, 4, SEED)
    together = np.concatenate(parts)
    assert sorted(together) == sorted(np.flatnonzero(dataset.split == Split.TRAIN))
    assert {len(p) for p in parts} == {(COUNT - TEST) // 4}


def test_fold_predictions_are_out_of_fold(dataset, folds):
    parts = regressor.fold_rows(dataset, 4, SEED)
    for part, (_, predictions) in zip(parts, folds, strict=True):
        np.testing.assert_array_equal(predictions.index, dataset.index[part])
        np.testing.assert_array_equal(predictions.target, dataset.anchor[part])


def test_training_never_sees_the_rows_that_it_must_not_see(dataset, codes, monkeypatch, tmp_path):
    """Neither scalers nor batches touch the fold that is left out or the test set."""
    forbidden = set(regressor.fold_rows(dataset, 4, SEED)[0]) | set(np.flatnonzero(dataset.split == Split.TEST))
    seen: set[int] = set()
    scaling, step = supervised.Targets.scaling, supervised._Fit.train_epoch

    def watch_scaling(self, rows):
        seen.update(int(r) for r in rows)
        return scaling(self, rows)

    def watch_epoch(self, rng):
        fetch = self.fetch

        def spy(rows, copies):
            seen.update(int(r) for r in rows)
            return fetch(rows, copies)

        self.fetch = spy
        try:
            return step(self, rng)
        finally:
            self.fetch = fetch

    monkeypatch.setattr(supervised.Targets, "scaling", watch_scaling)
    monkeypatch.setattr(supervised._Fit, "train_epoch", watch_epoch)
    settings = REGRESSOR | {"max_epochs": 1}
    regressor.validate_fold(codes, dataset, 0, settings, SEED, tmp_path / "c", LOG, provenance=provenance())
    assert len(seen) == (COUNT - TEST) * 3 // 4
    assert not seen & forbidden


def test_epochs_come_from_the_mean_over_folds(folds):
    class Curve:
        def __init__(self, loss):
            self.validation_loss = np.array(loss)

    up_and_down = [9.0, 8, 7, 6, 5, 4, 3, 4, 5, 6, 7, 8]
    assert regressor.choose_epochs([Curve(up_and_down), Curve(up_and_down)]) == 7
    assert regressor.choose_epochs([Curve([3.0, 1.0])]) == 2
    assert 1 <= regressor.choose_epochs([network for network, _ in folds]) <= REGRESSOR["max_epochs"]


def test_members_differ_and_beat_the_mean(dataset, codes, members, folds):
    assert not np.array_equal(members[0].parameter, members[1].parameter)
    predictions = ensemble.predict(codes, dataset, members, [p for _, p in folds], REGRESSOR, provenance=provenance())
    test = dataset.split == Split.TEST
    error = np.abs(predictions.predicted - predictions.target)[test, 0].mean()
    spread = np.abs(predictions.target - predictions.target[~test].mean(0))[test, 0].mean()
    assert error < 0.8 * spread
    assert (predictions.lower <= predictions.predicted).all()
    assert (predictions.upper >= predictions.predicted).all()


def test_a_killed_regressor_resumes_to_the_bit(dataset, codes, folds, monkeypatch, tmp_path):
    monkeypatch.setattr(supervised, "SAVE_INTERVAL_S", -1.0)
    epoch = supervised._Fit.train_epoch
    calls = []

    def fail_later(self, rng):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return epoch(self, rng)

    arguments = (codes, dataset, 1, REGRESSOR, SEED, tmp_path / "checkpoint", LOG)
    monkeypatch.setattr(supervised._Fit, "train_epoch", fail_later)
    with pytest.raises(KeyboardInterrupt):
        regressor.validate_fold(*arguments, provenance=provenance())
    network, _ = regressor.validate_fold(*arguments, provenance=provenance())
    assert len(calls) == 4 + REGRESSOR["max_epochs"] - 3  # three epochs were kept
    np.testing.assert_array_equal(network.parameter, folds[1][0].parameter)


def test_missing_anchor_points_do_not_teach():
    """A target that does not exist must not move the network, whatever stands in its place."""
    value = np.random.default_rng(0).random((8, 6))
    exists = np.ones((8, 6))
    exists[2:5, 3] = 0
    results = []
    for nonsense in (0.0, 1e6):
        target = np.where(exists > 0, value, nonsense)
        targets = supervised.Targets(target, exists)
        mean, spread = targets.scaling(np.arange(8))
        results.append(np.concatenate([mean, spread, [supervised.masked_error(np.zeros((8, 6)), target, exists)]]))
    np.testing.assert_array_equal(*results)


def test_a_target_that_never_exists_is_scaled_by_one():
    mean, spread = supervised.Targets(np.zeros((4, 6)), np.zeros((4, 6))).scaling(np.arange(4))
    np.testing.assert_array_equal(mean, np.zeros(6))
    np.testing.assert_array_equal(spread, np.ones(6))


def test_conformal_intervals_cover_what_they_promise():
    """Heteroscedastic noise; coverage of fresh draws is within four binomial standard errors of the level."""
    rng = np.random.default_rng(5)
    scale = rng.uniform(0.1, 2.0, (4000, 1))
    residual = scale * rng.standard_normal((4000, 1))
    calibration = ensemble.calibrate_residuals(residual[:2000], scale[:2000], np.ones((2000, 1)), 0.9)
    covered = np.abs(residual[2000:]) <= calibration.half_width(scale[2000:])
    assert abs(covered.mean() - 0.9) < 4 * np.sqrt(0.09 / 2000 * 2)  # calibration and test both fluctuate
    assert calibration.half_width(np.array([2.0])) > calibration.half_width(np.array([0.1]))


def test_conformal_quantile_counts_the_new_structure():
    assert ensemble.conformal_quantile(np.arange(1.0, 10.0), 0.9) == 9.0
    assert ensemble.conformal_quantile(np.arange(1.0, 10.0), 0.5) == 5.0


def test_unknown_structure_is_named(dataset, codes):
    part = codes.part(0, 10)
    with pytest.raises(ValueError, match="found none for structure"):
        regressor.rows_of(part, dataset)


def test_statistics_of_a_structure_by_hand():
    area = np.array([0.5, 0.0, 0.25, 0.25])
    angle = np.array([0.0, 1.0, np.pi - 0.2, 0.4])  # the third axis is tilted by -0.2
    found = dict(zip(statistics.NAMES, statistics.structure_statistics(area, angle), strict=True))
    assert found["grain count"] == 3
    assert found["area-weighted grain area"] == pytest.approx(0.375)
    assert found["mean misorientation"] == pytest.approx(0.15)
    assert found["mean of cos^2 phi"] == pytest.approx(0.5 + 0.25 * (np.cos(0.2) ** 2 + np.cos(0.4) ** 2))
    assert found["misorientation quantile 0.5"] == 0
    assert found["misorientation quantile 1.0"] == pytest.approx(0.4)


@pytest.fixture(scope="module")
def grains_paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("grains")
    paths = [folder / "0.h5", folder / "1.h5"]
    make_grains(0, 50).write(paths[0])
    make_grains(50, COUNT).write(paths[1])
    return paths


@pytest.mark.parametrize(("name", "part_of_mean"), [("mean", 1.0), ("gradient_boosting", 0.35), ("cnn", 0.8)])
def test_baselines(dataset, grains_paths, tmp_path, monkeypatch, name, part_of_mean):
    monkeypatch.setitem(baselines.BOOSTING_GRID, "n_estimators", [60])
    predictions = baselines.train(
        name, dataset, grains_paths, BASELINES, STRUCTURES, SEED, tmp_path / "c", LOG, provenance=provenance()
    )
    test = dataset.split == Split.TEST
    mean = dataset.anchor[~test, 0].mean()
    error = np.abs(predictions.predicted[test, 0] - dataset.anchor[test, 0]).mean()
    assert error <= part_of_mean * np.abs(mean - dataset.anchor[test, 0]).mean() * (1 + 1e-12)
    assert (predictions.upper > predictions.lower).all()


def test_unknown_baseline_is_refused(dataset, grains_paths, tmp_path):
    with pytest.raises(ValueError, match="found 'forest', allowed are cnn, gradient_boosting, mean"):
        baselines.train(
            "forest", dataset, grains_paths, BASELINES, STRUCTURES, SEED, tmp_path / "c", LOG, provenance=provenance()
        )
