"""Anisotropy constants from energies with spin-orbit coupling along several axes: E = E_0 + K_1 V sin^2 theta."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lodestone.artifacts.anisotropy import Anisotropy
from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.calculations import Calculations
from lodestone.artifacts.ragged import pack_texts
from lodestone.dft.merit import saturation_fields
from lodestone.dft.spin_axes import is_cubic, unique_axis
from lodestone.magnetism import figures

EV_A3_J_M3 = 1.602176634e11  # eV per cubic angstrom in J/m3
# A fit explains the energies as one uniaxial constant if what it leaves is below this part of its range.
_UNIAXIAL_MISFIT = 0.1
# Energies that differ by less cannot be told apart: double the electronic tolerance of such a calculation.
_RESOLUTION_EV = 2e-8


@dataclass(frozen=True)
class Fit:
    """One constant and its axis.

    Attributes
    ----------
    K1_J_m3 : float
        Positive for an easy axis, negative for an easy plane.
    axis : (3,)
        Unit vector, Cartesian, from which theta is counted.
    misfit_J_m3 : float
        Root mean square of what the fit leaves.
    uniaxial : bool
        Whether one axis explains the energies: not if `misfit_J_m3` is large.
    easy : int
        Number of the direction with the lowest energy.
    """

    K1_J_m3: float
    axis: np.ndarray
    misfit_J_m3: float
    uniaxial: bool
    easy: int


def fit(directions: np.ndarray, energies_eV: np.ndarray, volume_A3: float, axes: np.ndarray) -> Fit:
    """Fit E_0 and K_1 for each axis by least squares and keep the axis that leaves least.

    Parameters
    ----------
    directions : (n, 3)
        Directions of the magnetisation, Cartesian, of any length.
    energies_eV : (n,)
        Energies of the cell.
    volume_A3 : float
        Its volume.
    axes : (m, 3)
        Possible axes, Cartesian.

    Raises
    ------
    ValueError
        If no axis has directions at two different angles.
    """
    units = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    best: Fit | None = None
    for axis in axes / np.linalg.norm(axes, axis=1, keepdims=True):
        sine2 = 1 - np.clip(units @ axis, -1, 1) ** 2
        if np.ptp(sine2) < 1e-3:
            continue
        matrix = np.column_stack([np.ones_like(sine2), sine2])
        solution, *_ = np.linalg.lstsq(matrix, energies_eV, rcond=None)
        left = float(np.sqrt(np.mean((matrix @ solution - energies_eV) ** 2)))
        if best is None or left / volume_A3 * EV_A3_J_M3 < best.misfit_J_m3:
            fits = left <= max(_RESOLUTION_EV, _UNIAXIAL_MISFIT * abs(solution[1]))
            scale = EV_A3_J_M3 / volume_A3
            best = Fit(float(solution[1]) * scale, axis, left * scale, bool(fits), int(np.argmin(energies_eV)))
    if best is None:
        raise ValueError(f"directions: found {len(directions)} at one angle from every axis, expected two angles")
    return best


def derive(batches: Sequence[Calculations], provenance: Provenance) -> Anisotropy:
    """Fit all crystals of all batches; those without a constant have a reason, and never stop the others."""
    rows = [(batch, k) for batch in batches for k in range(len(batch))]
    tried = [_fit_row(batch, k) for batch, k in rows]
    fits = [found if isinstance(found, Fit) else None for found in tried]
    offset, utf8 = pack_texts([name for batch in batches for name in batch.names()])
    reason_offset, reason_utf8 = pack_texts(["" if isinstance(found, Fit) else found for found in tried])
    return Anisotropy(
        index=np.array([batch.index[k] for batch, k in rows], dtype=np.int64),
        status=np.array([batch.status[k] for batch, k in rows], dtype=np.uint8),
        K1_J_m3=np.array([0.0 if f is None else f.K1_J_m3 for f in fits]),
        has_K1=np.array([f is not None for f in fits], dtype=np.uint8),
        misfit_J_m3=np.array([0.0 if f is None else f.misfit_J_m3 for f in fits]),
        uniaxial=np.array([f is not None and f.uniaxial for f in fits], dtype=np.uint8),
        easy_direction=np.array([0 if f is None else f.easy for f in fits], dtype=np.int64),
        unit_axis=np.array([np.zeros(3) if f is None else f.axis for f in fits]).reshape(-1, 3),
        **_merit(batches, fits),
        name_offset=offset,
        name_utf8=utf8,
        reason_offset=reason_offset,
        reason_utf8=reason_utf8,
        backend=batches[0].backend,
        moments_signed=batches[0].moments_signed,
        provenance=provenance,
    )


def _merit(batches: Sequence[Calculations], fits: Sequence[Fit | None]) -> dict[str, np.ndarray]:
    """Saturation, hardness and anisotropy field; the last two need a uniaxial constant."""
    fields = saturation_fields(batches)
    pairs = [
        (found.K1_J_m3, float(field)) if found is not None and found.uniaxial and exists else None
        for found, field, exists in zip(fits, fields["mu0_Ms_T"], fields["has_mu0_Ms"], strict=True)
    ]
    return {
        **fields,
        "has_hardness": np.array([pair is not None for pair in pairs], dtype=np.uint8),
        "hardness": np.array([0.0 if pair is None else figures.hardness(*pair) for pair in pairs]),
        "anisotropy_field_T": np.array([0.0 if pair is None else figures.anisotropy_field_T(*pair) for pair in pairs]),
    }


def _fit_row(batch: Calculations, row: int) -> Fit | str:
    """Fit of one crystal about its unique axis, or else the best of those computed; in words why there is none."""
    if batch.status[row] != Status.CONVERGED:
        return batch.messages()[row] or Status(int(batch.status[row])).name.lower().replace("_", " ")
    if not batch.has_axis_energies[row]:
        return "no energies with spin-orbit coupling"
    structure = batch.structure(row)
    if is_cubic(structure):
        return "cubic: symmetry leaves no constant of second order"
    # Crystals whose lattice vectors tell nothing were computed along axes of their own.
    own = batch.extras(row).get("spin_axes")
    directions = batch.direction @ structure.lattice.matrix if own is None else np.array(own)
    axis = unique_axis(structure)
    axes = directions if axis is None else axis[None]
    try:
        return fit(directions, batch.axis_energy_eV[row], float(structure.volume), axes)
    except ValueError as error:
        return str(error)
