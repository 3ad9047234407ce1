"""A relaxation of candidates with a slow stand-in model, as a process to be killed."""

import logging
import sys
import time
from pathlib import Path

import numpy as np
from pair_landscape import laves_alloy
from search_crystals import PROVENANCE, at

from lodestone.search import generation, relaxing

LIMITS = {"force_tolerance_eV_A": 0.05, "stress_tolerance_eV_A3": 0.005, "max_steps": 60, "at_once": 3}
SETTINGS = at(2, 4, population=12, relaxation=LIMITS)
GENERATION = at(2, 4, population=200, relaxation={**LIMITS, "max_steps": 8})
SHORT = at(2, 4, population=5, relaxation={**LIMITS, "max_steps": 8})


def company(geometries):
    """A landscape whose answers depend a little on who is asked together, as in single precision."""
    own = laves_alloy()
    tint = 1e-7 * sum(float(np.abs(g.lattice_A).sum()) for g in geometries)
    answers = own(geometries)
    for answer in answers:
        if not answer.failure:
            answer.forces_eV_A[:] *= 1 + tint
    return answers


def chgnet():
    """The real model on one thread."""
    from lodestone.dft.chgnet import Evaluator

    return Evaluator("0.3.0", "cpu", 1)


def relaxed(path, diary=None, slow=0.0, batch=0, batches=1, evaluate=company, settings=SETTINGS):
    """Relax one batch; every call of the model writes a line to the diary."""

    def model(geometries):
        time.sleep(slow)
        answers = evaluate(geometries)
        if diary:
            with Path(diary).open("a") as lines:
                lines.write(f"{len(geometries)}\n")
        return answers

    made = generation.first_generation(settings, 5)
    groups = [[made[k] for k in rows] for rows in relaxing.share(len(made), 3, batch, batches)]
    outcomes = relaxing.relax_batch(groups, model, settings, path, "a key", logging.getLogger("search"))
    every = [candidate for group in groups for candidate in group]
    return relaxing.pack(every, outcomes, PROVENANCE)


def choices(model):
    """What a named model relaxes, and with what."""
    if model == "chgnet":
        return {"evaluate": chgnet(), "settings": SHORT}
    return {"settings": GENERATION if model == "generation of 200" else SETTINGS}


if __name__ == "__main__":
    ledger, diary, output, slow, model = sys.argv[1:]
    relaxed(ledger, diary, float(slow), **choices(model)).write(output)
