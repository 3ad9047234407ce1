"""Couplings on a mesh of wave vectors: which q are enough by symmetry, and the way back to pairs of sites.

J_ab(q) = sum over cells n of J_ab(n) exp(2 pi i q.n) for sites a in cell 0 and b in cell n, q and n in lattice
coordinates. A mesh of N x N x N wave vectors cannot tell cells apart that differ by N: pairs further apart than half
of the shortest vector of that superlattice are aliases of others, or of themselves, and are cut.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from lodestone.kkr.symmetry import Operations

Wave = tuple[int, int, int]
_ROUNDING = 1e-6


def irreducible(found: Operations, mesh: Sequence[int]) -> list[Wave]:
    """Wave vectors, as multiples of 1 / mesh, of which symmetry and time reversal make all others.

    A symmetry that the mesh does not have is left out.
    """
    seen: set[Wave] = set()
    kept: list[Wave] = []
    for wave in itertools.product(range(mesh[0]), range(mesh[1]), range(mesh[2])):
        if wave not in seen:
            kept.append(wave)
            seen |= {image for image, _ in _images(wave, found, mesh)} | {wave}
    return kept


def _images(wave: Wave, found: Operations, mesh: Sequence[int]) -> Iterator[tuple[Wave, tuple[int, int]]]:
    """Wave vectors on the mesh that are equivalent to one, with the number of the operation and the sign of q."""
    size = np.array(mesh)
    for number, (rotation, _, _) in enumerate(found):
        turned = np.linalg.inv(rotation).T @ (np.array(wave) / size) * size
        if np.abs(turned - np.rint(turned)).max() < _ROUNDING:
            for sign in (1, -1):
                a, b, c = (sign * np.rint(turned).astype(int)) % size
                yield (int(a), int(b), int(c)), (number, sign)


def spread(
    waves: Sequence[Wave], values: NDArray[np.complex128], found: Operations, mesh: Sequence[int]
) -> NDArray[np.complex128]:
    """Couplings on the whole mesh from those of the irreducible wave vectors; averaged where several ways lead there.

    Parameters
    ----------
    waves : sequence
        As of `irreducible`.
    values : ndarray, (wave, site, site)
        J_ab at each of them.
    found : list
        Rotations with the images of the sites, as of `symmetry.operations`.
    mesh : sequence of int, (3,)
        Wave vectors along each reciprocal axis.

    Returns
    -------
    ndarray, (mesh, mesh, mesh, site, site)

    Notes
    -----
    An operation takes site a of cell n to site a' of cell W n + L_a, so that with q' = W^-T q
    J_a'b'(q') = exp(2 pi i q'.(L_b - L_a)) J_ab(q); and J(-q) is the conjugate of J(q).
    """
    sites = values.shape[1]
    total = np.zeros((*mesh, sites, sites), complex)
    ways = np.zeros(tuple(mesh))
    for wave, one in zip(waves, values, strict=True):
        for image, (number, sign) in _images(wave, found, mesh):
            _, index, cell = found[number]
            phase = np.exp(2j * np.pi * (cell @ (sign * np.array(image) / np.array(mesh))))
            turned = np.conj(phase)[:, None] * one * phase[None, :]
            total[image][np.ix_(index, index)] += turned if sign > 0 else np.conj(turned)
            ways[image] += 1
    if (ways == 0).any():
        raise ValueError(f"wave vectors: found those for {int((ways > 0).sum())} points, expected {ways.size}")
    return np.asarray(total / ways[..., None, None], complex)


def reach_A(lattice_A: NDArray[np.float64], mesh: Sequence[int]) -> float:
    """Half of the shortest vector of the superlattice of the mesh, angstrom: pairs nearer than that have no aliases."""
    large = lattice_A * np.array(mesh)[:, None]
    cells = _cells_within(large, float(np.linalg.norm(large, axis=1).min()) * (1 + _ROUNDING))
    lengths = np.linalg.norm(cells @ large, axis=1)
    return float(lengths[lengths > _ROUNDING].min()) / 2


def _cells_within(lattice_A: NDArray[np.float64], radius_A: float, more: int = 0) -> NDArray[np.int64]:
    """Cells (cell, 3) of a box that holds all within a radius, and `more` beyond."""
    planes = np.linalg.norm(np.linalg.inv(lattice_A), axis=0)
    most = np.floor(radius_A * planes).astype(int) + more
    axes = [np.arange(-count, count + 1) for count in most]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def pairs(
    couplings: NDArray[np.complex128], lattice_A: NDArray[np.float64], fractional: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Pairs nearer than `reach_A` with their couplings, by Fourier transform of the whole mesh.

    Parameters
    ----------
    couplings : ndarray, (mesh, mesh, mesh, site, site)
        J_ab(q).
    lattice_A : ndarray, (3, 3)
        Lattice vectors as rows.
    fractional : ndarray, (site, 3)
        Positions.

    Returns
    -------
    ndarray, (pair, 5)
        Sites a and b and the cell of b.
    ndarray, (pair,)
        J_ab, in units of `couplings`.
    """
    mesh = couplings.shape[:3]
    table = np.fft.fftn(couplings, axes=(0, 1, 2)).real / np.prod(mesh)
    radius = reach_A(lattice_A, mesh) * (1 - _ROUNDING)
    spread_of_sites = int(np.ceil(np.abs(fractional[:, None] - fractional[None]).max())) + 1
    cells = _cells_within(lattice_A, radius, spread_of_sites)
    keys, values = [], []
    for a, b in itertools.product(range(len(fractional)), repeat=2):
        distance = np.linalg.norm((cells + fractional[b] - fractional[a]) @ lattice_A, axis=1)
        near = cells[(distance < radius) & (distance > _ROUNDING)]
        keys.append(np.column_stack([np.full(len(near), a), np.full(len(near), b), near]))
        values.append(table[(*(near % np.array(mesh)).T, a, b)])
    return np.concatenate(keys), np.concatenate(values)
