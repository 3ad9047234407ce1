"""Couplings on a mesh of wave vectors, against closed forms."""

import itertools

import numpy as np
import pytest

from lodestone.kkr import q_mesh, symmetry

EDGE = 2.867
BCC = EDGE / 2 * np.array([[-1.0, 1, 1], [1, -1, 1], [1, 1, -1]])
# Two atoms in a cube, and a structure with four sites whose symmetry mixes them and shifts cells.
CUBE = np.eye(3) * EDGE
CENTRED = np.array([[0.0, 0, 0], [0.5, 0.5, 0.5]])
CO2MNSI = np.array([[0.0, 0, 0], [0.25, 0.25, 0.25], [0.75, 0.75, 0.75], [0.5, 0.5, 0.5]])
FCC = 2.8 * np.array([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]])


def all_waves(mesh):
    return list(itertools.product(*(range(count) for count in mesh)))


def couplings_of(lattice, fractional, mesh, strength):
    """J_ab(q) of a given function of sites and distance, summed over cells (mesh, mesh, mesh, site, site)."""
    cells = np.array(list(itertools.product(range(-4, 5), repeat=3)))
    sites = len(fractional)
    total = np.zeros((*mesh, sites, sites), complex)
    for a, b in itertools.product(range(sites), repeat=2):
        distance = np.linalg.norm((cells + fractional[b] - fractional[a]) @ lattice, axis=1)
        J = np.array([strength(a, b, one) for one in distance])
        for wave in all_waves(mesh):
            total[wave][a, b] = (J * np.exp(2j * np.pi * cells @ (np.array(wave) / mesh))).sum()
    return total


def test_nearest_neighbours_of_bcc_come_back():
    # 8 J cos(kx a/2) cos(ky a/2) cos(kz a/2), the closed form, at every wave vector of the mesh.
    mesh, J = (4, 4, 4), 21.7
    reciprocal = 2 * np.pi * np.linalg.inv(BCC).T
    whole = np.zeros((*mesh, 1, 1), complex)
    for wave in all_waves(mesh):
        whole[wave][0, 0] = 8 * J * np.prod(np.cos(np.array(wave) / 4 @ reciprocal * EDGE / 2))
    keys, values = q_mesh.pairs(whole, BCC, np.zeros((1, 3)))
    distance = np.linalg.norm(keys[:, 2:] @ BCC, axis=1)
    shells, counts = np.unique(np.round(distance / EDGE, 3), return_counts=True)
    assert dict(zip(shells.tolist(), counts.tolist(), strict=True)) == {0.866: 8, 1.0: 6, 1.414: 12, 1.658: 24}
    near = distance < 0.9 * EDGE
    assert values[near] == pytest.approx(np.full(8, J), rel=1e-12)
    assert np.abs(values[~near]).max() < 1e-12


def test_aliases_are_cut():
    # On a mesh of 4 the fifth neighbour, twice the first, is its own alias: exactly at half of the superlattice.
    assert q_mesh.reach_A(BCC, (4, 4, 4)) == pytest.approx(np.sqrt(3) * EDGE)
    assert q_mesh.reach_A(BCC, (8, 8, 8)) == pytest.approx(2 * np.sqrt(3) * EDGE)
    assert q_mesh.reach_A(CUBE, (4, 2, 4)) == pytest.approx(EDGE)
    skewed = np.array([[1.0, 0, 0], [7.0, 1, 0], [0, 0, 1]])
    assert q_mesh.reach_A(skewed, (3, 3, 3)) == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("lattice", "fractional", "kinds", "mesh", "most"),
    [
        (BCC, np.zeros((1, 3)), [1], (4, 4, 4), 8),
        (CUBE, CENTRED, [1, 1], (3, 3, 3), 4),
        (CUBE, CENTRED, [1, 2], (4, 4, 4), 10),
        (CUBE, CENTRED, [1, 1], (4, 2, 3), 12),
        (FCC, CO2MNSI, [1, 2, 2, 3], (4, 4, 4), 8),
        (FCC, CO2MNSI + [0.1, 0.9, 0.3], [1, 2, 2, 3], (3, 3, 3), 4),
    ],
)
def test_symmetry_makes_the_whole_mesh(lattice, fractional, kinds, mesh, most):
    found = symmetry.operations(lattice, fractional, kinds)
    waves = q_mesh.irreducible(found, mesh)
    assert len(waves) <= most
    weight = np.outer(kinds, kinds)
    whole = couplings_of(lattice, fractional, mesh, lambda a, b, r: weight[a, b] * np.exp(-(r**2) / 4) * (0.1 < r < 6))
    made = q_mesh.spread(waves, np.array([whole[wave] for wave in waves]), found, mesh)
    np.testing.assert_allclose(made, whole, atol=1e-9)


def test_sites_of_one_cell_or_several_give_the_same_couplings():
    def strength(a, b, r):
        return 5.0 * (abs(r - EDGE * np.sqrt(0.75)) < 1e-6) + 2.0 * (abs(r - EDGE) < 1e-6)

    for lattice, fractional in ((BCC, np.zeros((1, 3))), (CUBE, CENTRED), (CUBE, CENTRED + [3, 0, -2 / 3])):
        keys, values = q_mesh.pairs(couplings_of(lattice, fractional, (4, 4, 4), strength), lattice, fractional)
        vectors = (keys[:, 2:] + fractional[keys[:, 1]] - fractional[keys[:, 0]]) @ lattice
        distance = np.linalg.norm(vectors, axis=1)
        for one, r in zip(values, distance, strict=True):
            assert one == pytest.approx(strength(0, 0, r), abs=1e-9)
        assert (distance < EDGE * 1.01).sum() == 14 * len(fractional)


def test_missing_wave_vectors_are_found_out():
    found = symmetry.operations(BCC, np.zeros((1, 3)), [1])
    waves = q_mesh.irreducible(found, (4, 4, 4))
    with pytest.raises(ValueError, match="wave vectors: found those for 63 points, expected 64"):
        q_mesh.spread(waves[1:], np.ones((len(waves) - 1, 1, 1), complex), found, (4, 4, 4))
