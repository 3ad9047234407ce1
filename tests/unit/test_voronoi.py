"""Voronoi structures: exact, reproducible item by item, and with the statistics that the settings ask for."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from lodestone.microstructure import voronoi
from lodestone.random import stream

SETTINGS = {"cells": 160, "grain_count_min": 16, "grain_count_max": 256, "max_misorientation_deg": 180.0}
SMALL = SETTINGS | {"cells": 32, "grain_count_min": 3, "grain_count_max": 9}


def channels(angle):
    return np.stack([np.cos(2 * angle), np.sin(2 * angle)])


@pytest.mark.parametrize("cells", [32, 50, 160])
@pytest.mark.parametrize("grains", [1, 2, 16, 256])
def test_every_cell_belongs_to_its_nearest_seed(cells, grains):
    seed_xy = stream(5, "labelled_structures", grains).random((grains, 2))
    centre = (np.arange(cells) + 0.5) / cells
    points = np.stack(np.meshgrid(centre, centre), -1).reshape(-1, 2)
    _, nearest = cKDTree(seed_xy).query(points)
    np.testing.assert_array_equal(voronoi.label_cells(seed_xy, cells), nearest.reshape(cells, cells))


def test_clustered_seeds_are_labelled_exactly():
    seed_xy = 0.5 + 0.02 * stream(5, "labelled_structures", 0).standard_normal((40, 2))
    centre = (np.arange(64) + 0.5) / 64
    points = np.stack(np.meshgrid(centre, centre), -1).reshape(-1, 2)
    _, nearest = cKDTree(seed_xy).query(points)
    np.testing.assert_array_equal(voronoi.label_cells(seed_xy, 64), nearest.reshape(64, 64))


def test_rows_run_along_y():
    label = voronoi.label_cells(np.array([[0.5, 0.1], [0.5, 0.9]]), 32)
    assert (label[:16] == 0).all()
    assert (label[16:] == 1).all()


def test_item_depends_only_on_seed_stage_and_index():
    whole = voronoi.batch(3, "labelled_structures", 0, 7, SMALL, threads=2)
    part = voronoi.batch(3, "labelled_structures", 4, 6, SMALL)
    for k in (4, 5):
        np.testing.assert_array_equal(whole.grain_label[k], part.grain_label[k - 4])
        np.testing.assert_array_equal(whole.axis_angle_rad(k), part.axis_angle_rad(k - 4))
    assert not np.array_equal(
        whole.grain_angle_rad[:3], voronoi.batch(4, "labelled_structures", 0, 1, SMALL).grain_angle_rad[:3]
    )
    label, angle, theta = voronoi.sample_structure(stream(3, "labelled_structures", 2), SMALL)
    np.testing.assert_array_equal(label, whole.grain_label[2])
    np.testing.assert_array_equal(angle, whole.grain_angle_rad[whole.grain_offset[2] : whole.grain_offset[3]])
    assert theta == whole.max_misorientation_rad[2]


def test_images_equal_labels_and_angles():
    structures = voronoi.batch(3, "autoencoder_structures", 0, 5, SMALL)
    wanted = np.stack([channels(structures.axis_angle_rad(i)) for i in range(5)])
    parts = list(voronoi.image_batches(3, "autoencoder_structures", range(5), SMALL, channels, batch_size=2, threads=2))
    assert [len(part) for part in parts] == [2, 2, 1]
    np.testing.assert_allclose(np.concatenate(parts), wanted, atol=2e-6)  # single-precision cosine of angles up to pi


def test_statistics_follow_the_settings():
    samples = [voronoi.draw_sample(stream(1, "labelled_structures", i), SETTINGS) for i in range(2000)]
    count = np.array([len(s.grain_angle_rad) for s in samples])
    theta = np.array([s.max_misorientation_rad for s in samples])
    assert (count.min(), count.max()) == (16, 256)
    # four standard errors of the mean of 2,000 uniform draws
    assert abs(count.mean() - 136) < 4 * 241 / np.sqrt(12 * 2000)
    assert abs(theta.mean()) < 4 * 2 * np.pi / np.sqrt(12 * 2000)
    assert abs(np.abs(theta).mean() - np.pi / 2) < 4 * np.pi / np.sqrt(12 * 2000)
    for s in samples[:50]:
        assert np.abs(s.grain_angle_rad).max() <= abs(s.max_misorientation_rad)


def test_no_seed_is_refused():
    with pytest.raises(ValueError, match="found 0 seeds"):
        voronoi.label_cells(np.empty((0, 2)), 32)
