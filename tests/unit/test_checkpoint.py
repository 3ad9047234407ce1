"""A checkpoint is whole or not there."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from ledger_worker import KEY, state
from test_ledger_killed import kill, start

from lodestone.artifacts.checkpoint import Checkpoint


def assert_state(loaded, epoch):
    assert loaded["weights"].dtype == np.float32
    assert np.array_equal(loaded["weights"], state(epoch)["weights"])
    assert int(loaded["epoch"]) == epoch


def test_the_last_state_comes_back(tmp_path):
    checkpoint = Checkpoint(tmp_path / "deep" / "a.checkpoint", KEY)
    assert checkpoint.load() is None
    for epoch in range(3):
        checkpoint.save(state(epoch))
    assert_state(Checkpoint(checkpoint.path, KEY).load(), 2)
    assert [p.name for p in checkpoint.path.parent.iterdir()] == ["a.checkpoint"]
    checkpoint.remove()
    checkpoint.remove()
    assert checkpoint.load() is None


def test_another_key_is_ignored(tmp_path, caplog):
    Checkpoint(tmp_path / "a", KEY).save(state(1))
    with caplog.at_level(logging.WARNING):
        assert Checkpoint(tmp_path / "a", "b" * 64).load() is None
    assert "a: belongs to other inputs or settings; starting from the beginning" in caplog.text


def test_truncation_at_every_byte(tmp_path):
    checkpoint = Checkpoint(tmp_path / "a", KEY)
    checkpoint.save({"w": np.arange(4.0), "epoch": np.array(3)})
    data = checkpoint.path.read_bytes()
    logging.disable(logging.WARNING)
    try:
        for size in range(len(data)):
            checkpoint.path.write_bytes(data[:size])
            assert checkpoint.load() is None
        for position in range(len(data)):
            checkpoint.path.write_bytes(data[:position] + bytes([data[position] ^ 0x5A]) + data[position + 1 :])
            assert checkpoint.load() is None
        checkpoint.path.write_bytes(data + b"x")
        assert checkpoint.load() is None
    finally:
        logging.disable(logging.NOTSET)
    checkpoint.path.write_bytes(data)
    assert np.array_equal(checkpoint.load()["w"], np.arange(4.0))


def test_a_failed_save_keeps_the_former_state(tmp_path):
    checkpoint = Checkpoint(tmp_path / "a", KEY)
    checkpoint.save(state(1))
    with pytest.raises(TypeError, match="array 'w'"):
        checkpoint.save({"w": np.array(["text"])})
    assert_state(checkpoint.load(), 1)


def test_killed_at_random_moments(tmp_path):
    """A real process, killed again and again: the state is whole and no older than the last one reported."""
    rng, path, last, count = np.random.default_rng(6), tmp_path / "a", -1, 100_000
    for _ in range(6):
        worker = start("checkpoint", path, count)
        reported = kill(worker, rng.integers(0, 6), rng.uniform(0.0, 0.02))
        assert reported == list(range(last + 1, last + 1 + len(reported)))
        loaded = Checkpoint(path, KEY).load()
        if loaded is None:
            assert reported == []
            continue
        epoch = int(loaded["epoch"])
        assert epoch in (last + len(reported), last + len(reported) + 1)
        assert_state(loaded, epoch)
        last = epoch
    assert last > 3
