"""The inverse problem: grain structures with a wanted remanence, coercive field and squareness.

A genetic algorithm over Voronoi structures minimises, with the learned forward model (encoder and regressor ensemble),

    distance(predicted, wanted) + UNCERTAINTY_WEIGHT * spread over the ensemble and the symmetric copies,

root-mean-squares over the three figures (M_r over M_s, H_c over H_A, squareness H_k90 / H_c). The best structures that
differ from each other are recomputed by micromagnetics: only then is it known how close they came.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pymoo.algorithms.soo.nonconvex.ga import GA
from pymoo.core.callback import Callback
from pymoo.core.problem import Problem
from pymoo.optimize import minimize

from lodestone.artifacts.dataset import ANCHORS
from lodestone.artifacts.inverse import FIGURES, InverseDesigns
from lodestone.artifacts.ledger import Ledger, batch_key
from lodestone.artifacts.network import Network
from lodestone.artifacts.predictions import Predictions
from lodestone.artifacts.provenance import Provenance
from lodestone.design import genome
from lodestone.logs import Progress
from lodestone.loop_learning import ensemble
from lodestone.loop_learning.forward import ForwardModel
from lodestone.loop_learning.recompute import LoopSolver
from lodestone.magnetism.material import Material
from lodestone.microstructure.voronoi import Sample, label_cells
from lodestone.random import integer

UNCERTAINTY_WEIGHT = 2.0
DIFFERENT_AXES = 0.1  # mean of 1 - |cos| of twice the angle between axes above which two structures count as different
ALGORITHM = 2
M_R, H_K90, H_C = (ANCHORS.index(name) for name in ("M_r", "H_k90", "H_c"))


def figures_of(anchor: np.ndarray) -> np.ndarray:
    """Return (..., figure) M_r, H_c and squareness of anchor points (..., 6); a vanishing H_c gives squareness 0."""
    h_c = anchor[..., H_C]
    squareness = np.divide(anchor[..., H_K90], h_c, out=np.zeros_like(h_c), where=h_c > 1e-6)
    return np.stack([anchor[..., M_R], h_c, squareness], axis=-1)


@dataclass(frozen=True)
class Found:
    """Prediction of the three figures for some structures, each field (structure, figure)."""

    predicted: np.ndarray
    spread: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


class FigureModel:
    """Forward model from genomes to the three figures, with calibrated intervals."""

    def __init__(self, model: ForwardModel, fold_predictions: Sequence[Predictions], cells: int) -> None:
        self.model, self.cells = model, cells
        target = np.concatenate([figures_of(p.target) for p in fold_predictions])
        predicted = np.concatenate([figures_of(p.predicted) for p in fold_predictions])
        exists = np.concatenate([p.target_exists.astype(bool) for p in fold_predictions])
        level = fold_predictions[0].coverage_level
        both = exists[:, H_K90] & exists[:, H_C]
        masks = (exists[:, M_R], exists[:, H_C], both)
        self.half_width = np.array(
            [
                ensemble.conformal_quantile(np.abs(target - predicted)[mask, k], level) if mask.any() else 0.0
                for k, mask in enumerate(masks)
            ]
        )

    def axes(self, samples: Sequence[Sample]) -> np.ndarray:
        """Return the easy-axis angles (structure, ny, nx) of genomes."""
        return np.stack([s.grain_angle_rad.astype(np.float32)[label_cells(s.seed_xy, self.cells)] for s in samples])

    def predict(self, samples: Sequence[Sample]) -> Found:
        """Predict the figures of genomes; their spread is that over members of the ensemble and symmetric copies."""
        outputs = figures_of(self.model.outputs(self.axes(samples)))
        predicted = outputs.mean(0)
        return Found(predicted, outputs.std(0), predicted - self.half_width, predicted + self.half_width)


class _Search(Problem):
    """One goal as a problem for pymoo: genomes in, penalised distance out."""

    def __init__(self, model: FigureModel, goal: np.ndarray) -> None:
        super().__init__(n_var=1, n_obj=1, vtype=object)
        self.model, self.goal = model, goal

    def _evaluate(self, x: np.ndarray, out: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        found = self.model.predict(list(x[:, 0]))
        out["F"] = (distance(found.predicted, self.goal) + UNCERTAINTY_WEIGHT * rms(found.spread))[:, None]


class _History(Callback):
    """Smallest penalised distance of each generation, and progress."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self.best: list[float] = []
        self.progress = progress

    def notify(self, algorithm: Any) -> None:
        """Record one generation."""
        self.best.append(float(algorithm.pop.get("F").min()))
        self.progress.update(1)


def rms(values: np.ndarray) -> np.ndarray:
    """Return the root of the mean square over the last axis."""
    return np.sqrt((values**2).mean(-1))


