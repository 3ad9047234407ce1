"""From curves to labelled samples: anchor points, the split, and what is refused."""

import logging

import numpy as np
import pytest
from learning_data import LOG, make_grains, provenance

from lodestone.artifacts.base import ArtifactError
from lodestone.artifacts.dataset import ANCHORS
from lodestone.artifacts.loops import Loops
from lodestone.loop_learning import labels
from lodestone.magnetism.material import Material

MATERIAL = Material(1.61, 4.2e6, 8.0e-12)
REDUCED = np.linspace(1.0, -1.0, 201)


def make_loops(index, coercive_field, reduced=REDUCED, status=0):
    """Straight curves through M = 1 at the first field and 0 at each structure's coercive field."""
    slope = 1.0 / (1.0 + np.asarray(coercive_field))[:, None]
    curves = np.clip((reduced + np.asarray(coercive_field)[:, None]) * slope, -1.0, 1.0)
    count = len(index)
    return Loops(
        index=np.asarray(index),
        field_T=reduced * MATERIAL.anisotropy_field_T,
        magnetisation=curves,
        step_status=np.full(curves.shape, status, np.uint8),
        max_torque=np.zeros(curves.shape),
        evaluations=np.ones(count, np.int64),
        status=np.full(count, status, np.uint8),
        material=vars(MATERIAL),
        tolerance=1e-4,
        provenance=provenance(),
    )


@pytest.fixture
def write(tmp_path):
    """Return a function: write batches of curves with their structures, and collect them."""

    def collect(*batches, test_count=2, seed=5, log=LOG):
        grains_paths, loops_paths = [], []
        for k, (span, loops) in enumerate(batches):
            grains_paths.append(tmp_path / f"structures/{k}.h5")
            loops_paths.append(tmp_path / f"loops/{k}.h5")
            make_grains(*span).write(grains_paths[-1])
            loops.write(loops_paths[-1])
        return labels.collect(grains_paths, loops_paths, MATERIAL, test_count, seed, log, provenance=provenance())

    return collect


def test_anchor_points_are_read_off_every_curve_in_order(write):
    wanted = np.array([0.2, 0.3, 0.4, 0.5, 0.6])
    dataset = write(((0, 3), make_loops([0, 1, 2], wanted[:3])), ((3, 5), make_loops([3, 4], wanted[3:])))
    assert dataset.index.tolist() == [0, 1, 2, 3, 4]
    # Linear interpolation of straight curves is exact up to rounding.
    np.testing.assert_allclose(dataset.anchor[:, ANCHORS.index("H_c")], wanted, atol=1e-12)
    np.testing.assert_allclose(dataset.anchor[:, ANCHORS.index("M_r")], wanted / (1 + wanted), atol=1e-12)
    np.testing.assert_array_equal(dataset.grain_count, make_grains(0, 5).grain_count)


def test_an_anchor_point_that_does_not_exist_is_marked_and_zero(write):
    dataset = write(((0, 3), make_loops([0, 1, 2], [0.3, 0.4, 1.5])))
    k = ANCHORS.index("H_c")
    assert dataset.anchor_exists[:, k].tolist() == [1, 1, 0]
    assert dataset.anchor[2, k] == 0.0


def test_a_curve_that_did_not_converge_keeps_its_status_and_is_reported(write, caplog):
    with caplog.at_level(logging.WARNING, logger="test"):
        dataset = write(((0, 3), make_loops([0, 1, 2], [0.3, 0.4, 0.5], status=2)))
    assert dataset.status.tolist() == [2, 2, 2]
    assert "3 of 3 curves did not converge" in caplog.text


def test_curves_of_other_structures_are_refused(write):
    with pytest.raises(ArtifactError, match="other structures"):
        write(((0, 3), make_loops([0, 1, 7], [0.3, 0.4, 0.5])))


def test_batches_with_other_fields_are_refused(write):
    other = make_loops([3, 4, 5], [0.3, 0.4, 0.5], reduced=np.linspace(1.0, -1.0, 101))
    with pytest.raises(ArtifactError, match="field_T"):
        write(((0, 3), make_loops([0, 1, 2], [0.3, 0.4, 0.5])), ((3, 6), other))


def test_the_split_is_drawn_once_for_a_seed():
    first, again, other = (labels.draw_split(50, 10, seed) for seed in (1, 1, 2))
    assert first.sum() == 10
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("test_count", [-1, 10, 11])
def test_a_split_without_training_samples_is_refused(test_count):
    with pytest.raises(ValueError, match=f"found {test_count}"):
        labels.draw_split(10, test_count, 1)
