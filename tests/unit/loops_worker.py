"""Stand-in for the job of one batch: ``python loops_worker.py GRAINS LOOPS WORKERS``; prints a line per loop done."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path

import numpy as np
from planar_structures import CELL_NM, MATERIAL, PROVENANCE, sweep_T

from lodestone.artifacts.grains import Grains
from lodestone.artifacts.ledger import Ledger
from lodestone.artifacts.loops import Loops
from lodestone.micromagnetics.loops import run_batch

SETTINGS = {"field_step_HA": 0.05, "torque_tolerance": 1e-4, "max_iterations": 20_000}
FIELDS_T = sweep_T(20)


class TalkingLedger(Ledger):
    """Says which items are on disk."""

    def append(self, item, arrays):
        super().append(item, arrays)
        print(item, flush=True)
        time.sleep(0.1)  # so that a kill finds the batch unfinished on a fast machine too


def compute(grains, path, workers, ledger_type=Ledger, settings=SETTINGS):
    """Compute a batch as a job does; the ledger is left for the tests to look at."""
    assert tuple(grains.cell_size_nm) == CELL_NM
    with ledger_type(Path(f"{path}.ledger"), "a" * 64) as ledger:
        computed = run_batch(grains, FIELDS_T, MATERIAL, settings, ledger, workers, logging.getLogger("loops"))
        loops = Loops(**computed, provenance=PROVENANCE)
        loops.write(path)
    return loops


def recorded(path):
    """Items in the ledger of a batch."""
    with Ledger(Path(f"{path}.ledger"), "a" * 64) as ledger:
        return {item: {k: np.array(v) for k, v in arrays.items()} for item, arrays in ledger.items()}


if __name__ == "__main__":
    compute(Grains.read(sys.argv[1]), sys.argv[2], int(sys.argv[3]), TalkingLedger)
