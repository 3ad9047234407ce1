"""Batches of crystals of bounded cost, and crystals that no network should be asked about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from lodestone.dft.relaxation import Geometry
from lodestone.graph_models.errors import ModelError
from lodestone.graph_models.graphs import GraphBatch, GraphSettings, feature_table

CPU_ROWS = 40_000  # edges and triplets of a batch on a CPU: larger ones leave the cache, smaller ones wait for Python
GPU_ROWS = 2_000_000
SMALLEST_VOLUME_A3 = 1.0
SHORTEST_EDGE_A = 0.5


def rows_of_batch(device: torch.device) -> int:
    """Edges and triplets of one batch on a device."""
    return CPU_ROWS if device.type == "cpu" else GPU_ROWS


def cost(geometry: Geometry, settings: GraphSettings) -> float:
    """Edges and triplets that a crystal has if its atoms are spread evenly."""
    sites = len(geometry.atomic_numbers)
    density = sites / max(abs(float(np.linalg.det(geometry.lattice_A))), 1e-9)
    edges, short = (
        4 / 3 * np.pi * cutoff**3 * density for cutoff in (settings.two_body_cutoff_A, settings.three_body_cutoff_A)
    )
    if settings.max_neighbours is not None:
        edges, short = min(edges, settings.max_neighbours), min(short, settings.max_neighbours)
    return float(sites * (edges + short * short))


def batches(costs: Sequence[float] | NDArray[np.float64], limit: float) -> Iterator[list[int]]:
    """Cut a sequence into runs of at most `limit` in cost, one item at least."""
    run: list[int] = []
    total = 0.0
    for k, one in enumerate(costs):
        if run and total + one > limit:
            yield run
            run, total = [], 0.0
        run.append(k)
        total += float(one)
    if run:
        yield run


def refusal(geometry: Geometry, settings: GraphSettings) -> str:
    """Why a crystal cannot be evaluated, as far as that is seen without its graph; empty if it can."""
    numbers = np.asarray(geometry.atomic_numbers)
    if not len(numbers):
        return "a crystal without atoms"
    if not (np.isfinite(geometry.lattice_A).all() and np.isfinite(geometry.fractional).all()):
        return "positions or lattice that are not finite"
    table = feature_table(settings.atom_features)
    known = (numbers >= 1) & (numbers < len(table))
    strange = numbers[~known] if not known.all() else numbers[np.isnan(table[numbers, 0])]
    if len(strange):
        return f"atomic number {strange[0]}, for which there are no features"
    volume = abs(float(np.linalg.det(geometry.lattice_A))) / len(numbers)
    return "" if volume > SMALLEST_VOLUME_A3 else f"{volume:.2g} A^3 per atom"


def graph_refusals(batch: GraphBatch) -> dict[int, str]:
    """Crystals of a batch with atoms on top of one another or out of reach of all others, with the reason."""
    refused: dict[int, str] = {}
    first = np.concatenate([[0], np.cumsum(batch.counts.numpy())])
    crystal = batch.crystal.numpy()
    for site in np.flatnonzero(np.diff(batch.edge_offset.numpy()) == 0):
        which = int(crystal[site])
        refused.setdefault(which, f"atom {site - first[which]} has no neighbour within the cutoff")
    length = batch.edge.norm(dim=1).numpy()
    for edge in np.flatnonzero(length < SHORTEST_EDGE_A):
        which = int(crystal[batch.destination[edge]])
        ends = sorted({int(batch.source[edge]) - first[which], int(batch.destination[edge]) - first[which]})
        refused.setdefault(which, f"atoms {' and '.join(map(str, ends))} are {length[edge]:.2f} A apart")
    return refused


def require(geometries: Sequence[Geometry], names: Sequence[str], settings: GraphSettings) -> None:
    """Raise a `ModelError` for the first crystal that cannot be evaluated."""
    for geometry, name in zip(geometries, names, strict=True):
        reason = refusal(geometry, settings)
        if reason:
            raise ModelError(name, reason, "a crystal that the network can be asked about")
