"""Texts of different lengths in one array of bytes, cut by offsets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def pack_texts(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return offsets (text + 1,) int64 and UTF-8 bytes (byte,) uint8 of texts one after the other."""
    encoded = [text.encode() for text in texts]
    lengths = np.fromiter(map(len, encoded), dtype=np.int64, count=len(encoded))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return offsets, np.frombuffer(b"".join(encoded), dtype=np.uint8)


def unpack_text(offsets: np.ndarray, utf8: np.ndarray, which: int) -> str:
    """Return text number `which`."""
    return utf8[offsets[which] : offsets[which + 1]].tobytes().decode()


def unpack_texts(offsets: np.ndarray, utf8: np.ndarray) -> list[str]:
    """Return all texts that `pack_texts` packed.

    Raises
    ------
    UnicodeDecodeError
        If the bytes of a text are not UTF-8.
    """
    joined, ends = utf8.tobytes(), offsets.tolist()
    return [joined[a:b].decode() for a, b in zip(ends[:-1], ends[1:], strict=True)]


def group_sizes(offsets: np.ndarray, total: int) -> np.ndarray | None:
    """Numbers of elements that offsets cut `total` elements into, or None if the offsets do not fit."""
    if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != total:
        return None
    sizes = np.diff(offsets)
    return sizes if bool((sizes >= 0).all()) else None
