"""Graphs of a batch of crystals as tensors, with the line graph of the short edges."""

from __future__ import annotations

import contextlib
import functools
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lodestone.dft.relaxation import Geometry
from lodestone.graph_models.errors import ModelError
from lodestone.graph_models.library import alignn
from lodestone.structures import neighbours

LARGEST_ATOMIC_NUMBER = 118
ATOM_FEATURES = ("cgcnn", "basic", "cfid", "atomic_number")


@dataclass(frozen=True)
class GraphSettings:
    """Which pairs and triplets of atoms a network sees.

    Attributes
    ----------
    two_body_cutoff_A, three_body_cutoff_A : float
        Longest edge, and longest edge of a triplet.
    max_neighbours : int or None
        Only so many nearest neighbours of each atom; None takes all.
    atom_features : str
        Table of features of the elements: cgcnn, basic, cfid or atomic_number.
    """

    two_body_cutoff_A: float = 5.0
    three_body_cutoff_A: float = 4.0
    max_neighbours: int | None = None
    atom_features: str = "cgcnn"

    def __post_init__(self) -> None:
        """Refuse cutoffs that do not fit together."""
        if not 0 < self.three_body_cutoff_A <= self.two_body_cutoff_A:
            found = f"{self.three_body_cutoff_A} and {self.two_body_cutoff_A} A"
            raise ModelError("three-body and two-body cutoff", found, "0 < three-body cutoff <= two-body cutoff")
        if self.max_neighbours is not None and self.max_neighbours < 1:
            raise ModelError("max_neighbours", str(self.max_neighbours), "1 or more, or none for all")


@dataclass(frozen=True)
class GraphBatch:
    """Crystals of one batch; sites, edges and triplets of one crystal lie together.

    Attributes
    ----------
    atomic_number : Tensor of int64, (site,)
    features : Tensor, (site, feature)
        Table of the elements.
    crystal : Tensor of int64, (site,)
        Crystal of each site.
    counts : Tensor of int64, (crystal,)
        Sites of each crystal.
    volume_A3 : Tensor, (crystal,)
    edge : Tensor, (edge, 3)
        Vectors from source to destination, angstrom.
    source, destination : Tensor of int64, (edge,)
        Sites; destinations ascend.
    edge_offset : Tensor of int64, (site + 1,)
        First edge of each destination.
    short : Tensor of int64, (short,)
        Edges within the three-body cutoff.
    triplet_source, triplet_destination : Tensor of int64, (triplet,)
        Short edges (u, v) and (v, w), as numbers in `short`; destinations ascend.
    triplet_offset : Tensor of int64, (short + 1,)
        First triplet of each short edge.
    """

    atomic_number: Tensor
    features: Tensor
    crystal: Tensor
    counts: Tensor
    volume_A3: Tensor
    edge: Tensor
    source: Tensor
    destination: Tensor
    edge_offset: Tensor
    short: Tensor
    triplet_source: Tensor
    triplet_destination: Tensor
    triplet_offset: Tensor

    def __len__(self) -> int:
        """Return the number of crystals."""
        return len(self.counts)

    @property
    def edge_crystal(self) -> Tensor:
        """Crystal of each edge, (edge,)."""
        return self.crystal[self.destination]

    def to(self, device: torch.device, dtype: torch.dtype) -> Self:
        """Return a copy on a device, its real numbers of another precision."""
        moved = {}
        for item in fields(self):
            value = getattr(self, item.name)
            moved[item.name] = value.to(device, dtype if value.is_floating_point() else value.dtype)
        return replace(self, **moved)

    def with_edges(self, edge: Tensor) -> Self:
        """Return the same graphs with other edge vectors."""
        return replace(self, edge=edge)


