"""Bytes of a mapping of arrays, without pickle: a JSON header, then the arrays' bytes."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Mapping
from zlib import crc32

import numpy as np

_HEAD = struct.Struct("<QI")
HEAD_SIZE = _HEAD.size


def encode(arrays: Mapping[str, np.ndarray]) -> list[bytes | memoryview]:
    """Encode arrays of numbers as buffers to be written one after the other.

    Raises
    ------
    TypeError
        For arrays of objects or text.
    """
    header, body = [], []
    for name, value in arrays.items():
        array = np.asarray(value)
        if array.dtype.kind not in "biuf":
            raise TypeError(f"array {name!r}: found dtype {array.dtype}, expected numbers")
        array = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False)).reshape(array.shape)
        header.append([name, array.dtype.str, list(array.shape)])
        body.append(array.reshape(-1).view(np.uint8).data if array.size else b"")
    text = json.dumps(header).encode()
    return [struct.pack("<I", len(text)), text, *body]


def decode(payload: bytes | memoryview) -> dict[str, np.ndarray]:
    """Decode what `encode` made; the arrays own their memory.

    Raises
    ------
    ValueError
        If the bytes are not such an encoding.
    """
    view = memoryview(payload)
    try:
        (size,) = struct.unpack_from("<I", view)
        header = json.loads(bytes(view[4 : 4 + size]))
        arrays, position = {}, 4 + size
        for name, dtype, shape in header:
            count = int(np.prod(shape, dtype=np.int64))
            data = (
                np.frombuffer(view, dtype=np.dtype(dtype), count=count, offset=position)
                if count
                else np.empty(0, dtype)
            )
            arrays[name] = data.reshape(shape).copy()
            position += data.nbytes
    except (struct.error, TypeError, ValueError) as error:
        raise ValueError(f"payload of {len(view)} bytes: not an encoding of arrays ({error})") from error
    if position != len(view):
        raise ValueError(f"payload: found {len(view)} bytes, expected {position}")
    return arrays


def frame(buffers: Iterable[bytes | memoryview]) -> list[bytes | memoryview]:
    """Put length and checksum (of length and contents) before the buffers."""
    buffers = list(buffers)
    length = sum(len(buffer) for buffer in buffers)
    return [_HEAD.pack(length, _checksum(length, buffers)), *buffers]


def read_head(head: bytes) -> tuple[int, int]:
    """Length and checksum from the first `HEAD_SIZE` bytes of a frame."""
    length, checksum = _HEAD.unpack(head)
    return length, checksum


def intact(payload: bytes | memoryview, checksum: int) -> bool:
    """Whether the contents of a frame fit its checksum."""
    return _checksum(len(payload), [payload]) == checksum


def _checksum(length: int, buffers: Iterable[bytes | memoryview]) -> int:
    """crc32 that covers the length too: a run of zero bytes must not pass for an empty frame."""
    value = crc32(struct.pack("<Q", length))
    for buffer in buffers:
        value = crc32(buffer, value)
    return value
