"""Ledgers and jobs that are killed: real processes, SIGKILL."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from ledger_worker import KEY, check

from lodestone.artifacts.ledger import Ledger, LedgerError

WORKER = Path(__file__).with_name("ledger_worker.py")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "loops.h5.ledger"


def start(mode, path, count):
    """Start a worker and wait until it has opened its file."""
    worker = subprocess.Popen([sys.executable, WORKER, mode, path, str(count)], stdout=subprocess.PIPE, text=True)
    assert worker.stdout.readline() == "open\n"
    return worker


def kill(worker, after=0, delay_s=0.0):
    """Kill a worker some time `after` so many items; return the items that it reported."""
    reported = [int(worker.stdout.readline()) for _ in range(after)]
    time.sleep(delay_s)
    worker.send_signal(signal.SIGKILL)
    reported += [int(line) for line in worker.stdout.read().split()]
    worker.wait()
    worker.stdout.close()
    return reported


def test_killed_at_random_moments(path):
    """A real process, killed again and again: what it reported is there, and nothing is wrong or torn."""
    rng, done, count = np.random.default_rng(5), 0, 100_000
    for _ in range(8):
        worker = start("ledger", path, count)
        reported = kill(worker, rng.integers(0, 6), rng.uniform(0.0, 0.02))
        assert reported == list(range(done, done + len(reported)))  # went on where it had stopped
        with Ledger(path, KEY) as book:
            # An item may be on disk a moment before it is reported.
            assert len(book) in (done + len(reported), done + len(reported) + 1)
            done = len(book)
            check(book, range(done))
    assert 8 < done < count
    subprocess.run([sys.executable, WORKER, "ledger", path, str(done + 5)], check=True, stdout=subprocess.DEVNULL)
    with Ledger(path, KEY) as book:
        check(book, range(done + 5))


def test_one_process_at_a_time(path):
    worker = start("ledger", path, 100_000)
    try:
        with (
            pytest.raises(LedgerError, match=r"loops\.h5\.ledger: found it in use"),
            Ledger(path, KEY, lock_timeout_s=0.2),
        ):
            pass
    finally:
        kill(worker)
    with Ledger(path, KEY, lock_timeout_s=0.2) as book:  # the lock died with the process
        assert book.done == set(range(len(book)))