def build(geometries: Sequence[Geometry], settings: GraphSettings, dtype: torch.dtype = torch.float32) -> GraphBatch:
    """Build the graphs of a batch of crystals, on the CPU.

    Raises
    ------
    ModelError
        For an element that the table of features does not have.
    """
    lattice = np.stack([np.asarray(g.lattice_A, float) for g in geometries])
    counts = np.array([len(g.atomic_numbers) for g in geometries])
    fractional = np.concatenate([np.asarray(g.fractional, float).reshape(-1, 3) for g in geometries])
    numbers = np.concatenate([np.asarray(g.atomic_numbers, np.int64) for g in geometries])
    site_offset = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    crystal = np.repeat(np.arange(len(geometries)), counts)
    source, destination, shift, length = neighbours.edges(
        lattice, site_offset, fractional, settings.two_body_cutoff_A, settings.max_neighbours
    )
    between = fractional[destination] - fractional[source] + shift
    vectors = np.einsum("ek,eka->ea", between, lattice[crystal[source]])
    short = np.flatnonzero(length <= settings.three_body_cutoff_A)
    triplet_offset, triplet_source = neighbours.triplets(source[short], destination[short], len(numbers))
    triplet_destination = np.repeat(np.arange(len(short)), np.diff(triplet_offset))
    table = feature_table(settings.atom_features)
    arrays: Mapping[str, Any] = {
        "atomic_number": numbers,
        "features": _features(numbers, table),
        "crystal": crystal,
        "counts": counts,
        "volume_A3": np.abs(np.linalg.det(lattice)),
        "edge": vectors,
        "source": source,
        "destination": destination,
        "edge_offset": np.searchsorted(destination, np.arange(len(numbers) + 1)),
        "short": short,
        "triplet_source": triplet_source,
        "triplet_destination": triplet_destination,
        "triplet_offset": triplet_offset,
    }
    batch = GraphBatch(**{name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in arrays.items()})
    return batch.to(torch.device("cpu"), dtype)


def _features(numbers: NDArray[np.int64], table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Features of every site; an element without any is refused."""
    features = table[numbers]
    missing = np.flatnonzero(np.isnan(features[:, 0]))
    if len(missing):
        raise ModelError(f"atomic number {numbers[missing[0]]}", "no features in the table", "an element that has them")
    return features


@functools.cache
def feature_table(name: str) -> NDArray[np.float64]:
    """Return the features of the elements that alignn takes from jarvis, (119, feature); NaN where there are none."""
    from jarvis.core import specie

    if name == "cgcnn":
        known = json.loads(Path(specie.cgcnn_feature_json).read_text())
        rows = {int(z): np.array(row, float) for z, row in known.items()}
    else:
        rows = _tabulated(name)
    width = {len(row) for row in rows.values()}
    if len(width) != 1:
        raise ModelError(f"atom features {name!r}", f"rows of {sorted(width)} numbers", "one length for all elements")
    table = np.full((LARGEST_ATOMIC_NUMBER + 1, width.pop()), np.nan)
    for z, row in rows.items():
        table[z] = row
    return table


def _tabulated(name: str) -> dict[int, NDArray[np.float64]]:
    """Ask jarvis element by element."""
    from ase.data import chemical_symbols
    from jarvis.core.specie import get_node_attributes

    if name not in ATOM_FEATURES:
        raise ModelError("atom features", repr(name), ", ".join(ATOM_FEATURES))
    rows = {}
    for z in range(1, LARGEST_ATOMIC_NUMBER + 1):
        with contextlib.suppress(KeyError, TypeError, ValueError), contextlib.redirect_stdout(io.StringIO()):
            rows[z] = np.array(get_node_attributes(chemical_symbols[z], atom_features=name), float)
    return rows


def torch_graph(batch: GraphBatch) -> Any:
    """Edges of a batch as alignn's graph."""
    builder = alignn("torch_graph_builder")
    return builder.TorchGraph(num_nodes=len(batch.crystal), src=batch.source, dst=batch.destination)


def short_graph(batch: GraphBatch) -> Any:
    """Triplets of a batch as alignn's graph, between edges numbered as in the batch."""
    builder = alignn("torch_graph_builder")
    ends = batch.short[batch.triplet_source], batch.short[batch.triplet_destination]
    return builder.TorchGraph(num_nodes=len(batch.source), src=ends[0], dst=ends[1])