def distance(figures: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Return the root-mean-square difference from the goal over the three figures."""
    return rms(figures - goal)


def different(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two fields of easy axes differ by more than details."""
    return float((1 - np.abs(np.cos(a - b))).mean()) > DIFFERENT_AXES


def pick_different(axes: np.ndarray, order: np.ndarray, count: int) -> list[int]:
    """Return the first `count` structures in the given order that differ; fill up if there are fewer."""
    chosen: list[int] = []
    for k in order:
        if len(chosen) < count and all(different(axes[k], axes[c]) for c in chosen):
            chosen.append(int(k))
    rest = [int(k) for k in order if int(k) not in chosen]
    return (chosen + rest)[:count]


def evolve(
    model: FigureModel,
    goal: np.ndarray,
    number: int,
    settings: Mapping[str, Any],
    limits: genome.Limits,
    seed: int,
    log: logging.Logger,
) -> tuple[list[Sample], np.ndarray]:
    """Search for one goal; returns the best different genomes and the smallest error of each generation."""
    log.info("goal %d: %s", number + 1, dict(zip(FIGURES, goal.tolist(), strict=True)))
    history = _History(Progress(settings["generations"], "generations", log))
    algorithm = GA(
        pop_size=settings["population"],
        sampling=genome.StructureSampling(limits),
        crossover=genome.StructureCrossover(limits),
        mutation=genome.StructureMutation(limits),
        eliminate_duplicates=genome.NoTwins(),
    )
    result = minimize(
        _Search(model, goal),
        algorithm,
        ("n_gen", settings["generations"]),
        seed=integer(seed, "inverse", number) % 2**32,
        callback=history,
        verbose=False,
    )
    samples = list(result.pop.get("X")[:, 0])
    order = np.argsort(result.pop.get("F")[:, 0], kind="stable")
    chosen = pick_different(model.axes(samples), order, settings["candidates"])
    return [samples[k] for k in chosen], np.array(history.best)


def search(
    network: Network,
    members: Sequence[Network],
    fold_predictions: Sequence[Predictions],
    settings: Mapping[str, Any],
    structure_settings: Mapping[str, Any],
    loop_settings: Mapping[str, Any],
    material: Material,
    seed: int,
    ledger_path: str,
    log: logging.Logger,
    *,
    provenance: Provenance,
) -> InverseDesigns:
    """Find structures for every goal and recompute the best; finished loops are kept in the ledger.

    Parameters
    ----------
    settings : mapping
        Section `inverse` of the config: `goals`, `population`, `generations`, `candidates`.
    structure_settings, loop_settings : mapping
        Sections `structures` and `loops`.

    Returns
    -------
    InverseDesigns
        Wanted, predicted and computed figures of every candidate.
    """
    forward = ForwardModel(network, members, fold_predictions)
    model = FigureModel(forward, fold_predictions, structure_settings["cells"])
    limits = genome.Limits(structure_settings)
    goals = np.array([[goal[name] for name in FIGURES] for goal in settings["goals"]], np.float64)
    samples, errors = [], []
    for number, goal in enumerate(goals):
        chosen, best = evolve(model, goal, number, settings, limits, seed, log)
        samples += chosen
        errors.append(best)
    solver = LoopSolver(structure_settings, loop_settings, material, log)
    loops = _recompute(samples, model, solver, ledger_path, provenance, log)
    found = model.predict(samples)
    shape = (len(goals), settings["candidates"])
    exists = loops["exists"].astype(bool)
    computed = figures_of(np.where(exists, loops["anchor"], 0.0)).reshape(*shape, -1)
    computed_exists = np.stack([exists[:, M_R], exists[:, H_C], exists[:, H_K90] & exists[:, H_C]], -1)
    labels = np.stack([label_cells(s.seed_xy, model.cells) for s in samples])
    return InverseDesigns(
        goal=goals,
        predicted=found.predicted.reshape(*shape, -1),
        predicted_lower=found.lower.reshape(*shape, -1),
        predicted_upper=found.upper.reshape(*shape, -1),
        computed=np.where(computed_exists.reshape(*shape, -1), computed, 0.0),
        computed_exists=computed_exists.reshape(*shape, -1).astype(np.uint8),
        grain_label=labels.reshape(*shape, *labels.shape[1:]),
        axis_angle_rad=model.axes(samples).reshape(*shape, *labels.shape[1:]),
        field_T=solver.field_T,
        magnetisation=loops["magnetisation"].reshape(*shape, -1),
        best_error=np.stack(errors),
        encoding=network.encoding,
        provenance=provenance,
    )


def _recompute(
    samples: Sequence[Sample],
    model: FigureModel,
    solver: LoopSolver,
    ledger_path: str,
    provenance: Provenance,
    log: logging.Logger,
) -> dict[str, np.ndarray]:
    """Compute the loops of all candidates that the ledger lacks; arrays with one row per candidate."""
    axes = model.axes(samples)
    key = batch_key(provenance.config_sha256, hashlib.sha256(axes.tobytes()).hexdigest(), str(ALGORITHM))
    with Ledger(ledger_path, key, log=log) as ledger:
        progress = Progress(len(axes), "loops", log, done=len(ledger.done))
        missing = [item for item in range(len(axes)) if item not in ledger.done]
        for k, arrays in solver.compute(axes[missing]):
            ledger.append(missing[k], arrays)
            progress.update(1)
        rows = [arrays for _, arrays in ledger.items()]
    return {name: np.stack([row[name] for row in rows]) for name in ("anchor", "exists", "magnetisation")}
