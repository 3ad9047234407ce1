"""Small crystals, labels and networks for the tests of the graph models."""

from __future__ import annotations

import functools
import logging

import numpy as np
import torch

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.labelled_set import LabelledSet
from lodestone.dft.relaxation import Geometry
from lodestone.graph_models.architecture import Architecture, default_architecture
from lodestone.graph_models.graphs import GraphSettings
from lodestone.graph_models.model import ENERGY_TARGET, model_of
from lodestone.graph_models.training import TrainingSettings, initialised, pretrain_force_field
from lodestone.structures import neighbours

PROVENANCE = Provenance(backend="a test", seed=7, config_sha256="0" * 64)
RADIUS_A = {26: 1.24, 27: 1.25, 28: 1.25, 60: 1.7}
CUTOFF_A = 4.2


def bcc(edge_cells=2, seed=0, lattice_A=2.85, rattle_A=0.05, minority=1):
    """Cubic supercell of bcc Fe with some Nd, its atoms displaced."""
    rng = np.random.default_rng(seed)
    corners = np.stack(np.meshgrid(*[np.arange(edge_cells)] * 3, indexing="ij"), -1).reshape(-1, 3)
    fractional = np.concatenate([corners, corners + 0.5]) / edge_cells
    numbers = np.full(len(fractional), 26)
    numbers[:minority] = 60
    edge = lattice_A * edge_cells
    return Geometry(
        seed, numbers, np.eye(3) * edge, fractional + rng.normal(scale=rattle_A, size=fractional.shape) / edge
    )


def random_crystal(sites, seed, skewed=False):
    """Random cell with atoms no closer than 1.6 angstrom."""
    rng = np.random.default_rng(seed)
    while True:
        lattice = np.eye(3) * (14.0 * sites) ** (1 / 3) + rng.normal(scale=0.4, size=(3, 3))
        if skewed:
            lattice[2] += 2 * lattice[0] - lattice[1]
        fractional = rng.uniform(-1, 2, (sites, 3))
        offset = np.array([0, sites])
        if not len(neighbours.edges(lattice[None], offset, fractional, 1.6)[0]):
            return Geometry(seed, rng.choice([26, 27, 60], sites), lattice, fractional)


def tiny(force_field=True, outputs=1, smooth=True, two=CUTOFF_A, three=3.2, neighbours_kept=None, hidden=16, **model):
    """A small architecture."""
    graph = GraphSettings(two, three, neighbours_kept)
    base = default_architecture(
        force_field=force_field, hidden_features=hidden, alignn_layers=2, gcn_layers=1, graph=graph, outputs=outputs
    )
    return Architecture({**base.model, **model}, graph, smooth)


def network(architecture=None, seed=0, dtype=torch.float32, **kwargs):
    """A network with random parameters."""
    made = initialised(architecture or tiny(**kwargs), seed, "graph_model", 0).to(dtype)
    made.architecture.config()
    return made


def force_field(seed=0, **kwargs):
    """A force field with random parameters."""
    made = network(seed=seed, **kwargs)
    elements = {"element": np.array([26, 60]), "element_value": np.array([[-8.0], [-4.5]])}
    return model_of(
        made, force_field=True, targets=[ENERGY_TARGET], source="here", labels_from="none", provenance=PROVENANCE,
        **elements,
    )  # fmt: skip


@functools.cache
def trained_force_field():
    """A force field that has seen some crystals of `labelled`, and those."""
    labels = labelled(24)
    settings = TrainingSettings(epochs=20, batch_size=2, learning_rate=1e-2, device="cpu")
    model = pretrain_force_field(
        labels, tiny(), settings, seed=1, checkpoint_path=None, log=logging.getLogger("test"), provenance=PROVENANCE
    )
    return model, labels


def morse(geometry, depth_eV=0.35):
    """Energy, forces and stress of Morse pairs, with an energy for each element."""
    numbers, count = geometry.atomic_numbers, len(geometry.atomic_numbers)
    source, destination, shift, length = neighbours.edges(
        geometry.lattice_A[None], np.array([0, count]), geometry.fractional, 5.0
    )
    vector = (geometry.fractional[destination] - geometry.fractional[source] + shift) @ geometry.lattice_A
    rest = np.array([RADIUS_A[a] + RADIUS_A[b] for a, b in zip(numbers[source], numbers[destination], strict=True)])
    x = np.exp(-1.6 * (length - rest))
    fade, d_fade = (1 + np.cos(np.pi * length / 5)) / 2, -np.sin(np.pi * length / 5) * np.pi / 10
    pair, d_pair = depth_eV * (x * x - 2 * x), depth_eV * 3.2 * (x - x * x)
    slope = 0.5 * ((d_pair * fade + pair * d_fade) / length)[:, None] * vector
    forces = np.zeros((count, 3))
    np.add.at(forces, destination, -slope)
    np.add.at(forces, source, slope)
    stress = np.einsum("ea,eb->ab", slope, vector) / abs(np.linalg.det(geometry.lattice_A))
    energy = 0.5 * (pair * fade).sum() + sum({26: -8.0, 27: -7.0, 28: -5.5, 60: -4.5}[z] for z in numbers)
    return energy, forces, (stress + stress.T) / 2


def labelled(count, elements=(26, 27), seed=0, depth_eV=0.35, minority=None):
    """Perturbed bcc crystals of two atoms and four with labels of `morse`; pairs of copies are a group."""
    rng = np.random.default_rng(seed)
    geometries, groups = [], []
    for k in range(count):
        cells = 1 + (k // 2) % 2
        corners = np.stack([np.arange(cells), np.zeros(cells), np.zeros(cells)], 1)
        fractional = np.concatenate([corners, corners + 0.5]) / [cells, 1, 1]
        numbers = rng.choice(elements, len(fractional))
        if minority:
            numbers[0] = minority
        edge = 2.3 * np.mean([RADIUS_A[z] for z in numbers]) * (1 + 0.02 * rng.normal())
        strain = rng.normal(scale=0.03, size=(3, 3))
        lattice = np.diag([cells, 1, 1]) * edge @ (np.eye(3) + strain + strain.T)
        moved = fractional + rng.normal(scale=0.08, size=fractional.shape) @ np.linalg.inv(lattice)
        geometries.append(Geometry(k, numbers, lattice, moved))
        groups.append(k // 2)
    found = [morse(g, depth_eV) for g in geometries]
    per_atom = [e / len(g.atomic_numbers) for (e, _, __), g in zip(found, geometries, strict=True)]
    return LabelledSet.of(
        lattices=[g.lattice_A for g in geometries],
        atomic_numbers=[g.atomic_numbers for g in geometries],
        fractional=[g.fractional for g in geometries],
        names=[f"s{seed}-{k}" for k in range(count)],
        columns={
            "energy_eV": [e for e, _, __ in found],
            "formation_energy_eV_per_atom": [e + 7.5 for e in per_atom],
            "moment_muB_per_atom": [None if k % 5 == 4 else float(np.mean(g.atomic_numbers == 26) * 2.2)
                                    for k, g in enumerate(geometries)],
        },
        labels_from="Morse pairs",
        provenance=PROVENANCE,
        forces=[f for _, f, __ in found],
        stresses=[s for _, __, s in found],
        groups=groups,
    )  # fmt: skip
