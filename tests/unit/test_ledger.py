"""The ledger keeps every finished item, whatever happens to the job."""

from __future__ import annotations

import logging
import os
import threading

import numpy as np
import pytest
from ledger_worker import KEY, assert_result, check, result

from lodestone.artifacts import codec, ledger
from lodestone.artifacts.ledger import Ledger, LedgerError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "loops.h5.ledger"


def fill(path, items):
    """Write items and return the size of the file before the first and after each."""
    with Ledger(path, KEY) as book:
        sizes = [path.stat().st_size]
        for item in items:
            book.append(item, result(item))
            sizes.append(path.stat().st_size)
    return sizes


def test_items_come_back_sorted(path):
    fill(path, [5, 0, 3])
    with Ledger(path, KEY) as book:
        check(book, [0, 3, 5])
        assert len(book) == 3
        book.append(1, result(1))
    with Ledger(path, KEY) as book:
        check(book, [0, 1, 3, 5])


@pytest.mark.parametrize("dtype", ["u1", "i8", "f4", "f8", "?", "<u2"])
def test_arrays_of_every_kind(dtype, path):
    arrays = {"none": np.zeros((0, 3), dtype), "one": np.array(1, dtype), "many": np.ones((2, 3, 4), dtype)}
    with Ledger(path, KEY) as book:
        book.append(0, {**arrays, "turned": arrays["many"].transpose(2, 0, 1)})
        found = book.read(0)
    for name, value in arrays.items():
        assert found[name].dtype == value.dtype
        assert found[name].shape == value.shape
        assert np.array_equal(found[name], value)
    assert found["turned"].shape == (4, 2, 3)
    found["many"][:] = 0  # what is read may be changed


def test_what_cannot_be_kept_is_refused(path):
    with Ledger(path, KEY) as book:
        with pytest.raises(TypeError, match="array 'a': found dtype object, expected numbers"):
            book.append(0, {"a": np.array([None])})
        book.append(0, {})
        with pytest.raises(LedgerError, match=r"loops\.h5\.ledger: item 0 is recorded already"):
            book.append(0, {})
        assert book.done == {0}
    for use in (lambda: book.append(1, {}), lambda: book.read(0)):
        with pytest.raises(LedgerError, match="the ledger is closed"):
            use()


@pytest.fixture
def no_fsync(monkeypatch):
    """For tests that open a file a thousand times: without a power cut, fsync changes nothing."""
    monkeypatch.setattr(os, "fsync", lambda file: None)


@pytest.mark.usefixtures("no_fsync")
def test_truncation_at_every_byte(path):
    """Whatever a crash leaves of the file: the whole items are there, and the ledger goes on."""
    items = [4, 1, 2]
    sizes = fill(path, items)
    data = path.read_bytes()
    logging.disable(logging.WARNING)
    try:
        for size in range(len(data) + 1):
            path.write_bytes(data[:size])
            whole = [item for item, end in zip(items, sizes[1:], strict=True) if end <= size]
            with Ledger(path, KEY) as book:
                assert book.done == set(whole)
                for item in whole[-1:]:
                    assert_result(item, book.read(item))
                book.append(9, {"x": np.arange(3)})
            with Ledger(path, KEY) as book:
                assert book.done == {*whole, 9}
                assert np.array_equal(book.read(9)["x"], [0, 1, 2])
    finally:
        logging.disable(logging.NOTSET)


@pytest.mark.usefixtures("no_fsync")
def test_a_damaged_byte_never_gives_a_wrong_result(path):
    items = [4, 1, 2]
    sizes = fill(path, items)
    data = path.read_bytes()
    logging.disable(logging.WARNING)
    try:
        for position in range(0, len(data), 3):
            path.write_bytes(data[:position] + bytes([data[position] ^ 0x5A]) + data[position + 1 :])
            before = [item for item, end in zip(items, sizes[1:], strict=True) if end <= position]
            with Ledger(path, KEY) as book:
                assert book.done == set(before)
                for item in before:
                    assert_result(item, book.read(item))
    finally:
        logging.disable(logging.NOTSET)


