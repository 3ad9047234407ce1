"""Morphing through latent space, with a stand-in for micromagnetics."""

import numpy as np
import pytest
from learning_data import LOG, SEED, STRUCTURES, make_dataset, provenance

from lodestone.artifacts.network import Network
from lodestone.artifacts.predictions import Predictions
from lodestone.loop_learning import forward, morphing, networks
from lodestone.loop_learning.encodings import decode_axes
from lodestone.magnetism.material import Material


def network_of(name, arguments, seed):
    module = networks.build(name, arguments, np.random.default_rng(seed))
    return Network(
        parameter=networks.get_flat(module),
        train_loss=np.ones(1),
        validation_loss=np.ones(1),
        architecture={
            "name": name,
            "arguments": arguments,
            "shapes": networks.shapes(module),
            "symmetry_augmentation": True,
        },
        encoding="double_angle",
        best_epoch=1,
        provenance=provenance(),
    )


@pytest.fixture(scope="module")
def models():
    dataset = make_dataset(20, 4)
    predictions = Predictions(
        index=dataset.index,
        split=dataset.split,
        target=dataset.anchor,
        target_exists=dataset.anchor_exists,
        predicted=dataset.anchor * 0.9,
        spread=np.full(dataset.anchor.shape, 0.05),
        lower=dataset.anchor * 0.9,
        upper=dataset.anchor * 0.9,
        model="regressor",
        encoding="double_angle",
        coverage_level=0.9,
        provenance=provenance(),
    )
    autoencoder = network_of("autoencoder", {"cells": 32, "channels": 2}, 1)
    return autoencoder, [network_of("regressor", {}, k) for k in (2, 3)], [predictions]


class Solver:
    """Returns a straight line whose remanence is the mean cosine of the axes."""

    def __init__(self, *_):
        self.field_T = np.array([1.0, 0.0, -1.0])

    def compute(self, axes):
        for k in reversed(range(len(axes))):  # results come in any order
            remanence = np.cos(axes[k]).mean()
            exists = np.ones(6, np.uint8)
            yield k, {"anchor": np.full(6, remanence), "exists": exists, "magnetisation": np.full(3, remanence)}


@pytest.mark.parametrize("pair", ["alignment", "grain_size"])
def test_morphing_walks_from_a_to_b(models, monkeypatch, pair):
    monkeypatch.setattr(morphing, "LoopSolver", Solver)
    material = Material(mu0_Ms_T=1.61, K1_J_m3=4.2e6, A_J_m=8e-12)
    found = morphing.morph(*models, pair, {"steps": 4}, STRUCTURES, {}, material, SEED, LOG, provenance=provenance())
    np.testing.assert_allclose(found.alpha, [0, 1 / 3, 2 / 3, 1])
    model = forward.ForwardModel(*models)
    ends = morphing.endpoints(pair, SEED)
    axes = np.stack([s.grain_angle_rad[morphing.label_cells(s.seed_xy, 32)] for s in ends]).astype(np.float32)
    alone = model.predict(axes)
    np.testing.assert_allclose(found.predicted[[0, -1]], alone.predicted, atol=1e-5)
    np.testing.assert_allclose(found.upper[[0, -1]], alone.upper, atol=1e-5)
    np.testing.assert_array_equal(found.axis_angle_rad, decode_axes(found.image, "double_angle"))
    np.testing.assert_allclose(found.anchor[:, 0], np.cos(found.axis_angle_rad).mean((1, 2)))
    wanted = morphing.PAIRS[pair]
    assert [found.endpoints[k]["grain_count"] for k in "AB"] == [wanted[0][0], wanted[1][0]]


def test_endpoints_are_those_of_the_paper():
    a, b = morphing.endpoints("alignment", SEED)
    assert (len(a.grain_angle_rad), len(b.grain_angle_rad)) == (197, 252)
    assert np.rad2deg(a.max_misorientation_rad) == pytest.approx(176)
    assert np.abs(b.grain_angle_rad).max() <= np.deg2rad(18)
    with pytest.raises(ValueError, match="found 'colour', allowed are"):
        morphing.endpoints("colour", SEED)


def test_latent_line_is_straight():
    a, b = np.zeros((4, 3), np.float32), np.ones((4, 3), np.float32)
    line = morphing.latent_line(a, b, np.array([0.0, 0.25, 1.0]))
    np.testing.assert_array_equal(line[:, 0, 0], [0.0, 0.25, 1.0])


def test_a_regressor_of_another_encoding_is_refused(models):
    autoencoder, members, predictions = models
    object.__setattr__(members[0], "encoding", "x_component")
    with pytest.raises(ValueError, match="found one for 'x_component', allowed is 'double_angle'"):
        forward.ForwardModel(autoencoder, members, predictions)
    object.__setattr__(members[0], "encoding", "double_angle")
