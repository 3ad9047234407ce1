"""Figures of merit of a hard magnetic phase: saturation, hardness, energy product."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from numbers import Real

import numpy as np

from lodestone.magnetism.four_f import is_rare_earth, moment_4f_muB
from lodestone.magnetism.units import MU0, MU_B

_A3 = 1e-30
_SYMBOLS = frozenset(
    re.findall(
        "[A-Z][a-z]?",
        "HHeLiBeBCNOFNeNaMgAlSiPSClArKCaScTiVCrMnFeCoNiCuZnGaGeAsSeBrKrRbSrYZrNbMoTcRuRhPdAgCdInSnSbTeIXeCsBaLaCePrNd"
        "PmSmEuGdTbDyHoErTmYbLuHfTaWReOsIrPtAuHgTlPbBiPoAtRnFrRaAcThPaUNpPuAmCmBkCfEsFmMdNoLrRfDbSgBhHsMtDsRgCnNhFlMcLvTsOg",
    )
)
# Volume per atom: below any solid at normal pressure (diamond: 5.7), above any (caesium: 115). Beyond: a wrong unit.
_ATOM_A3 = (2.0, 200.0)
_CELL_A3 = (1.0, 1e6)


def polarisation_T(moment_muB: float, volume_A3: float) -> float:
    """Polarisation mu0 M of a moment in a volume; 1 mu_B per cubic angstrom is 11.654 T.

    Raises
    ------
    ValueError
        If the volume is not positive or a number is not finite.
    """
    if not (math.isfinite(moment_muB) and math.isfinite(volume_A3) and volume_A3 > 0):
        raise ValueError(f"moment_muB, volume_A3: found {moment_muB}, {volume_A3}, expected finite, a volume above 0")
    return MU0 * MU_B * moment_muB / (volume_A3 * _A3)


def total_moment_muB(
    spin_moment_muB: float | Sequence[float] | np.ndarray,
    elements: Sequence[str] | Mapping[str, float] = (),
) -> float:
    """Moment of a cell with the open-core 4f moment of every rare earth added.

    Parameters
    ----------
    spin_moment_muB : float or sequence of float
        Valence moment of the cell, or of every site, without the 4f shell, the 3d moments counted positive.
    elements : sequence of str or mapping of str to float
        Element of every site, or number of atoms of each element. Left out: the moments have everything in them.

    Returns
    -------
    float
        Moment in Bohr magnetons (equation (1) of the Nd-Fe search).

    Raises
    ------
    ValueError
        If the numbers of moments and elements differ, a moment is not finite, a symbol unknown or a number negative.
    """
    moments = np.atleast_1d(np.asarray(spin_moment_muB, float))
    if not np.isfinite(moments).all():
        raise ValueError(f"spin_moment_muB: found {spin_moment_muB}, expected finite numbers")
    counts = _counts(elements)
    if not isinstance(elements, Mapping) and len(moments) > 1 and len(elements) not in (0, len(moments)):
        raise ValueError(f"elements: found {len(elements)}, expected {len(moments)}, one for every moment")
    shells = sum(number * moment_4f_muB(element) for element, number in counts.items() if is_rare_earth(element))
    return float(moments.sum() + shells)


def _counts(elements: Sequence[str] | Mapping[str, float]) -> dict[str, float]:
    """Count the atoms of each element."""
    if isinstance(elements, str):
        raise ValueError(
            f"elements: found the text {elements!r}, expected a list with one symbol for every site, or numbers of "
            "atoms by symbol"
        )
    counts: dict[str, float] = {}
    for element in elements:
        if element not in _SYMBOLS:
            raise ValueError(f"elements: found {element!r}, expected the symbol of an element, such as 'Nd' or 'Fe'")
        number = elements[element] if isinstance(elements, Mapping) else 1
        if not (isinstance(number, Real) and math.isfinite(number) and number >= 0):
            raise ValueError(f"elements: found {number!r} atoms of {element}, expected a number from 0")
        counts[element] = counts.get(element, 0) + number
    return counts


def saturation_magnetisation_T(
    spin_moment_muB: float | Sequence[float] | np.ndarray,
    volume_A3: float,
    elements: Sequence[str] | Mapping[str, float] = (),
) -> float:
    """Saturation polarisation mu0 M_s of a cell, the 4f moments of `elements` added; see `total_moment_muB`.

    Raises
    ------
    ValueError
        As there, and if the volume is implausible: not 2 to 200 cubic angstrom for each atom where all atoms are known,
        not 1 to 1e6 for the cell otherwise.
    """
    moment = total_moment_muB(spin_moment_muB, elements)
    counts = _counts(elements)
    atoms = max(sum(counts.values()), np.size(spin_moment_muB))
    # A rare earth alone is named for its 4f shell; how many atoms the cell has is then not said.
    all_named = np.size(spin_moment_muB) > 1 or not all(map(is_rare_earth, counts))
    low = max(_CELL_A3[0], _ATOM_A3[0] * atoms if counts or all_named else 0.0)
    high = _ATOM_A3[1] * atoms if all_named and atoms > 0 else _CELL_A3[1]
    if not low <= volume_A3 <= high:
        raise ValueError(
            f"volume_A3: found {volume_A3:g}, allowed are {low:g} to {high:g} cubic angstrom"
            + (f" for {atoms:g} atoms" if all_named else "")
        )
    return polarisation_T(moment, volume_A3)


def anisotropy_field_T(K1_J_m3: float, mu0_Ms_T: float) -> float:
    """Anisotropy field mu0 H_A = 2 K_1 / M_s, in T."""
    return 2 * K1_J_m3 * MU0 / _positive("mu0_Ms_T", mu0_Ms_T)


def hardness(K1_J_m3: float, mu0_Ms_T: float) -> float:
    """Magnetic hardness kappa = sqrt(K_1 / (mu0 M_s^2)).

    Above 1 a magnet of any shape can be made (Skomski and Coey, Scripta Materialia 112, 3 (2016)). An easy plane, with
    K_1 below 0, has no hardness: 0.
    """
    return math.sqrt(max(K1_J_m3, 0.0) * MU0) / _positive("mu0_Ms_T", mu0_Ms_T)


def energy_product_limit_kJ_m3(mu0_Ms_T: float) -> float:
    """Largest energy product that a polarisation allows, (BH)_max = (mu0 M_s)^2 / (4 mu0), in kJ/m3."""
    return mu0_Ms_T**2 / (4 * MU0) * 1e-3


def _positive(name: str, value: float) -> float:
    """Return a value that must be above 0."""
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name}: found {value}, allowed are finite numbers above 0")
    return value
