"""How easy axes become images: the paper's x-component, and the double angle that keeps the whole axis.

An easy axis has no sense of direction: phi and phi + pi are the same axis. The paper's x-component ``sin phi``
drops the sign of the y-component, so that an axis at phi and one at pi - phi look alike although they are mirror
images. The double angle ``(cos 2 phi, sin 2 phi)`` is single-valued on axes and loses nothing.
"""

from __future__ import annotations

import numpy as np

CHANNELS = {"x_component": 1, "double_angle": 2}
SYMMETRIES = ("identity", "mirror_x", "mirror_y", "rotate_180")
_FLIPS: dict[str, tuple[bool, bool]] = {  # rows flipped, columns flipped
    "identity": (False, False),
    "mirror_x": (False, True),
    "mirror_y": (True, False),
    "rotate_180": (True, True),
}


def channels_of(encoding: str) -> int:
    """Return the number of image channels of an encoding.

    Raises
    ------
    ValueError
        If the encoding is unknown.
    """
    if encoding not in CHANNELS:
        raise ValueError(f"encoding: found {encoding!r}, allowed are {sorted(CHANNELS)}")
    return CHANNELS[encoding]


def encode_angles(angle_rad: np.ndarray, encoding: str) -> np.ndarray:
    """Return the channels of angles of any shape: float32 (channel, ...)."""
    channels_of(encoding)
    if encoding == "x_component":
        return np.sin(angle_rad)[None].astype(np.float32)
    return np.stack([np.cos(2 * angle_rad), np.sin(2 * angle_rad)]).astype(np.float32)


def encode_axes(axis_angle_rad: np.ndarray, encoding: str) -> np.ndarray:
    """Turn easy-axis angles into network images.

    Parameters
    ----------
    axis_angle_rad : array (n, ny, nx)
        Angle of the easy axis from +y, positive towards +x, in radians.
    encoding : {"x_component", "double_angle"}

    Returns
    -------
    array (n, channel, ny, nx), float32
        Values in [-1, 1].
    """
    return np.ascontiguousarray(np.moveaxis(encode_angles(axis_angle_rad, encoding), 0, 1))


def decode_axes(image: np.ndarray, encoding: str) -> np.ndarray:
    """Turn network images back into easy-axis angles.

    Parameters
    ----------
    image : array (n, channel, ny, nx)
        Encoded, or decoded by an autoencoder and therefore blurred.

    Returns
    -------
    array (n, ny, nx), float32
        Angles in [-pi/2, pi/2]. For the x-component this is the axis with a positive y-component, one of the
        two that the image allows.
    """
    channels_of(encoding)
    if encoding == "x_component":
        return np.arcsin(np.clip(image[:, 0], -1.0, 1.0)).astype(np.float32)
    return (0.5 * np.arctan2(image[:, 1], image[:, 0])).astype(np.float32)


def transform_image(image: np.ndarray, encoding: str, symmetry: str) -> np.ndarray:
    """Apply one of the four symmetries that leave the demagnetisation curve unchanged.

    The field is along y. Mirroring columns or rows turns phi into -phi; rotating by 180 degrees leaves axes as
    they are (a mirror of rows combined with the reversal of the magnetisation is the same as a mirror of columns).

    Parameters
    ----------
    image : array (n, channel, ny, nx)
    symmetry : one of `SYMMETRIES`

    Returns
    -------
    array (n, channel, ny, nx)
        A new contiguous array of the same dtype.
    """
    rows, columns = _FLIPS[symmetry]
    turned = np.flip(image, axis=tuple(axis for axis, flip in ((-2, rows), (-1, columns)) if flip)).copy()
    if rows != columns:  # phi -> -phi: the odd channel changes sign
        turned[:, channels_of(encoding) - 1] *= -1
    return turned
