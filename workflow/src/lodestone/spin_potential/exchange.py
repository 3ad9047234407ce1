"""Exchange couplings of a crystal from a magnetic potential, by the four-state method.

Couplings belong to H = - sum over i != j of J_ij e_i.e_j, each pair as ij and as ji, as those of every other source,
so that the same functions make Curie temperatures of them. e = m / |m| is the direction of the moment itself: J_ij of
moments that hold each other antiparallel is negative, and moments in the artifact are sizes. Moments are collinear, so
that J_ij come from reversals and not from small rotations; the two agree where the energy is bilinear in the e.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import ArrayLike, NDArray

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.exchange import Exchange
from lodestone.kkr import symmetry
from lodestone.kkr.exchange import from_bonds
from lodestone.kkr.mean_field import gauge
from lodestone.spin_potential.configurations import ConfigurationError, Configurations
from lodestone.spin_potential.evaluation import evaluate
from lodestone.spin_potential.exchange_cells import ROUNDING_A, Supercell, checked, fitting_repeat, operations
from lodestone.spin_potential.potential import SpinPotential
from lodestone.structures import neighbours

Array = NDArray[np.float64]
_MEV_PER_EV = 1e3
# A pair is twice in H: E_++ + E_-- - E_+- - E_-+ is so many J_ij.
_OF_FOUR_STATES = -8.0


def exchange(
    potential: SpinPotential,
    crystal: Atoms,
    moments_muB: ArrayLike,
    range_A: float,
    provenance: Provenance,
    *,
    name: str = "",
    magnetic: Sequence[int] | None = None,
    repeat: Sequence[int] | None = None,
) -> Exchange:
    """Couplings of all pairs within a range, by the four-state method (Xiang et al., Dalton Trans. 42, 823).

    Of each kind of pair, E(i, j) is evaluated with both moments as they are, one or both reversed, all others as they
    are: J_ij = - e_i e_j (E_++ + E_-- - E_+- - E_-+) / 8. Pairs that symmetry maps onto one another are one kind.

    An atom's energy depends on moments within `r_cut_A`: pairs interact directly up to `r_cut_A`, and through a common
    neighbour's energy up to 2 `r_cut_A`; beyond, J_ij is exactly zero and no bond is listed. All other images of a
    pair must be further apart in the supercell: about 4 `r_cut_A` wide, it gives all J_ij free of its size.

    Parameters
    ----------
    potential : SpinPotential
    crystal : Atoms
        One cell, periodic.
    moments_muB : array_like, (site,)
        Reference state.
    range_A : float
        Longest pair.
    provenance : Provenance
        Of the artifact.
    name : str
        What the crystal is called; its formula if empty.
    magnetic : sequence of int, optional
        Sites with a moment that can be reversed; all if not given. Others keep theirs and have no bonds.
    repeat : sequence of int, optional
        Cells of the supercell along a, b, c; as few as suffice if not given.

    Raises
    ------
    ConfigurationError
        For a magnetic site without a moment to speak of, too small a supercell, a range without pairs, and elements,
        moments or cells that the potential cannot take.
    """
    name = name or crystal.get_chemical_formula()
    moments, sites = checked(crystal, moments_muB, magnetic, name)
    reach = 2 * potential.r_cut_A
    pairs, vectors = _pairs(crystal, sites, min(range_A, reach))
    if not len(pairs):
        raise ConfigurationError(f"{name}: found no pair within range_A = {range_A:g} A, expected a longer one")
    cells = fitting_repeat(crystal.cell.array, vectors, reach, repeat, name)
    supercell = Supercell(potential, crystal, moments, cells, name)
    kinds = _kinds_of_pairs(pairs, operations(crystal, moments, sites))
    table = _table(kinds.values(), _four_states(supercell, list(kinds), sites, np.sign(moments)))
    cut = f"range {range_A:g} A, pairs of the potential interact up to {reach:g} A" if range_A < reach else ""
    made = from_bonds(
        name=name, provenance=provenance, message=cut, **_crystal(potential, crystal, moments, sites), **table
    )
    return _with_order_told(made, moments, sites)


def _table(kinds: Iterable[set[symmetry.Bond]], strengths: Sequence[float]) -> dict[str, Any]:
    """Columns of all bonds of all kinds, each kind with one J in meV."""
    pairs = [(bond, J) for kind, J in zip(kinds, strengths, strict=True) for bond in sorted(kind)]
    bonds = np.array([bond for bond, _ in pairs], np.int64)
    return {
        "source": bonds[:, 0],
        "target": bonds[:, 1],
        "cell": bonds[:, 2:],
        "meV": np.array([J for _, J in pairs]),
    }


def _crystal(potential: SpinPotential, crystal: Atoms, moments: Array, sites: Sequence[int]) -> dict[str, Any]:
    """Fields of the artifact that are not couplings; sizes of magnetic moments, others along the sum of these."""
    along = np.sign(moments[sites].sum() or 1.0)
    signed = np.where(np.isin(np.arange(len(moments)), sites), np.abs(moments), along * moments)
    cell = Configurations.from_atoms([crystal], potential.species, [moments])
    return {
        "lattice_A": crystal.cell.array,
        "fractional": crystal.get_scaled_positions(wrap=False),
        "moment_muB": signed.tolist(),
        "atomic_number": crystal.numbers.astype(np.uint8),
        "has_energy": 1,
        "total_energy_eV": float(evaluate(potential, cell).energy_eV[0]),
    }


def _pairs(crystal: Atoms, sites: Sequence[int], range_A: float) -> tuple[NDArray[np.int64], Array]:
    """Bonds (pair, 5) between magnetic sites within a range, each in both directions, and their vectors (pair, 3)."""
    lattice, fractional = crystal.cell.array, crystal.get_scaled_positions(wrap=False)
    offset = np.array([0, len(crystal)], np.int64)
    source, target, shift, _ = neighbours.edges(lattice[None], offset, fractional, range_A + ROUNDING_A)
    kept = np.isin(source, sites) & np.isin(target, sites)
    bonds = np.column_stack([source, target, shift])[kept]
    return bonds, (bonds[:, 2:] + fractional[bonds[:, 1]] - fractional[bonds[:, 0]]) @ lattice


def _kinds_of_pairs(pairs: NDArray[np.int64], group: symmetry.Operations) -> dict[symmetry.Bond, set[symmetry.Bond]]:
    """One bond of each kind, and all that are equivalent to it."""
    kinds: dict[symmetry.Bond, set[symmetry.Bond]] = {}
    seen: set[symmetry.Bond] = set()
    for i, j, a, b, c in pairs.tolist():
        bond = (i, j, a, b, c)
        if bond not in seen:
            kinds[bond] = symmetry.orbit(bond, group)
            seen |= kinds[bond]
    return kinds


def _four_states(
    supercell: Supercell, bonds: Sequence[symmetry.Bond], sites: Sequence[int], direction: Array
) -> list[float]:
    """J_ij in meV of each bond; a state with one reversed moment is the same in every cell."""
    single = [(supercell.atom(site),) for site in sites]
    double = [(supercell.atom(i), supercell.atom(j, cell)) for i, j, *cell in bonds]
    energies = supercell.energies([(), *single, *double])
    reference, both = energies[0], energies[1 + len(sites) :]
    one = dict(zip(sites, energies[1 : 1 + len(sites)], strict=True))
    found = []
    for (i, j, *_), two in zip(bonds, both, strict=True):
        # Where a lone reversed moment lies does not matter to the sum; most energies cancel before they are summed.
        difference = float(np.sum(reference + two - one[i] - one[j]))
        found.append(_MEV_PER_EV * direction[i] * direction[j] * difference / _OF_FOUR_STATES)
    return found


def _with_order_told(made: Exchange, moments: Array, sites: Sequence[int]) -> Exchange:
    """Say in the message if the couplings want another order than that of the reference state."""
    agreed = (np.sign(moments) * gauge(made))[sites]
    if (agreed == agreed[0]).all():
        return made
    told = "the couplings favour another order of the moments than the reference state"
    return replace(made, message="; ".join(filter(None, (made.message, told))))
