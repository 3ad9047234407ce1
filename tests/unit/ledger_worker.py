"""Stand-in for a job that gets killed: ``python ledger_worker.py MODE PATH COUNT``; each line printed is a promise."""

from __future__ import annotations

import sys

import numpy as np

from lodestone.artifacts.checkpoint import Checkpoint
from lodestone.artifacts.ledger import Ledger

KEY = "a" * 64


def result(item: int) -> dict[str, np.ndarray]:
    """What item `item` comes to; sizes differ, so that frames end anywhere."""
    rng = np.random.default_rng(item)
    return {"curve": rng.normal(size=3 + 4 * (item % 5)), "status": np.uint8(item % 3)}


def state(epoch: int) -> dict[str, np.ndarray]:
    """State of a training after `epoch`: every number says which epoch it is from."""
    return {"weights": np.full((300, 41), epoch, np.float32), "epoch": np.array(epoch)}


def check(book, items):
    assert book.done == set(items)
    found = list(book.items())
    assert [item for item, _ in found] == sorted(items)
    for item, arrays in found:
        assert_result(item, arrays)


def assert_result(item, arrays):
    expected = result(item)
    assert list(arrays) == list(expected)
    for name, value in expected.items():
        assert arrays[name].dtype == value.dtype
        assert np.array_equal(arrays[name], value)


def fill_ledger(path: str, count: int) -> None:
    """Work off a batch, as far as it goes."""
    with Ledger(path, KEY) as ledger:
        print("open", flush=True)
        for item in sorted(set(range(count)) - ledger.done):
            ledger.append(item, result(item))
            print(item, flush=True)


def save_checkpoints(path: str, count: int) -> None:
    """Train from the last checkpoint on."""
    checkpoint = Checkpoint(path, KEY)
    loaded = checkpoint.load()
    first = 0 if loaded is None else int(loaded["epoch"]) + 1
    print("open", flush=True)
    for epoch in range(first, count):
        checkpoint.save(state(epoch))
        print(epoch, flush=True)


if __name__ == "__main__":
    {"ledger": fill_ledger, "checkpoint": save_checkpoints}[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
