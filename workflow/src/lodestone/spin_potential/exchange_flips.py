"""Energy of one reversed moment in a crystal, with the sizes of moments held or in equilibrium, and J_0 from it.

J_0 belongs to the same Hamiltonian as the couplings of `lodestone.spin_potential.exchange`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import ArrayLike, NDArray

from lodestone.spin_potential.equilibration import TOLERANCE_EV_MUB, equilibrate_moments
from lodestone.spin_potential.exchange_cells import SMALL_MUB, Supercell, checked, fitting_repeat, operations
from lodestone.spin_potential.potential import SpinPotential

Array = NDArray[np.float64]
_MEV_PER_EV = 1e3
# Each pair is twice in H, and reversing changes e by 2: the cost is so many times e_i sum_j J_ij e_j.
_OF_A_FLIP = 4.0


@dataclass(frozen=True, eq=False)
class SpinFlips:
    """What it costs to reverse one moment of a crystal.

    J_0 of site i is e_i sum_j J_ij e_j of a bilinear model with the same cost; in a ferromagnet, sum_j J_ij.

    Attributes
    ----------
    site : ndarray of int, (flip,)
        Site that is reversed.
    held_eV, held_J0_meV : ndarray, (flip,)
        Energy and J_0 with the sizes of all moments held.
    free_eV, free_J0_meV : ndarray, (flip,)
        The same from equilibrium to equilibrium: all moments minimise the energy, in the reference state and in the
        one with the reversed moment. NaN where there is no equilibrium with these directions.
    free_moment_muB : ndarray, (flip,)
        Reversed moment in that equilibrium; NaN where there is none.
    reason : tuple of str, (flip,)
        Why there is none; empty if there is one.
    repeat : tuple of int
        Cells of the supercell along a, b, c.
    """

    site: NDArray[np.int64]
    held_eV: Array
    held_J0_meV: Array
    free_eV: Array
    free_J0_meV: Array
    free_moment_muB: Array
    reason: tuple[str, ...]
    repeat: tuple[int, int, int]


def spin_flips(
    potential: SpinPotential,
    crystal: Atoms,
    moments_muB: ArrayLike,
    *,
    name: str = "",
    magnetic: Sequence[int] | None = None,
    repeat: Sequence[int] | None = None,
    tolerance_eV_muB: float = TOLERANCE_EV_MUB,
) -> SpinFlips:
    """Energies of one reversed moment in a supercell, and J_0, with moments held and brought to equilibrium.

    Parameters
    ----------
    potential, crystal, moments_muB, name, magnetic
        As for `exchange`; one site of each kind is reversed.
    repeat : sequence of int, optional
        Cells of the supercell; if not given, as few as give the held energy of a lone reversed moment. Free moments
        around it answer further out than that.
    tolerance_eV_muB : float
        Largest magnetic force in equilibrium.

    Raises
    ------
    ConfigurationError
        As for `exchange`.
    """
    name = name or crystal.get_chemical_formula()
    moments, sites = checked(crystal, moments_muB, magnetic, name)
    reach = 2 * potential.r_cut_A
    cells = fitting_repeat(crystal.cell.array, np.zeros((0, 3)), reach, repeat, name)
    supercell = Supercell(potential, crystal, moments, cells, name)
    maps = np.array([index for _, index, _ in operations(crystal, moments, sites)])
    chosen = [site for site in sites if maps[:, site].min() == site]
    energies = supercell.energies([(), *((supercell.atom(site),) for site in chosen)])
    held = (energies[1:] - energies[0]).sum(axis=1)
    free = [_free_flip(supercell, site, tolerance_eV_muB) for site in chosen]
    free_eV = np.array([energy for energy, _, _ in free])
    factor = _MEV_PER_EV / _OF_A_FLIP
    return SpinFlips(
        site=np.array(chosen, np.int64),
        held_eV=held,
        held_J0_meV=factor * held,
        free_eV=free_eV,
        free_J0_meV=factor * free_eV,
        free_moment_muB=np.array([moment for _, moment, _ in free]),
        reason=tuple(reason for _, _, reason in free),
        repeat=cells,
    )


def _free_flip(supercell: Supercell, site: int, tolerance: float) -> tuple[float, float, str]:
    """Energy and moment of a reversed moment between equilibria, and why there are none."""
    atom, signs = supercell.atom(site), np.sign(supercell.moment_muB)
    start, ended = supercell.configurations(1), []
    for state in ("reference state", "reversed moment"):
        found = equilibrate_moments(supercell.potential, start, tolerance_eV_muB=tolerance)
        moments = found.configurations.moment_muB
        if state == "reversed moment":
            signs[atom] *= -1.0
        clear = np.abs(supercell.moment_muB) >= SMALL_MUB
        if not found.converged[0] or found.at_bound[0]:
            left = f"{found.largest_eV_muB[0]:.1e} eV/mu_B left, {found.at_bound[0]} moments at the bound"
            return np.nan, np.nan, f"{state}: no equilibrium, {left}"
        if (signs * moments <= 0)[clear].any():
            return np.nan, np.nan, f"{state}: moments changed their directions on the way to equilibrium"
        ended.append(found)
        start = found.configurations.with_moments(np.where(np.arange(len(moments)) == atom, -moments, moments))
    difference = ended[1].predictions.atom_energy_eV - ended[0].predictions.atom_energy_eV
    return float(difference.sum()), float(ended[1].configurations.moment_muB[atom]), ""
