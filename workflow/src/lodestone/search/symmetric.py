"""Relaxation that keeps the space group of the start: forces and stress without their unsymmetric part."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import spglib

from lodestone.dft.relaxation import Evaluate, Evaluation, Geometry

SYMPREC_A = 0.01


def symmetry_of(lattice: np.ndarray, fractional: np.ndarray, numbers: np.ndarray, symprec_A: float = SYMPREC_A) -> Any:
    """Return the data set of spglib, None where it finds none; before 2.9 it warns that later versions will raise."""
    cell: Any = (lattice, fractional, numbers)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Set OLD_ERROR_HANDLING", category=DeprecationWarning)
        try:
            return spglib.get_symmetry_dataset(cell, symprec=symprec_A)
        except spglib.SpglibError:
            return None


def space_group(lattice: np.ndarray, fractional: np.ndarray, numbers: np.ndarray, symprec_A: float = 0.1) -> int:
    """International number of the space group; 1 where none is found."""
    found = symmetry_of(lattice, fractional, numbers, symprec_A)
    return 1 if found is None else int(found.number)


@dataclass(frozen=True, eq=False)
class Operations:
    """Rotations (operation, 3, 3) of fractional coordinates, and where each atom goes (operation, site)."""

    rotations: np.ndarray
    images: np.ndarray

    @classmethod
    def of(cls, geometry: Geometry) -> Operations:
        """Operations of the space group of a crystal."""
        sites = geometry.fractional - np.floor(geometry.fractional)
        found = symmetry_of(geometry.lattice_A, sites, geometry.atomic_numbers)
        identity = cls(np.eye(3)[None], np.arange(len(sites))[None])
        if found is None:
            return identity
        rotations, images = [], []
        for rotation, translation in zip(found.rotations, found.translations, strict=True):
            image = _images(geometry, sites, sites @ rotation.T + translation)
            if image is None:
                return identity
            rotations.append(rotation.astype(float))
            images.append(image)
        return cls(np.array(rotations), np.array(images))

    def project(self, lattice: np.ndarray, forces: np.ndarray, stress: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean of forces (site, 3) and stress (3, 3) over all operations."""
        # x = f L turns to f W^T L: by R = L^-1 W^T L from the right.
        turns = np.linalg.inv(lattice) @ self.rotations.transpose(0, 2, 1) @ lattice
        projected = np.zeros_like(forces)
        for turn, image in zip(turns, self.images, strict=True):
            projected[image] += forces @ turn
        tensor = np.einsum("kia,ij,kjb->ab", turns, stress, turns)
        return projected / len(turns), tensor / len(turns)


def _images(geometry: Geometry, sites: np.ndarray, moved: np.ndarray) -> np.ndarray | None:
    """Site (site,) of the same element on which each moved site falls; None if they do not pair up."""
    shift = moved[:, None] - sites[None]
    distance = np.linalg.norm((shift - np.round(shift)) @ geometry.lattice_A, axis=2)
    distance[geometry.atomic_numbers[:, None] != geometry.atomic_numbers[None]] = np.inf
    image = distance.argmin(axis=1)
    paired = len(np.unique(image)) == len(image) and bool(distance.min(axis=1).max() < 10 * SYMPREC_A)
    return image if paired else None


class Symmetric:
    """An `evaluate` whose forces and stress have the symmetry that each crystal had when it was first seen."""

    def __init__(self, evaluate: Evaluate) -> None:
        self._evaluate = evaluate
        self._operations: dict[int, Operations] = {}

    def __call__(self, geometries: Sequence[Geometry]) -> list[Evaluation]:
        """Evaluate all geometries and project what is found."""
        for geometry in geometries:
            if geometry.number not in self._operations:
                self._operations[geometry.number] = Operations.of(geometry)
        found = self._evaluate(geometries)
        return [self._projected(geometry, result) for geometry, result in zip(geometries, found, strict=True)]

    def _projected(self, geometry: Geometry, result: Evaluation) -> Evaluation:
        """One result without its unsymmetric part."""
        if result.failure:
            return result
        operations = self._operations[geometry.number]
        forces, stress = operations.project(geometry.lattice_A, result.forces_eV_A, result.stress_eV_A3)
        return replace(result, forces_eV_A=forces, stress_eV_A3=stress)
