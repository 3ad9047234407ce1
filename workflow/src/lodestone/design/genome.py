"""Grain structures as genomes of a genetic algorithm: seeds and easy axes of a Voronoi structure, of any number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pymoo.core.crossover import Crossover
from pymoo.core.duplicate import ElementwiseDuplicateElimination
from pymoo.core.mutation import Mutation
from pymoo.core.sampling import Sampling

from lodestone.microstructure.voronoi import Sample, draw_sample

SEED_STEP = 0.05  # standard deviation of a seed's mutation, in edges of the square
ANGLE_STEP_RAD = 0.3
CHANGED_PART = 0.2  # part of the grains that a mutation moves or turns


def wrap(angle_rad: np.ndarray, limit_rad: float) -> np.ndarray:
    """Bring angles into [-limit, limit]: first as axes into [-pi/2, pi/2], then clipped."""
    if limit_rad < np.pi / 2:
        return np.clip(angle_rad, -limit_rad, limit_rad)
    return (angle_rad + np.pi / 2) % np.pi - np.pi / 2


def make(seed_xy: np.ndarray, angle_rad: np.ndarray, limit_rad: float) -> Sample:
    """Return a valid genome: seeds inside the square, angles within the limit, theta the largest angle."""
    angle = wrap(angle_rad, limit_rad)
    return Sample(np.clip(seed_xy, 0.0, 1.0), angle, float(np.abs(angle).max(initial=0.0)))


def fit_count(rng: np.random.Generator, sample: Sample, lowest: int, highest: int) -> Sample:
    """Bring the number of grains into [lowest, highest] by dropping seeds, or by splitting grains at random."""
    seed_xy, angle = sample.seed_xy, sample.grain_angle_rad
    if len(angle) > highest:
        keep = np.sort(rng.choice(len(angle), highest, replace=False))
        return Sample(seed_xy[keep], angle[keep], sample.max_misorientation_rad)
    missing = lowest - len(angle)
    if missing > 0:
        source = rng.integers(len(angle), size=missing)
        moved = np.clip(seed_xy[source] + SEED_STEP * rng.standard_normal((missing, 2)), 0.0, 1.0)
        return Sample(
            np.concatenate([seed_xy, moved]), np.concatenate([angle, angle[source]]), sample.max_misorientation_rad
        )
    return sample


def cross(rng: np.random.Generator, a: Sample, b: Sample, limit_rad: float) -> Sample:
    """Cut the square along a random line; the child has the grains of `a` on one side and of `b` on the other."""
    direction = rng.uniform(0, 2 * np.pi)
    normal = np.array([np.cos(direction), np.sin(direction)])
    point = rng.uniform(0.2, 0.8, 2)
    in_a = (a.seed_xy - point) @ normal > 0
    in_b = (b.seed_xy - point) @ normal <= 0
    if not in_a.any() and not in_b.any():
        return a
    return make(
        np.concatenate([a.seed_xy[in_a], b.seed_xy[in_b]]),
        np.concatenate([a.grain_angle_rad[in_a], b.grain_angle_rad[in_b]]),
        limit_rad,
    )


def mutate(rng: np.random.Generator, sample: Sample, lowest: int, highest: int, limit_rad: float) -> Sample:
    """Change a genome in one of five ways: move seeds, turn axes, spread or align all axes, add or drop grains."""
    seed_xy, angle = sample.seed_xy.copy(), sample.grain_angle_rad.copy()
    chosen = rng.random(len(angle)) < CHANGED_PART
    kind = rng.integers(5)
    if kind == 0:
        seed_xy[chosen] += SEED_STEP * rng.standard_normal((chosen.sum(), 2))
    elif kind == 1:
        angle[chosen] += ANGLE_STEP_RAD * rng.standard_normal(chosen.sum())
    elif kind == 2:
        angle = wrap(angle, limit_rad) * rng.lognormal(0.0, 0.25)
    elif kind == 3:
        extra = int(rng.integers(1, max(2, len(angle) // 8)))
        source = rng.integers(len(angle), size=extra)
        seed_xy = np.concatenate([seed_xy, rng.random((extra, 2))])
        angle = np.concatenate([angle, angle[source] + ANGLE_STEP_RAD * rng.standard_normal(extra)])
    elif len(angle) > 1:
        keep = rng.random(len(angle)) > rng.uniform(0, CHANGED_PART)
        keep[rng.integers(len(angle))] = True
        seed_xy, angle = seed_xy[keep], angle[keep]
    return fit_count(rng, make(seed_xy, angle, limit_rad), lowest, highest)


class Limits:
    """What a genome may be, from the section `structures` of the config."""

    def __init__(self, structure_settings: Mapping[str, Any]) -> None:
        self.settings = structure_settings
        self.lowest = int(structure_settings["grain_count_min"])
        self.highest = int(structure_settings["grain_count_max"])
        self.limit_rad = float(np.deg2rad(structure_settings["max_misorientation_deg"]))


def column(samples: list[Sample]) -> np.ndarray:
    """Return genomes as pymoo's design matrix (n, 1) of objects."""
    matrix = np.empty((len(samples), 1), dtype=object)
    matrix[:, 0] = samples
    return matrix


class StructureSampling(Sampling):
    """First population: structures drawn as those that the forward model was trained on."""

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self.limits = limits

    def _do(self, problem: Any, n_samples: int, *args: Any, random_state: Any = None, **kwargs: Any) -> np.ndarray:
        drawn = [draw_sample(random_state, self.limits.settings) for _ in range(n_samples)]
        return column([make(s.seed_xy, s.grain_angle_rad, self.limits.limit_rad) for s in drawn])


class StructureCrossover(Crossover):
    """Two parents, two children, cut along random lines."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(2, 2)
        self.limits = limits

    def _do(self, problem: Any, X: Any, *args: Any, random_state: Any = None, **kwargs: Any) -> np.ndarray:
        limits, children = self.limits, np.empty_like(X)
        for k in range(X.shape[1]):
            for child, (a, b) in enumerate(((0, 1), (1, 0))):
                made = cross(random_state, X[a, k, 0], X[b, k, 0], limits.limit_rad)
                children[child, k, 0] = fit_count(random_state, made, limits.lowest, limits.highest)
        return children


class StructureMutation(Mutation):
    """One random change per child."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(prob=0.9)
        self.limits = limits

    def _do(self, problem: Any, X: Any, *args: Any, random_state: Any = None, **kwargs: Any) -> np.ndarray:
        limits = self.limits
        return column([mutate(random_state, x, limits.lowest, limits.highest, limits.limit_rad) for x in X[:, 0]])


class NoTwins(ElementwiseDuplicateElimination):
    """Genomes with the same grains are one."""

    def is_equal(self, a: Any, b: Any) -> bool:
        """Compare two individuals."""
        x, y = a.X[0], b.X[0]
        return np.array_equal(x.seed_xy, y.seed_xy) and np.array_equal(x.grain_angle_rad, y.grain_angle_rad)