def test_zeros_at_the_end_are_no_items(path):
    """Some file systems leave zeros behind a power cut."""
    fill(path, [0])
    with path.open("ab") as file:
        file.write(bytes(4096))
    with Ledger(path, KEY) as book:
        check(book, [0])


def test_another_key_starts_afresh(path, caplog):
    fill(path, [0, 1])
    with caplog.at_level(logging.WARNING), Ledger(path, "b" * 64) as book:
        assert book.done == set()
        book.append(0, {"x": np.array(1)})
    assert "has key aaaaaaaaaaaa..., not bbbbbbbbbbbb...; starting afresh" in caplog.text
    with Ledger(path, "b" * 64) as book:
        assert book.done == {0}


def test_a_foreign_file_starts_afresh(path, caplog):
    path.parent.mkdir()
    path.write_text("something else")
    with caplog.at_level(logging.WARNING), Ledger(path, KEY) as book:
        assert book.done == set()
    assert "has no readable key; starting afresh" in caplog.text


def test_resuming_and_cutting_are_logged(path, caplog):
    fill(path, [0, 1])
    path.write_bytes(path.read_bytes()[:-5])
    with caplog.at_level(logging.INFO), Ledger(path, KEY):
        pass
    assert "bytes after item 1" in caplog.text
    assert "1 items are done already" in caplog.text


def test_remove(path):
    with Ledger(path, KEY) as book:
        book.append(0, result(0))
        book.remove()
        assert not path.exists()
    assert list(path.parent.iterdir()) == []


def test_a_full_disk_costs_one_item_only(path, monkeypatch):
    pwrite, left = os.pwrite, [60]

    def short(file, data, offset):
        if not left[0]:
            raise OSError(28, "No space left on device")
        written = pwrite(file, data[: left[0]], offset)
        left[0] -= written
        return written

    fill(path, [0])
    with Ledger(path, KEY) as book:
        monkeypatch.setattr(os, "pwrite", short)
        with pytest.raises(OSError, match="No space"):
            book.append(1, result(1))
        assert book.done == {0}
        left[0] = 10**9
        book.append(2, result(2))
    with Ledger(path, KEY) as book:
        check(book, [0, 2])


def test_writes_that_are_cut_short_are_continued(path, monkeypatch):
    pwrite = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, data, offset: pwrite(file, data[:7], offset))
    fill(path, [0, 1])
    with Ledger(path, KEY) as book:
        check(book, [0, 1])


@pytest.mark.parametrize(("interval", "expected"), [(0.0, 5), (3600.0, 1)])
def test_how_often_the_disk_is_asked(interval, expected, path, monkeypatch):
    calls = []
    fill(path, [])
    monkeypatch.setattr(os, "fsync", lambda file: calls.append(file))
    with Ledger(path, KEY, fsync_interval_s=interval) as book:
        for item in range(5):
            book.append(item, result(item))
        assert len(calls) == expected
    assert len(calls) == expected + 1  # closing asks once more


def test_threads_may_append(path):
    def work(first, book):
        for item in range(first, 40, 4):
            book.append(item, result(item))

    with Ledger(path, KEY) as book:
        threads = [threading.Thread(target=work, args=(first, book)) for first in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with Ledger(path, KEY) as book:
        check(book, range(40))


def test_batch_key():
    assert ledger.batch_key("a", "b") == ledger.batch_key("a", "b")
    assert len({ledger.batch_key("a", "b"), ledger.batch_key("ab"), ledger.batch_key("b", "a")}) == 3


def test_encoding_is_strict():
    whole = b"".join(bytes(buffer) for buffer in codec.encode({"a": np.arange(3.0)}))
    assert np.array_equal(codec.decode(whole)["a"], [0.0, 1.0, 2.0])
    for broken in (whole[:-1], whole + b"x", b"", b"\x02\x00\x00\x00[]x", b"\x03\x00\x00\x00{}}"):
        with pytest.raises(ValueError, match="payload"):
            codec.decode(broken)
