"""Durable record of the finished items of a batch.

File: a magic line, then frames (length, crc32, contents). The first frame is the key, a hash of inputs and settings;
every further frame is one item: its number and a mapping of arrays. A frame is on disk before `append` returns, so a
job killed at any moment resumes at its first unfinished item; what was half written is cut off on opening.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import logging
import os
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from lodestone.artifacts import codec
from lodestone.artifacts.atomic import replacing, sync_folder

MAGIC = b"lodestone ledger 1\n"
_ITEM = struct.Struct("<q")


class LedgerError(RuntimeError):
    """A ledger that cannot be used; the message names the file."""


class Ledger:
    """Append-only record of finished items, opened with ``with``.

    Parameters
    ----------
    path : path
        File of the ledger, see `lodestone.paths.ledger`.
    key : str
        Hash of everything that the items depend on; another key in the file makes the ledger start afresh.
    fsync_interval_s : float
        0 puts every item on disk at once. Otherwise at most one fsync in so many seconds: a killed process still loses
        nothing, a power cut loses the items since the last one.
    log : logging.Logger, optional
        Told when a ledger is resumed, cut or started afresh.
    lock_timeout_s : float
        How long to wait for another process that still has the ledger open.

    Raises
    ------
    LedgerError
        If another process has the ledger open.
    """

    def __init__(
        self,
        path: str | Path,
        key: str,
        *,
        fsync_interval_s: float = 0.0,
        log: logging.Logger | None = None,
        lock_timeout_s: float = 10.0,
    ) -> None:
        self.path, self.key = Path(path), key
        self._interval, self._lock_timeout = fsync_interval_s, lock_timeout_s
        self._log = log or logging.getLogger(__name__)
        self._mutex = threading.Lock()
        self._index: dict[int, tuple[int, int]] = {}
        self._file = -1
        self._end = 0
        self._synced = float("-inf")

    def __enter__(self) -> Self:
        """Open, lock, check the key, cut off a torn tail."""
        for _ in range(3):
            if self._open():
                return self
        raise LedgerError(f"{self.path}: replaced by another process again and again, expected to be its only user")

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Put everything on disk and close; the file stays."""
        self.close()

    def close(self) -> None:
        """Put everything on disk and close."""
        if self._file >= 0:
            try:
                os.fsync(self._file)
            finally:
                self._release()

    @property
    def done(self) -> set[int]:
        """Numbers of the finished items."""
        return set(self._index)

    def __len__(self) -> int:
        """Return the number of finished items."""
        return len(self._index)

    def append(self, item: int, arrays: Mapping[str, np.ndarray]) -> None:
        """Record one finished item; safe to call from several threads.

        Raises
        ------
        LedgerError
            If the item is recorded already, or the ledger is closed.
        OSError
            If the disk refuses; the ledger stays usable and the item is not recorded.
        """
        item = int(item)
        frame = codec.frame([_ITEM.pack(item), *codec.encode(arrays)])
        with self._mutex:
            self._require_open()
            if item in self._index:
                raise LedgerError(f"{self.path}: item {item} is recorded already, expected every item once")
            start = self._end
            try:
                for buffer in frame:
                    self._write(buffer)
                if time.monotonic() - self._synced >= self._interval:
                    os.fsync(self._file)
                    self._synced = time.monotonic()
            except BaseException:
                self._cut(start)
                raise
            payload = start + codec.HEAD_SIZE
            self._index[item] = (payload, self._end - payload)

    def read(self, item: int) -> dict[str, np.ndarray]:
        """Arrays of one finished item; KeyError if it is not recorded."""
        self._require_open()
        offset, length = self._index[int(item)]
        return codec.decode(memoryview(_read_at(self._file, offset, length))[_ITEM.size :])

    def items(self) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
        """Finished items in order of their numbers, one in memory at a time."""
        for item in sorted(self._index):
            yield item, self.read(item)

    def remove(self) -> None:
        """Delete the file: call it when the artifact made from the items is on disk."""
        self.close()
        self._index.clear()
        self.path.unlink(missing_ok=True)
        sync_folder(self.path.parent)

    def _open(self) -> bool:
        """Open or make the file; False if it has to be tried again."""
        if not self.path.exists():
            self._create()
        self._file = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        try:
            self._lock()
            if not self._is_current():
                self._release()
                return False
            found, body = self._read_key()
            if found != self.key:
                self._start_afresh(found)
                return False
            self._scan(body)
        except BaseException:
            self._release()
            raise
        return True

    def _release(self) -> None:
        """Close the file, and with it the lock, without writing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _create(self) -> None:
        """Put an empty ledger in place, whole."""
        with replacing(self.path) as temporary, temporary.open("wb") as stream:
            stream.write(MAGIC)
            for buffer in codec.frame([self.key.encode()]):
                stream.write(buffer)

    def _start_afresh(self, found: str | None) -> None:
        """Replace a ledger that belongs to other inputs or settings, or that has no readable key."""
        reason = "has no readable key" if found is None else f"has key {found[:12]}..., not {self.key[:12]}..."
        self._log.warning("%s: %s; starting afresh", self.path, reason)
        self._create()
        self._release()

    def _lock(self) -> None:
        """Make sure that no other process writes; file systems without locks are trusted."""
        deadline = time.monotonic() + self._lock_timeout
        while True:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EAGAIN):
                    return
                if time.monotonic() > deadline:
                    message = "found it in use by another process, expected to be its only user"
                    raise LedgerError(f"{self.path}: {message}") from None
            time.sleep(0.1)

    def _is_current(self) -> bool:
        """Whether the open file is still the one under the path (it was not replaced before the lock was had)."""
        try:
            return os.path.samestat(os.fstat(self._file), self.path.stat())
        except FileNotFoundError:
            return False

    def _read_key(self) -> tuple[str | None, int]:
        """Key and position of the first item; None for a file that is no ledger."""
        size = os.fstat(self._file).st_size
        if _read_at(self._file, 0, len(MAGIC)) != MAGIC:
            return None, 0
        payload = self._frame_at(len(MAGIC), size)
        if payload is None:
            return None, 0
        return payload.decode(errors="replace"), len(MAGIC) + codec.HEAD_SIZE + len(payload)

    def _frame_at(self, offset: int, size: int) -> bytes | None:
        """Contents of the frame at `offset`; None if it is torn or damaged."""
        head = _read_at(self._file, offset, codec.HEAD_SIZE)
        if len(head) < codec.HEAD_SIZE:
            return None
        length, checksum = codec.read_head(head)
        if length > size - offset - codec.HEAD_SIZE:
            return None
        payload = _read_at(self._file, offset + codec.HEAD_SIZE, length)
        return payload if codec.intact(payload, checksum) else None

    def _scan(self, body: int) -> None:
        """Index the items and cut off what follows the last whole one."""
        size = os.fstat(self._file).st_size
        self._index, self._end = {}, body
        while self._end < size:
            payload = self._frame_at(self._end, size)
            if payload is None or len(payload) < _ITEM.size:
                lost = size - self._end
                self._log.warning("%s: cutting off %d bytes after item %d", self.path, lost, len(self._index))
                self._cut(self._end)
                os.fsync(self._file)
                break
            start = self._end + codec.HEAD_SIZE
            self._index[_ITEM.unpack_from(payload)[0]] = (start, len(payload))
            self._end = start + len(payload)
        if self._index:
            self._log.info("%s: %d items are done already", self.path, len(self._index))

    def _write(self, buffer: bytes | memoryview) -> None:
        """Write all of a buffer at the end; systems may take less than they are given."""
        view = memoryview(buffer)
        while view:
            written = os.pwrite(self._file, view, self._end)
            view = view[written:]
            self._end += written

    def _cut(self, end: int) -> None:
        """Drop everything after `end`."""
        os.ftruncate(self._file, end)
        self._end = end

    def _require_open(self) -> None:
        """Refuse use outside the ``with`` block."""
        if self._file < 0:
            raise LedgerError(f"{self.path}: the ledger is closed, expected it open (use `with`)")


def batch_key(*values: str) -> str:
    """Key of a ledger or checkpoint from several hashes (inputs, settings, algorithm version)."""
    return hashlib.sha256("\n".join(values).encode()).hexdigest()


def _read_at(file: int, offset: int, length: int) -> bytes:
    """Read up to `length` bytes; fewer only at the end of the file."""
    pieces = []
    while length > 0 and (piece := os.pread(file, length, offset)):
        pieces.append(piece)
        offset, length = offset + len(piece), length - len(piece)
    return b"".join(pieces)
