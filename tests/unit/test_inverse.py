"""Genomes of grain structures, and the search over a forward model that is known."""

import numpy as np
import pytest
from learning_data import LOG, SEED, STRUCTURES, make_dataset, provenance

from lodestone.artifacts.network import Network
from lodestone.artifacts.predictions import Predictions
from lodestone.design import genome, inverse
from lodestone.loop_learning import networks
from lodestone.magnetism.material import Material
from lodestone.microstructure.voronoi import draw_sample

LIMITS = genome.Limits(STRUCTURES)
NARROW = genome.Limits(STRUCTURES | {"max_misorientation_deg": 30.0})
SETTINGS = {
    "goals": [{"M_r": 0.9, "H_c": 0.5, "squareness": 0.8}, {"M_r": 0.6, "H_c": 0.3, "squareness": 0.4}],
    "population": 12,
    "generations": 5,
    "candidates": 2,
}


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(params=[LIMITS, NARROW], ids=["any angle", "narrow"])
def limits(request):
    return request.param


def assert_valid(sample, limits):
    assert limits.lowest <= len(sample.grain_angle_rad) <= limits.highest
    assert sample.seed_xy.shape == (len(sample.grain_angle_rad), 2)
    assert ((sample.seed_xy >= 0) & (sample.seed_xy <= 1)).all()
    assert np.abs(sample.grain_angle_rad).max() <= min(limits.limit_rad, np.pi / 2) + 1e-12


def test_operators_keep_genomes_valid(limits):
    r = rng()
    samples = [s for s in genome.StructureSampling(limits)._do(None, 20, random_state=r)[:, 0]]
    for _ in range(300):
        a, b = (samples[k] for k in r.integers(len(samples), size=2))
        child = genome.fit_count(r, genome.cross(r, a, b, limits.limit_rad), limits.lowest, limits.highest)
        child = genome.mutate(r, child, limits.lowest, limits.highest, limits.limit_rad)
        assert_valid(child, limits)
        samples[int(r.integers(len(samples)))] = child


def test_operators_leave_parents_alone():
    a, b = draw_sample(rng(1), STRUCTURES), draw_sample(rng(2), STRUCTURES)
    before = a.seed_xy.copy(), a.grain_angle_rad.copy()
    for seed in range(50):
        genome.cross(rng(seed), a, b, LIMITS.limit_rad)
        genome.mutate(rng(seed), a, LIMITS.lowest, LIMITS.highest, LIMITS.limit_rad)
    np.testing.assert_array_equal(a.seed_xy, before[0])
    np.testing.assert_array_equal(a.grain_angle_rad, before[1])


def test_a_child_takes_each_side_of_a_line_from_one_parent():
    a, b = draw_sample(rng(1), STRUCTURES), draw_sample(rng(2), STRUCTURES)
    child = genome.cross(rng(5), a, b, np.pi)
    from_a = np.array([(s == a.seed_xy).all(1).any() for s in child.seed_xy])
    from_b = np.array([(s == b.seed_xy).all(1).any() for s in child.seed_xy])
    assert (from_a != from_b).all()
    assert from_a.any()
    assert from_b.any()


def test_wrapping_keeps_the_axis():
    angle = rng().uniform(-np.pi, np.pi, 100)
    wrapped = genome.wrap(angle, np.pi)
    np.testing.assert_allclose(np.cos(2 * wrapped), np.cos(2 * angle), atol=1e-12)
    assert np.abs(wrapped).max() <= np.pi / 2


def test_figures_from_anchor_points():
    anchor = np.array([[0.95, 0.8, 0.2, 0.25, 0.3, 0.4], [0.9, 0.1, 0.0, 0.0, 0.0, 0.0]])
    np.testing.assert_allclose(inverse.figures_of(anchor), [[0.8, 0.4, 0.5], [0.1, 0.0, 0.0]])


def test_candidates_differ_where_they_can():
    base = rng().uniform(-1, 1, (8, 8))
    axes = np.stack([base, base + 1e-3, base + 1.0, base + 1.001])
    assert inverse.pick_different(axes, np.arange(4), 2) == [0, 2]
    assert inverse.pick_different(axes, np.arange(4), 3) == [0, 2, 1]


