"""Random streams that depend on nothing but the seed, the stage and the item's index.

Results then do not depend on how items are batched, on the number of cores or on restarts.
"""

from __future__ import annotations

import numpy as np

# Numbers are part of every result: add new stages, never renumber or reuse one.
STAGES = {
    "labelled_structures": 0,
    "autoencoder_structures": 1,
    "autoencoder_validation": 2,
    "autoencoder_training": 3,
    "regressor": 4,
    "split": 5,
    "baseline": 6,
    "inverse": 7,
    "morphing": 8,
    "monte_carlo": 9,
    "graph_model": 10,
    "graph_model_split": 11,
    "transfer": 12,
    "search_seed": 13,
    "search_variation": 14,
    "training_copies": 16,
    "pretraining_copies": 17,
    "published_labels": 18,
    "spin_orderings": 19,
    "spin_snapshots": 20,
    "spin_held": 21,
    "spin_folds": 24,
    "spin_fit": 25,
    "spin_dynamics": 26,
    "spin_learning": 27,
    "spin_points": 28,
    "spin_asked": 29,
}


def seed_sequence(seed: int, stage: str, index: int = 0) -> np.random.SeedSequence:
    """Seed sequence of one item, ``SeedSequence(seed, spawn_key=(stage, index))``.

    Parameters
    ----------
    seed : int
        The run's seed, at least 0.
    stage : str
        A key of `STAGES`.
    index : int
        Number of the item within the stage, at least 0.

    Raises
    ------
    ValueError
        If the stage is unknown or a number is negative.
    """
    if stage not in STAGES:
        raise ValueError(f"stage: found {stage!r}, allowed are {', '.join(STAGES)}")
    if seed < 0 or index < 0:
        raise ValueError(f"seed and index: found {seed} and {index}, expected both to be at least 0")
    return np.random.SeedSequence(int(seed), spawn_key=(STAGES[stage], int(index)))


def stream(seed: int, stage: str, index: int = 0) -> np.random.Generator:
    """Random generator of one item; see `seed_sequence` for the parameters."""
    return np.random.default_rng(seed_sequence(seed, stage, index))


def integer(seed: int, stage: str, index: int = 0) -> int:
    """One 63-bit integer of the item's stream, to seed libraries that keep their own generator."""
    return int(seed_sequence(seed, stage, index).generate_state(1, np.uint64)[0] >> np.uint64(1))
