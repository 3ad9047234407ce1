"""Learning curves on data that has its labels already: labels asked for beside labels at random."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lodestone import paths
from lodestone.artifacts.base import Provenance
from lodestone.artifacts.ledger import Ledger
from lodestone.artifacts.spin_data import SpinData
from lodestone.artifacts.spin_learning import NEVER, STRATEGIES, TEST, SpinLearning
from lodestone.spin_potential.active import ask
from lodestone.spin_potential.errors import rmse
from lodestone.spin_potential.fitting import fit, with_linear_parameters
from lodestone.spin_potential.members import fit_settings, random_potential, target_of
from lodestone.spin_potential.potential import SpinPotential


@dataclass(frozen=True, eq=False)
class Beginning:
    """What both strategies have in common.

    Attributes
    ----------
    test : ndarray of int, (configuration,)
        Rows that are never fitted to, whole groups.
    first : ndarray of int, (configuration,)
        Rows labelled at the start.
    order : ndarray of int, (configuration,)
        All other rows, in the order in which random choice takes them.
    start : SpinPotential
        Where the first fit begins.
    """

    test: NDArray[np.int64]
    first: NDArray[np.int64]
    order: NDArray[np.int64]
    start: SpinPotential


def begin(data: SpinData, settings: Mapping[str, Any], rng: np.random.Generator) -> Beginning:
    """Draw test groups, first labels, the order of random choice and the potential to begin with."""
    groups = rng.permutation(np.unique(data.group))
    held_out: list[int] = []
    for group in groups:
        if len(held_out) >= settings["test_fraction"] * len(data):
            break
        held_out += np.flatnonzero(data.group == group).tolist()
    rest = rng.permutation(np.setdiff1d(np.arange(len(data)), held_out))
    count = settings["initial"]
    return Beginning(np.sort(held_out), rest[:count], rest[count:], random_potential(data.species, settings, rng))


def learning_curves(
    data: SpinData,
    settings: Mapping[str, Any],
    rng: np.random.Generator,
    output: str,
    provenance: Provenance,
    log: logging.Logger,
) -> SpinLearning:
    """Label a data set little by little, by grade and at random; labels that were not asked for are not looked at.

    Each finished round is kept in a ledger. Both begin from the same labels and the same potential, and take the same
    number in each round; each fit begins at the potential of the round before.

    Parameters
    ----------
    data : SpinData
    settings : mapping
        Those of `members.fit_members`, and initial, per_round, rounds (numbers), test_fraction.
    rng : numpy.random.Generator
    output : path
        Where the artifact will lie.
    provenance : Provenance
        Of the artifact.
    log : Logger
        Told about the progress.
    """
    common = begin(data, settings, rng)
    rounds, count = settings["rounds"] + 1, len(data)
    found = {}
    with Ledger(paths.ledger(output), provenance.key, log=log) as ledger:
        for number, strategy in enumerate(STRATEGIES):
            rows, potential = common.first, common.start
            for round_ in range(rounds):
                item = number * rounds + round_
                if item not in ledger.done:
                    if round_:
                        rows = np.concatenate([rows, _next(strategy, data, rows, common, potential, settings)])
                    ledger.append(item, _round(data, rows, common, potential, settings))
                kept = found[number, round_] = ledger.read(item)
                rows, potential = kept["rows"], common.start.with_parameters(kept["parameter"])
                log.info(
                    "%s, %d labels: energy %.1f meV/atom, magnetic forces %.0f meV/mu_B on test data",
                    strategy, len(rows), kept["test_rmse"][0], kept["test_rmse"][3],
                )  # fmt: skip
        made = _packed(data, found, common, (len(STRATEGIES), rounds, count), settings, provenance)
        made.write(output)
        ledger.remove()
    return made


def _next(
    strategy: str,
    data: SpinData,
    rows: NDArray[np.int64],
    common: Beginning,
    potential: SpinPotential,
    settings: Mapping[str, Any],
) -> NDArray[np.int64]:
    """Rows to label next."""
    left = common.order[~np.isin(common.order, rows)]
    if strategy == "random":
        return left[: settings["per_round"]]
    whole = data.configurations()
    weights = target_of(whole, data.labels(), rows, settings).weights
    chosen, _ = ask(potential, weights, whole.select(rows.tolist()), whole.select(left.tolist()), settings["per_round"])
    return left[chosen]


def _round(
    data: SpinData,
    rows: NDArray[np.int64],
    common: Beginning,
    potential: SpinPotential,
    settings: Mapping[str, Any],
) -> dict[str, NDArray]:
    """Fit to some rows, and find the errors on the test rows."""
    whole, labels = data.configurations(), data.labels()
    target = target_of(whole, labels, rows, settings)
    start = with_linear_parameters(potential, target, settings["ridge"]) if potential is common.start else potential
    made = fit(start, target, fit_settings(settings), logging.getLogger(__name__)).potential
    tested = np.isin(np.arange(len(data)), common.test)
    return {"rows": rows, "parameter": made.parameters(), "test_rmse": rmse(made, whole, labels)(tested)}


def _packed(
    data: SpinData,
    found: Mapping[tuple[int, int], Mapping[str, NDArray]],
    common: Beginning,
    shape: tuple[int, int, int],
    settings: Mapping[str, Any],
    provenance: Provenance,
) -> SpinLearning:
    """Put the rounds into the artifact."""
    strategies, rounds, count = shape
    round_of = np.full((strategies, count), NEVER, np.int64)
    round_of[:, common.test] = TEST
    for number in range(strategies):
        for round_ in reversed(range(rounds)):
            round_of[number, found[number, round_]["rows"]] = round_
    every = [[found[k, r] for r in range(rounds)] for k in range(strategies)]
    return SpinLearning(
        label_count=np.array([[len(one["rows"]) for one in line] for line in every]),
        test_rmse=np.array([[one["test_rmse"] for one in line] for line in every]),
        round_of=round_of,
        magnetic_size=settings["magnetic_size"],
        magnetic_weight=settings["magnetic_weight"],
        labels_from=data.labels_from,
        provenance=provenance,
    )