class KnownModel:
    """Stands in for encoder and ensemble: figures follow from the mean alignment alone."""

    def __init__(self, *_):
        self.calls = 0

    def outputs(self, axis_angle_rad):
        self.calls += 1
        aligned = (np.cos(axis_angle_rad) ** 2).mean((1, 2))
        one = np.stack([aligned, aligned, 0.5 * aligned**2, aligned, aligned, 0.6 * aligned], axis=1)
        return np.stack([one - 0.001, one + 0.001])


class KnownSolver:
    """Stands in for micromagnetics, agrees with the model and counts its work."""

    computed: list[float] = []
    fail_after: int | None = None

    def __init__(self, *_):
        self.field_T = np.array([1.0, 0.0, -1.0])

    def compute(self, axes):
        for k, axis in enumerate(axes):
            if self.fail_after is not None and len(self.computed) >= self.fail_after:
                raise KeyboardInterrupt
            KnownSolver.computed.append(float(axis.mean()))
            anchor = KnownModel().outputs(axis[None]).mean(0)[0]
            loop = np.array([1.0, anchor[1], -1.0])
            yield k, {"anchor": anchor, "exists": np.ones(6, np.uint8), "magnetisation": loop}


@pytest.fixture
def known(monkeypatch):
    monkeypatch.setattr(inverse, "ForwardModel", KnownModel)
    monkeypatch.setattr(inverse, "LoopSolver", KnownSolver)
    KnownSolver.computed = []
    KnownSolver.fail_after = None


def search(path, settings=SETTINGS):
    dataset = make_dataset(40, 10)
    module = networks.build_regressor(rng())
    network = Network(
        parameter=networks.get_flat(module),
        train_loss=np.ones(1),
        validation_loss=np.ones(1),
        architecture={"name": "regressor", "arguments": {}, "shapes": networks.shapes(module)},
        encoding="double_angle",
        best_epoch=1,
        provenance=provenance(),
    )
    noise = 0.05 * rng().standard_normal(dataset.anchor.shape)
    predictions = Predictions(
        index=dataset.index,
        split=dataset.split,
        target=dataset.anchor,
        target_exists=dataset.anchor_exists,
        predicted=dataset.anchor + noise,
        spread=np.full(dataset.anchor.shape, 0.05),
        lower=dataset.anchor + noise,
        upper=dataset.anchor + noise,
        model="regressor",
        encoding="double_angle",
        coverage_level=0.9,
        provenance=provenance(),
    )
    material = Material(mu0_Ms_T=1.61, K1_J_m3=4.2e6, A_J_m=8e-12)
    return inverse.search(
        network, [network], [predictions], settings, STRUCTURES, {}, material, SEED, path, LOG, provenance=provenance()
    )


def test_search_approaches_its_goals(known, tmp_path):
    found = search(tmp_path / "ledger", SETTINGS | {"generations": 15})
    assert found.best_error.shape == (2, 15)
    assert (np.diff(found.best_error, axis=1) <= 1e-12).all()  # the best survive
    assert (found.best_error[:, -1] < found.best_error[:, 0]).all()
    np.testing.assert_allclose(found.computed, found.predicted, atol=1e-3)  # the solver agrees with the model
    assert found.computed_exists.all()
    assert (found.predicted_lower < found.predicted).all()
    labels = found.grain_label.reshape(4, -1).max(1) + 1
    assert (labels <= STRUCTURES["grain_count_max"]).all()


def test_search_is_reproducible_and_resumes_from_its_ledger(known, tmp_path):
    first = search(tmp_path / "a")
    assert len(KnownSolver.computed) == 4
    KnownSolver.computed = []
    KnownSolver.fail_after = 3
    with pytest.raises(KeyboardInterrupt):
        search(tmp_path / "b")
    KnownSolver.fail_after = None
    second = search(tmp_path / "b")
    assert len(KnownSolver.computed) == 4  # three before the kill, one after
    np.testing.assert_array_equal(first.axis_angle_rad, second.axis_angle_rad)
    np.testing.assert_array_equal(first.computed, second.computed)
    np.testing.assert_array_equal(first.best_error, second.best_error)
