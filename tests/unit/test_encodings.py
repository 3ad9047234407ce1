"""Encodings of easy axes and their symmetries."""

import numpy as np
import pytest

from lodestone.artifacts.codes import SYMMETRIES
from lodestone.loop_learning import encodings

ANGLES = np.random.default_rng(2).uniform(-np.pi, np.pi, (5, 8, 8)).astype(np.float32)


def axis_difference(a, b):
    """Angle between two axes, which have no sense of direction."""
    return np.abs((a - b + np.pi / 2) % np.pi - np.pi / 2)


def test_double_angle_keeps_the_whole_axis():
    image = encodings.encode_axes(ANGLES, "double_angle")
    assert image.shape == (5, 2, 8, 8)
    assert image.dtype == np.float32
    # single precision of the cosine, divided by two and steep nowhere
    assert axis_difference(encodings.decode_axes(image, "double_angle"), ANGLES).max() < 1e-5


def test_x_component_loses_the_sign_of_the_y_component():
    image = encodings.encode_axes(ANGLES, "x_component")
    assert image.shape == (5, 1, 8, 8)
    np.testing.assert_allclose(np.sin(encodings.decode_axes(image, "x_component")), image[:, 0], atol=1e-6)
    np.testing.assert_array_equal(
        encodings.encode_axes(np.array([[[0.5]]]), "x_component"),
        encodings.encode_axes(np.array([[[np.pi - 0.5]]]), "x_component"),
    )
    assert axis_difference(encodings.decode_axes(image, "x_component"), ANGLES).max() > 0.5


@pytest.mark.parametrize("encoding", ["x_component", "double_angle"])
def test_opposite_angles_are_the_same_axis_only_for_the_double_angle(encoding):
    same = np.abs(encodings.encode_axes(ANGLES, encoding) - encodings.encode_axes(ANGLES + np.pi, encoding)).max()
    assert (same < 1e-5) == (encoding == "double_angle")


@pytest.mark.parametrize("encoding", ["x_component", "double_angle"])
@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_symmetries_act_on_images_as_on_axes(encoding, symmetry):
    turned = {
        "identity": ANGLES,
        "mirror_x": -ANGLES[:, :, ::-1],
        "mirror_y": -ANGLES[:, ::-1, :],
        "rotate_180": ANGLES[:, ::-1, ::-1],
    }[symmetry]
    found = encodings.transform_image(encodings.encode_axes(ANGLES, encoding), encoding, symmetry)
    np.testing.assert_allclose(found, encodings.encode_axes(turned, encoding), atol=1e-7)
    assert found.flags.c_contiguous


def test_symmetry_names_are_those_of_the_artifact():
    assert encodings.SYMMETRIES == SYMMETRIES


def test_unknown_encoding_is_refused_by_name():
    with pytest.raises(ValueError, match="found 'polar', allowed are"):
        encodings.encode_axes(ANGLES, "polar")
