"""Transfer of the output layer alone, by least squares; see `heads` and `transfer`."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lodestone.artifacts.graph_model import GraphModel
from lodestone.graph_models import bodies, elements, ensemble, heads, losses, mechanics
from lodestone.graph_models.bodies import Body
from lodestone.graph_models.heads import Choice, Equations
from lodestone.graph_models.model import HEAD, PER_CELL, choose_device, element_table, heads_of, network_of, with_heads
from lodestone.graph_models.outcome import Outcome, Push
from lodestone.graph_models.partition import BOOTSTRAP, STAGE, Partition
from lodestone.graph_models.samples import Samples
from lodestone.random import stream

if TYPE_CHECKING:
    from lodestone.graph_models.transfer import TransferSettings

Array = NDArray[np.float64]
Solution = tuple[NDArray[np.float32], Array]  # (w, b) of an output, and the values of the elements (119,)


def run(
    model: GraphModel,
    samples: Samples,
    partition: Partition,
    settings: TransferSettings,
    seed: int,
    log: logging.Logger,
    body: Body | None = None,
) -> Outcome:
    """Fit an ensemble of output layers; nothing else of the model moves.

    `body` may come ready, from a network that this room cannot run itself.
    """
    device = choose_device(settings.device)
    network = network_of(model, device)
    network.tabulate()
    body = body or bodies.features(network, samples.geometries, device)
    log.info("features of %d crystals", len(samples))
    columns = [_column(model, samples, body, k) for k in range(len(samples.targets))]
    fits = [_Fit(samples, partition, settings, seed, body.features, column) for column in columns]
    if model.is_force_field:
        learned = partition.train_rows[samples.has_forces[partition.train_rows]]
        rows = mechanics.equations(network, samples, learned, fits[0].weights, settings.force_equations, seed, device)
        log.info("%d equations of forces and stresses", rows.count)
        fits[0].push_on(rows)
    for each in fits:
        each.run()
    specialised = _assembled(model, fits)
    pushes = [mechanics.push(m, samples, device) if model.is_force_field else Push() for m in (model, specialised)]
    named = zip(samples.targets, fits, strict=True)
    return Outcome(
        samples=samples,
        partition=partition,
        coverage_level=settings.coverage_level,
        parameter=specialised.parameter,
        element=specialised.element,
        element_value=specialised.element_value,
        before=np.stack([column.before for column in columns], axis=1),
        referenced=np.stack([each.referenced for each in fits], axis=1),
        members=np.stack([each.members for each in fits], axis=-1),
        out_of_fold=np.stack([each.out_of_fold for each in fits], axis=1),
        fold_sigma=np.stack([each.fold_sigma for each in fits], axis=1),
        moved=list(HEAD),
        chosen={"chosen": {name: each.choice.recorded() for name, each in named}},
        push_before=pushes[0],
        push_after=pushes[1],
    )


@dataclass(frozen=True)
class Column:
    """One target at the start.

    Attributes
    ----------
    number : int
    before : ndarray, (crystal,)
        Prediction of the model as it came.
    added : ndarray, (crystal,)
        What the repulsion adds to the output layer, whatever its weights.
    table : ndarray, (119,)
        Values of the elements.
    head : ndarray, (hidden + 1,) or None
        Weights and constant to start from, where they mean the same target.
    """

    number: int
    before: Array
    added: Array
    table: Array
    head: Array | None


def _column(model: GraphModel, samples: Samples, body: Body, k: int) -> Column:
    """Make a column of what the model says."""
    table = element_table(model)[:, k]
    added = body.repulsion_eV_per_atom if model.is_force_field else np.zeros(len(samples))
    before = body.output[:, k] + added + samples.composition @ table
    if model.target_names[k] in PER_CELL:
        return Column(k, before / samples.site_counts, added, np.zeros_like(table), None)
    weight, bias = heads_of(model)[0]
    return Column(k, before, added, table, np.append(weight[k], bias[k]))


class _Fit:
    """Output layers of one target."""

    def __init__(
        self,
        samples: Samples,
        partition: Partition,
        settings: TransferSettings,
        seed: int,
        features: Array,
        column: Column,
    ) -> None:
        self.samples, self.partition, self.settings, self.seed = samples, partition, settings, seed
        self.column = column
        self.true, self.exists = samples.value[:, column.number], samples.exists[:, column.number]
        self.composition = samples.composition
        self.inputs = np.column_stack([features, np.ones(len(features))])
        rows = partition.train_rows
        self.base = column.before if column.head is not None else np.zeros(len(self.true))
        error = (self.true - self.base)[rows, None]
        self.penalty = elements.choose_penalty(self.composition[rows], error, self.exists[rows, None], partition.fold)
        self.table, self.start = self.reference(rows)
        left = self.true - self.composition @ self.table
        w = (settings.energy_weight, settings.force_weight, settings.stress_weight)
        self.weights = losses.Weights(*w, *losses.scales(samples, rows, left))
        self.scale = np.sqrt(settings.energy_weight) / self.weights.energy_scale_eV
        self.rows = mechanics.Rows.none(len(samples), features.shape[1])

    def push_on(self, rows: mechanics.Rows) -> None:
        """Let forces and stresses take part."""
        self.rows = rows

    def run(self) -> None:
        """Choose the penalty, fit the ensemble, and predict the training crystals without their folds."""
        rows, column = self.partition.train_rows, self.column
        equations = self.equations(self.table)
        group = self.samples.group[rows]
        self.choice: Choice = heads.choose(equations, rows, self.partition.fold, group, self.start)
        prior = self.choice.prior_name
        self.solutions = self.ensemble(rows, self.table, self.start[prior], 0)
        self.members = self.predict(self.solutions)
        shift = (
            self.start["pretrained"][-1] - column.head[-1] if column.head is not None else self.start["constant"][-1]
        )
        self.referenced = self.base + shift + self.composition @ (self.table - column.table)
        self.out_of_fold = np.full(len(self.true), np.nan)
        self.fold_sigma = np.zeros(len(self.true))
        for k in self.partition.folds:
            inside, out = rows[self.partition.fold != k], rows[self.partition.fold == k]
            table, start = self.reference(inside)
            members = self.predict(self.ensemble(inside, table, start[prior], 1 + int(k)))[:, out]
            self.out_of_fold[out], self.fold_sigma[out] = members.mean(0), ensemble.spread(members)

    def reference(self, rows: NDArray[np.int64]) -> tuple[Array, dict[str, Array]]:
        """Values of the elements (119,), and the layers that the fit may start from.

        With a refit the elements take up what is linear in the composition of the error of the model as it came.
        """
        column = self.column
        table, shift = column.table, 0.0
        if self.settings.element_reference_refit:
            error, exists = (self.true - self.base)[rows, None], self.exists[rows, None]
            mean, change = elements.fit(self.composition[rows], error, exists, self.penalty)
            table, shift = table + change[:, 0], float(mean[0])
        known = rows[self.exists[rows]]
        left = (self.true - column.added - self.composition @ table)[known]
        constant = np.zeros(self.inputs.shape[1])
        constant[-1] = left.mean() if len(left) else 0.0
        start = {"constant": constant}
        if column.head is not None:
            start = {"pretrained": np.append(column.head[:-1], column.head[-1] + shift), **start}
        return table, start

    def equations(self, table: Array) -> Equations:
        """Equations of every crystal for given values of the elements."""
        left = self.true - self.column.added - self.composition @ table
        rows, values = [], []
        for k, exists in enumerate(self.exists):
            weight = self.scale * exists
            pushed = np.pad(self.rows.matrix[k], ((0, 0), (0, 1)))
            rows.append(np.vstack([weight * self.inputs[k], pushed]))
            values.append(np.append(weight * left[k], self.rows.value[k]))
        return Equations.of(rows, values)

    def ensemble(self, rows: NDArray[np.int64], table: Array, prior: Array, fold: int) -> list[Solution]:
        """Output layers from bootstrap samples of some crystals, or one from all of them."""
        equations, count = self.equations(table), len(self.true)
        solutions = []
        for member in range(self.settings.ensemble):
            weight = np.zeros(count)
            weight[rows] = 1.0
            if self.settings.ensemble > 1:
                index = ((BOOTSTRAP * 1000 + self.column.number) * 1000 + fold) * 1000 + member
                weight = heads.bootstrap_weights(self.samples.group, rows, stream(self.seed, STAGE, index), count)
            solution = equations.solve(weight, prior, self.choice.strength)
            solutions.append((solution.astype(np.float32), table))
        return solutions

    def predict(self, solutions: list[Solution]) -> Array:
        """Predictions of output layers for all crystals, (member, crystal)."""
        added = self.column.added
        return np.stack([self.inputs @ x.astype(float) + added + self.composition @ table for x, table in solutions])


def _assembled(model: GraphModel, fits: list[_Fit]) -> GraphModel:
    """Return the ensemble: one output layer a member, the same values of the elements for all."""
    layers = []
    for member in range(len(fits[0].solutions)):
        rows = np.stack([each.solutions[member][0] for each in fits])
        layers.append((rows[:, :-1].copy(), rows[:, -1].copy()))
    element, value = elements.pack(np.stack([each.table for each in fits], axis=1))
    return with_heads(model, layers, element=element, element_value=value)
