"""Neighbours and triplets of many periodic crystals at once, compiled.

An edge leads from a source to a destination, ``r = x_destination - x_source + shift . lattice``. Edges are sorted by
destination; a triplet joins an edge (u, v) to an edge (v, w). Loops run over the images of a pair that can be within
reach, so that neither time nor memory grows with the number of images of a skewed or small cell.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

SAME_SITE_A2 = 1e-8  # two sites closer than 1e-4 angstrom are one and the same, as in alignn


@njit(cache=True, nogil=True)
def _search(lattice, reach, site_offset, fractional, wrap, cutoff2, fill, count, source, destination, shift, length2):
    """Count the neighbours of every site, or write them down: edges of one source lie together."""
    n = 0
    for c in range(len(site_offset) - 1):
        cell = lattice[c]
        for i in range(site_offset[c], site_offset[c + 1]):
            first = n
            for j in range(site_offset[c], site_offset[c + 1]):
                d0 = fractional[j, 0] - fractional[i, 0]
                d1 = fractional[j, 1] - fractional[i, 1]
                d2 = fractional[j, 2] - fractional[i, 2]
                for n0 in range(int(np.ceil(-reach[c, 0] - d0)), int(np.floor(reach[c, 0] - d0)) + 1):
                    for n1 in range(int(np.ceil(-reach[c, 1] - d1)), int(np.floor(reach[c, 1] - d1)) + 1):
                        for n2 in range(int(np.ceil(-reach[c, 2] - d2)), int(np.floor(reach[c, 2] - d2)) + 1):
                            a, b, e = d0 + n0, d1 + n1, d2 + n2
                            x = a * cell[0, 0] + b * cell[1, 0] + e * cell[2, 0]
                            y = a * cell[0, 1] + b * cell[1, 1] + e * cell[2, 1]
                            z = a * cell[0, 2] + b * cell[1, 2] + e * cell[2, 2]
                            square = x * x + y * y + z * z
                            if square > cutoff2 or square <= SAME_SITE_A2:
                                continue
                            if fill:
                                source[n], destination[n], length2[n] = i, j, square
                                shift[n, 0] = n0 - wrap[j, 0] + wrap[i, 0]
                                shift[n, 1] = n1 - wrap[j, 1] + wrap[i, 1]
                                shift[n, 2] = n2 - wrap[j, 2] + wrap[i, 2]
                            n += 1
            count[i] = n - first


@njit(cache=True, nogil=True)
def _nearest(count, length2, most):
    """Flag the `most` nearest neighbours of each source; of equals the first."""
    keep = np.zeros(len(length2), np.bool_)
    start = 0
    for i in range(len(count)):
        stop = start + count[i]
        order = np.argsort(length2[start:stop], kind="mergesort")
        for k in range(min(most, count[i])):
            keep[start + order[k]] = True
        start = stop
    return keep


@njit(cache=True, nogil=True)
def _triplets(site_offset_of_short, source, fill, offset, first_edge):
    """Edges A that lead to the source of each edge B, as an offset for each B and the numbers of the A."""
    n = 0
    for b in range(len(source)):
        v = source[b]
        for a in range(site_offset_of_short[v], site_offset_of_short[v + 1]):
            if fill:
                first_edge[n] = a
            n += 1
        offset[b + 1] = n
    return n


def edges(
    lattice_A: NDArray[np.float64],
    site_offset: NDArray[np.int64],
    fractional: NDArray[np.float64],
    cutoff_A: float,
    max_neighbours: int | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return all pairs of sites within a cutoff.

    Parameters
    ----------
    lattice_A : ndarray, (crystal, 3, 3)
        Lattice vectors as rows.
    site_offset : ndarray of int, (crystal + 1,)
        First site of each crystal.
    fractional : ndarray, (site, 3)
        Positions in units of the lattice vectors, anywhere.
    cutoff_A : float
        Longest edge.
    max_neighbours : int, optional
        Keep the nearest of each source only. It cuts through shells of equal distance: bcc needs 14, 26 or 58.

    Returns
    -------
    source, destination : ndarray of int, (edge,)
        Sites; destinations ascend.
    shift : ndarray of int, (edge, 3)
        Cell of the destination.
    length_A : ndarray, (edge,)
    """
    wrap = np.floor(fractional).astype(np.int64)
    inside = fractional - wrap
    # Planes of constant fractional coordinate k lie 1 / |b_k| apart.
    reach = cutoff_A * np.linalg.norm(np.linalg.inv(lattice_A), axis=1)
    where = (lattice_A, reach, site_offset, inside, wrap, cutoff_A * cutoff_A)
    count = np.zeros(len(fractional), np.int64)
    _search(*where, False, count, *_space(0))
    source, destination, shift, length2 = _space(int(count.sum()))
    _search(*where, True, count, source, destination, shift, length2)
    if max_neighbours is not None:
        keep = _nearest(count, length2, max_neighbours)
        source, destination, shift, length2 = source[keep], destination[keep], shift[keep], length2[keep]
    order = np.argsort(destination, kind="stable")
    return source[order], destination[order], shift[order], np.sqrt(length2[order])


def triplets(
    source: NDArray[np.int64], destination: NDArray[np.int64], sites: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the triplets of edges that are sorted by destination.

    Returns
    -------
    offset : ndarray of int, (edge + 1,)
        First triplet of each edge B = (v, w).
    first_edge : ndarray of int, (triplet,)
        Edge A = (u, v) of each triplet.
    """
    arriving = np.searchsorted(destination, np.arange(sites + 1))
    offset = np.zeros(len(source) + 1, np.int64)
    total = _triplets(arriving, source, False, offset, np.zeros(0, np.int64))
    first_edge = np.empty(total, np.int64)
    _triplets(arriving, source, True, offset, first_edge)
    return offset, first_edge


def _space(n: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Arrays for sources, destinations, shifts and squares of n edges."""
    return np.empty(n, np.int64), np.empty(n, np.int64), np.empty((n, 3), np.int64), np.empty(n)


def warm() -> None:
    """Compile what jobs share."""
    source, destination, _, _ = edges(np.eye(3)[None] * 2.5, np.array([0, 1]), np.zeros((1, 3)), 3.0, 6)
    triplets(source, destination, 1)
