"""Forces and stresses in a least-squares fit of an output layer.

Every component of a force or stress is an equation that is linear in the weights. There are many more of them than
weights; random combinations with Gaussian factors keep the expected sum of squares, and a few thousand of them the
solution (a sketch, Woodruff, Found. Trends Theor. Comput. Sci. 10, 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from numpy.typing import NDArray

from lodestone.artifacts.graph_model import GraphModel
from lodestone.graph_models import bodies
from lodestone.graph_models.errors import ModelError
from lodestone.graph_models.evaluator import Evaluator
from lodestone.graph_models.losses import Weights
from lodestone.graph_models.network import GraphNetwork
from lodestone.graph_models.outcome import Push
from lodestone.graph_models.partition import SKETCH, STAGE
from lodestone.graph_models.samples import Samples
from lodestone.random import stream

if TYPE_CHECKING:
    from lodestone.dft.relaxation import Geometry

Array = NDArray[np.float64]
_STREAMS = 1_000_000


@dataclass(frozen=True)
class Rows:
    """Equations ``matrix w = value`` of every crystal, weights included; empty for crystals without forces."""

    matrix: list[Array]
    value: list[Array]

    @classmethod
    def none(cls, crystals: int, width: int) -> Self:
        """No equation at all."""
        return cls([np.zeros((0, width))] * crystals, [np.zeros(0)] * crystals)

    @property
    def count(self) -> int:
        """Number of all equations."""
        return sum(map(len, self.value))


def equations(
    network: GraphNetwork,
    samples: Samples,
    chosen: NDArray[np.int64],
    weights: Weights,
    wanted: int,
    seed: int,
    device: torch.device,
) -> Rows:
    """Build the equations of forces and stresses.

    Parameters
    ----------
    network : GraphNetwork
    samples : Samples
    chosen : ndarray of int
        Crystals that are learned from and have forces.
    weights : Weights
    wanted : int
        Equations of all crystals together; 0 for every component.
    seed : int
    device : device
    """
    rows = Rows.none(len(samples), network.config.hidden_features)
    matrix, value = list(rows.matrix), list(rows.value)
    if not len(chosen):
        return rows
    each = -(-wanted // len(chosen))
    scales = [_scales(samples.geometries[k], weights) for k in chosen]
    mixed = [_mixtures(len(samples.forces_eV_A[k]), each, seed, int(k)) for k in chosen]
    geometries = [samples.geometries[k] for k in chosen]
    shifts = [-force_scale * f for (force_scale, _, __), (f, _s) in zip(scales, mixed, strict=True)]
    strains = [stress_scale * s / volume for (_, stress_scale, volume), (__, s) in zip(scales, mixed, strict=True)]
    derived = bodies.along(network, geometries, shifts, strains, device)
    for k, (force_scale, stress_scale, _), (f, s), (found, rest) in zip(chosen, scales, mixed, derived, strict=True):
        label = force_scale * np.einsum("nia,ia->n", f, samples.forces_eV_A[k])
        label += stress_scale * np.einsum("nab,ab->n", s, samples.stress_eV_A3[k])
        matrix[k], value[k] = found, label - rest
    return Rows(matrix, value)


def _scales(geometry: Geometry, weights: Weights) -> tuple[float, float, float]:
    """Square roots of the weights of each component of force and stress, and the volume in cubic angstrom."""
    force = np.sqrt(weights.force / (3 * len(geometry.atomic_numbers))) / weights.force_scale_eV_A
    stress = np.sqrt(weights.stress / 9) / weights.stress_scale_eV_A3
    return float(force), float(stress), abs(float(np.linalg.det(geometry.lattice_A)))


def _mixtures(sites: int, count: int, seed: int, crystal: int) -> tuple[Array, Array]:
    """Factors of the forces (equation, site, 3) and stresses (equation, 3, 3), symmetric.

    All components one by one if `count` is 0 or no smaller than their number.
    """
    components = 3 * sites + 6
    if not 0 < count < components:
        forces, stresses = np.zeros((components, sites, 3)), np.zeros((components, 3, 3))
        forces[: 3 * sites].reshape(3 * sites, -1)[:] = np.eye(3 * sites)
        for n, (a, b) in enumerate([(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)]):
            unit = np.zeros((3, 3))
            unit[a, b] = unit[b, a] = 1.0 if a == b else np.sqrt(0.5)
            stresses[3 * sites + n] = unit
        return forces, stresses
    rng = stream(seed, STAGE, SKETCH * _STREAMS + crystal)
    forces = rng.normal(size=(count, sites, 3)) / np.sqrt(count)
    stresses = rng.normal(size=(count, 3, 3)) / np.sqrt(count)
    return forces, (stresses + stresses.transpose(0, 2, 1)) / 2


def push(model: GraphModel, samples: Samples, device: torch.device) -> Push:
    """Return forces and stresses of all crystals by a force field."""
    evaluated = Evaluator(model, "gpu" if device.type == "cuda" else "cpu")(samples.geometries)
    for name, result in zip(samples.names, evaluated, strict=True):
        if result.failure:
            raise ModelError(name, result.failure, "a crystal that the force field can be asked about")
    stress = np.stack([result.stress_eV_A3 for result in evaluated])
    return Push(np.concatenate([result.forces_eV_A for result in evaluated]), stress)
