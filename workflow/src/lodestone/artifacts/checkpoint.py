"""State of a training, replaced as a whole at every save."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lodestone.artifacts import codec
from lodestone.artifacts.atomic import replacing, sync_folder

MAGIC = b"lodestone checkpoint 1\n"


class Checkpoint:
    """One mapping of arrays in a file that is always whole.

    Parameters
    ----------
    path : path
        File of the checkpoint, see `lodestone.paths.checkpoint`.
    key : str
        Hash of everything that the state depends on; a file with another key is ignored.
    log : logging.Logger, optional
        Told when a checkpoint is ignored.
    """

    def __init__(self, path: str | Path, key: str, *, log: logging.Logger | None = None) -> None:
        self.path, self.key = Path(path), key
        self._log = log or logging.getLogger(__name__)

    def save(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Replace the file; a job killed meanwhile leaves the former one."""
        buffers = [*codec.frame([self.key.encode()]), *codec.frame(codec.encode(arrays))]
        with replacing(self.path) as temporary, temporary.open("wb") as stream:
            stream.write(MAGIC)
            for buffer in buffers:
                stream.write(buffer)

    def load(self) -> dict[str, np.ndarray] | None:
        """Return the saved arrays; None if there are none, they are damaged, or they belong to another key."""
        if not self.path.is_file():
            return None
        data = memoryview(self.path.read_bytes())
        state, trouble = self._state(data)
        if state is None:
            self._log.warning("%s: %s; starting from the beginning", self.path, trouble)
            return None
        return codec.decode(state)

    def remove(self) -> None:
        """Delete the file: call it when the artifact made from the state is on disk."""
        if self.path.exists():
            self.path.unlink()
            sync_folder(self.path.parent)

    def _state(self, data: memoryview) -> tuple[memoryview | None, str]:
        """Return the encoded state in the bytes of a file, or why it cannot be used."""
        if bytes(data[: len(MAGIC)]) != MAGIC:
            return None, "is no checkpoint"
        key, rest = _unframe(data[len(MAGIC) :])
        state, rest = _unframe(rest)
        if key is None or state is None or len(rest):
            return None, f"is damaged ({len(data)} bytes)"
        if bytes(key) != self.key.encode():
            return None, "belongs to other inputs or settings"
        return state, ""


def _unframe(data: memoryview) -> tuple[memoryview | None, memoryview]:
    """Split off the first frame; None for one that is torn or damaged."""
    if len(data) < codec.HEAD_SIZE:
        return None, data[:0]
    length, checksum = codec.read_head(bytes(data[: codec.HEAD_SIZE]))
    payload = data[codec.HEAD_SIZE : codec.HEAD_SIZE + length]
    if len(payload) < length or not codec.intact(payload, checksum):
        return None, data[:0]
    return payload, data[codec.HEAD_SIZE + length :]
