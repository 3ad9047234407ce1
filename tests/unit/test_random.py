"""Random streams depend on the seed, the stage and the item, and on nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from lodestone import random


def test_a_stream_is_the_documented_one():
    expected = np.random.default_rng(np.random.SeedSequence(2022, spawn_key=(3, 17)))
    assert np.array_equal(random.stream(2022, "autoencoder_training", 17).random(5), expected.random(5))


def test_streams_never_change():
    """Other numbers here would silently change every result; then raise the algorithm versions of all rules."""
    assert random.stream(2022, "labelled_structures", 0).integers(0, 1000, 6).tolist() == [652, 476, 149, 180, 993, 413]
    assert random.integer(2022, "regressor", 1) == 716949944620360944
    assert random.STAGES == {
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


def test_streams_differ_by_seed_stage_and_item():
    streams = [
        random.stream(seed, stage, index).random(4).tobytes()
        for seed in (0, 1)
        for stage in random.STAGES
        for index in (0, 1, 2)
    ]
    assert len(set(streams)) == len(streams)


def test_streams_of_neighbours_are_not_correlated():
    draws = np.stack([random.stream(1, "labelled_structures", i).random(1000) for i in range(40)])
    correlation = np.corrcoef(draws)[np.triu_indices(40, 1)]
    # 780 pairs of 1,000 draws: each correlation has a standard deviation of 0.032; five of these hold but once in 2e3.
    assert np.abs(correlation).max() < 5 / np.sqrt(1000)


def test_integers_fit_libraries_with_seeds_of_63_bits():
    values = [random.integer(1, "regressor", i) for i in range(50)]
    assert len(set(values)) == 50
    assert 0 <= min(values) < max(values) < 2**63


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, "loops", 0), "stage: found 'loops', allowed are labelled_structures"),
        ((-1, "split", 0), "seed and index: found -1 and 0, expected both to be at least 0"),
        ((1, "split", -2), "seed and index: found 1 and -2"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        random.stream(*arguments)
