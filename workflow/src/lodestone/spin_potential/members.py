"""Many fits of one form to one data set, each finished one kept: ensembles and folds of a cross-validation."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lodestone import paths
from lodestone.artifacts.base import Provenance
from lodestone.artifacts.ledger import Ledger
from lodestone.artifacts.spin_data import SpinData
from lodestone.artifacts.spin_fits import SpinFits
from lodestone.spin_potential.configurations import Configurations
from lodestone.spin_potential.errors import rmse
from lodestone.spin_potential.fitting import FitSettings, fit, with_linear_parameters
from lodestone.spin_potential.loss import Labels, Target, Weights
from lodestone.spin_potential.potential import SpinPotential

_FORM = ("level", "radial_size", "magnetic_size", "r_min_A", "r_cut_A", "m_max_muB", "magnetic_weight")
_STACKED = ("parameter", "trained", "train_rmse", "test_rmse", "converged")


@dataclass(frozen=True, eq=False)
class Member:
    """One fit: a number that is its own, the configurations that it sees, and its random numbers."""

    number: int
    rows: NDArray[np.int64]
    rng: np.random.Generator


def share(count: int, batch: int, batches: int) -> range:
    """Numbers of the members that are fitted in one of `batches` jobs: neighbours, as evenly as can be."""
    return range(count * batch // batches, count * (batch + 1) // batches)


def joined(parts: Sequence[SpinFits]) -> SpinFits:
    """Put the members of several artifacts of one form behind one another.

    Raises
    ------
    ValueError
        If they are of different forms.
    """
    first = parts[0]
    for other in parts[1:]:
        for name in _FORM:
            if getattr(other, name) != getattr(first, name):
                found = f"{getattr(first, name)} and {getattr(other, name)}"
                raise ValueError(f"{name}: found {found}, expected fits of one form")
    stacked: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _STACKED}
    steps = np.concatenate([np.diff(part.step_offset) for part in parts])
    return dataclasses.replace(
        first,
        **stacked,
        step_offset=np.concatenate([[0], np.cumsum(steps)]).astype(np.int64),
        loss=np.concatenate([part.loss for part in parts]),
    )


def fit_members(
    data: SpinData,
    members: Sequence[Member],
    settings: Mapping[str, Any],
    output: str,
    provenance: Provenance,
    log: logging.Logger,
) -> SpinFits:
    """Fit each member; those that a ledger beside `output` holds are not fitted again.

    Parameters
    ----------
    data : SpinData
        Labels.
    members : sequence of Member
    settings : mapping
        level, radial_size, magnetic_size, r_min_A, r_cut_A, m_max_muB, energy_weight, force_weight, stress_weight,
        magnetic_weight, and those of `FitSettings`.
    output : path
        Where the artifact will lie.
    provenance : Provenance
        Of the artifact.
    log : Logger
        Told about the progress.

    Raises
    ------
    ConfigurationError
        For a label that the weights ask for and the data do not have, and moments beyond `m_max_muB`.
    """
    configurations, labels = data.configurations(), data.labels()
    configurations.require_fit(random_potential(data.species, settings, np.random.default_rng(0)))
    with Ledger(paths.ledger(output), provenance.key, log=log) as ledger:
        for member in members:
            if member.number in ledger.done:
                log.info("member %d: was fitted before", member.number)
                continue
            ledger.append(member.number, _fitted(data, configurations, labels, member, settings, log))
        found = [ledger.read(member.number) for member in members]
        made = _packed(data, found, settings, provenance)
        made.write(output)
        ledger.remove()
    return made


def target_of(configurations: Configurations, labels: Labels, rows: NDArray, settings: Mapping[str, Any]) -> Target:
    """Return some configurations with their labels and the weights of the settings."""
    chosen = rows.tolist()
    weights = Weights(**{name: settings[f"{name}_weight"] for name in ("energy", "force", "stress", "magnetic")})
    return Target(configurations.select(chosen), labels.select(configurations, chosen), weights)


def random_potential(species: Sequence[str], settings: Mapping[str, Any], rng: np.random.Generator) -> SpinPotential:
    """Return a random potential of the form that the settings give."""
    sizes = {name: settings[name] for name in ("magnetic_size", "radial_size", "r_min_A", "r_cut_A", "m_max_muB")}
    return SpinPotential.random(species, level_number=settings["level"], rng=rng, **sizes)


def fit_settings(settings: Mapping[str, Any]) -> FitSettings:
    """Return how to fit, from the settings of a job."""
    return FitSettings(**{field.name: settings[field.name] for field in dataclasses.fields(FitSettings)})


def _fitted(
    data: SpinData,
    configurations: Configurations,
    labels: Labels,
    member: Member,
    settings: Mapping[str, Any],
    log: logging.Logger,
) -> dict[str, NDArray]:
    """Fit one member, and find its errors."""
    target = target_of(configurations, labels, member.rows, settings)
    start = with_linear_parameters(random_potential(data.species, settings, member.rng), target, settings["ridge"])
    made = fit(start, target, fit_settings(settings), log)
    errors = rmse(made.potential, configurations, labels)
    trained = np.zeros(len(data), bool)
    trained[member.rows] = True
    train, test = errors(trained), errors(~trained)
    log.info(
        "member %d: %d steps, loss %.3e; energy %.2f meV/atom, magnetic forces %.1f meV/mu_B where fitted",
        member.number, len(made.losses), made.losses[-1] if len(made.losses) else np.nan, train[0], train[3],
    )  # fmt: skip
    return {
        "parameter": made.potential.parameters(),
        "trained": trained.astype(np.uint8),
        "train_rmse": train,
        "test_rmse": test,
        "loss": made.losses,
        "converged": np.array([made.converged], np.uint8),
    }


def _packed(
    data: SpinData,
    found: Sequence[Mapping[str, NDArray]],
    settings: Mapping[str, Any],
    provenance: Provenance,
) -> SpinFits:
    """Put the members into the artifact."""
    names = ("parameter", "trained", "train_rmse", "test_rmse")
    stacked: dict[str, Any] = {name: np.stack([one[name] for one in found]) for name in names}
    losses = [one["loss"] for one in found]
    return SpinFits(
        **stacked,
        step_offset=np.concatenate([[0], np.cumsum([len(one) for one in losses])]).astype(np.int64),
        loss=np.concatenate(losses),
        converged=np.concatenate([one["converged"] for one in found]),
        species=data.species,
        labels_from=data.labels_from,
        **{name: settings[name] for name in _FORM},
        provenance=provenance,
    )
