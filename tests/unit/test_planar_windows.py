"""Rectangles around the parts of a layer that move."""

import numpy as np
import pytest
from scipy import ndimage

from lodestone.micromagnetics import planar_windows as windows

LENGTHS = np.array((8, 16, 24))


def test_tiles_and_box_hold_every_loud_cell_and_no_ghost():
    gradient = np.zeros((19, 20))
    gradient[1, 1], gradient[9, 8], gradient[17, 18], gradient[18, 19] = 0.3, -0.5, 0.2, 9.0  # the last is a ghost
    tiles = windows.active_tiles(gradient, 0.1, 8)
    assert np.argwhere(tiles).tolist() == [[0, 0], [1, 0], [2, 2]]
    assert windows.active_box(gradient, 0.1, tiles, 8) == (0, 16, 0, 17)
    assert windows.active_box(gradient, 0.25, windows.active_tiles(gradient, 0.25, 8), 8) == (0, 8, 0, 7)


def test_parts_are_those_that_scipy_labels():
    active = np.random.default_rng(5).random((12, 17)) < 0.25
    labels, count = ndimage.label(active, structure=np.ones((3, 3)))
    expected = {(r.start, r.stop - 1, c.start, c.stop - 1) for r, c in ndimage.find_objects(labels)}
    left, found = active.astype(np.uint8), []
    for i, j in np.argwhere(active):
        if left[i, j]:
            found.append(windows.take_part(left, i, j, np.empty(left.size, np.int64)))
    assert len(found) == count
    assert set(found) == expected
    assert not left.any()


@pytest.mark.parametrize(
    ("first", "last", "expected"), [(0, 0, (0, 8)), (20, 21, (17, 8)), (58, 59, (52, 8)), (10, 30, (0, 60))]
)
def test_a_span_lies_in_the_layer_and_has_a_known_length(first, last, expected):
    start, length = windows.span(first, last, 60, 3, LENGTHS)
    assert (start, length) == expected
    assert start <= first and last < start + length


def test_far_parts_get_rectangles_of_their_own_and_near_ones_share():
    gradient = np.zeros((66, 66))
    gradient[3, 4], gradient[60, 59] = 1.0, -1.0
    found = windows.moving_windows(gradient, 0.1, 8, 2, LENGTHS, 0.0)
    assert len(found) == 2
    for row, height, column, width in found:
        assert np.abs(gradient[row + 1 : row + 1 + height, column + 1 : column + 1 + width]).max() == 1
    gradient[:] = 0
    gradient[3, 4] = gradient[12, 13] = 1.0
    assert len(windows.moving_windows(gradient, 0.1, 8, 2, LENGTHS, 0.0)) == 1
    gradient[60, 59] = 1.0
    assert windows.moving_windows(gradient, 0.1, 8, 2, LENGTHS, 1e9).tolist() == [[0, 64, 0, 64]]
