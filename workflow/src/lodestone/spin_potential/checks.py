"""Checks of an ensemble beyond its errors: equilibrium moments and relaxed crystals (Kotykhov et al., 2.4 and 2.5)."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.ragged import pack_texts
from lodestone.artifacts.spin_checks import SpinChecks
from lodestone.artifacts.spin_data import SpinData
from lodestone.artifacts.spin_fits import SpinFits
from lodestone.spin_potential.configuration_files import to_atoms
from lodestone.spin_potential.equilibration import equilibrate_moments
from lodestone.spin_potential.relaxation import relax

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Crystals:
    """Relaxed crystals: energies per atom (..., crystal), edges of the cubic cell, moments per host atom."""

    energy_eV: Array
    lattice_A: Array
    moment_muB: Array


def check(
    data: SpinData, fits: SpinFits, solute_energy_eV: float, provenance: Provenance, log: logging.Logger
) -> SpinChecks:
    """Bring the moments of all equilibrium configurations to equilibrium, and relax all relaxed crystals anew.

    Parameters
    ----------
    data : SpinData
        Labels; free moments are where minimisation begins.
    fits : SpinFits
        The ensemble.
    solute_energy_eV : float
        Energy of an atom of the solute's crystal, which formation energies count from; 0 counts from the crystal
        with most solute atoms.
    provenance : Provenance
        Of the artifact.
    log : Logger
        Told what did not converge.
    """
    rows = np.flatnonzero(data.equilibrium == 1)
    chosen = data.configurations().select(rows.tolist())
    moments, equilibrated = [], []
    for member, potential in enumerate(fits.potentials()):
        found = equilibrate_moments(potential, chosen)
        moments.append(found.configurations.moment_muB)
        # At a bound a magnetic force may be left, or the moment may have run away: neither is an equilibrium.
        equilibrated.append(found.converged & (found.at_bound == 0))
        log.info("member %d: %d of %d configurations in equilibrium", member, int(equilibrated[-1].sum()), len(rows))
    crystals = np.flatnonzero(data.relaxed == 1)
    label, made, relaxed = _relax_all(data, fits, crystals, log)
    fractions, counts = _solute_fractions(data, crystals), data.counts()[crystals]
    offset, utf8 = pack_texts([data.names()[k] for k in crystals])
    return SpinChecks(
        row=rows,
        atom_offset=chosen.offset,
        is_host=(chosen.kind == 0).astype(np.uint8),
        label_moment_muB=chosen.moment_muB,
        moment_muB=np.array(moments).reshape(len(fits), -1),
        equilibrated=np.array(equilibrated, np.uint8).reshape(len(fits), len(rows)),
        name_offset=offset,
        name_utf8=utf8,
        atom_count=counts,
        solute_fraction=fractions,
        label_formation_eV=_formation(label.energy_eV, label.energy_eV, label.energy_eV, fractions, solute_energy_eV),
        label_lattice_A=label.lattice_A,
        label_moment_per_host_muB=label.moment_muB,
        formation_eV=_formation(
            made.energy_eV, np.where(relaxed, made.energy_eV, np.nan), label.energy_eV, fractions, solute_energy_eV
        ),
        lattice_A=made.lattice_A,
        moment_per_host_muB=made.moment_muB,
        relaxed=relaxed.astype(np.uint8),
        magnetic_size=fits.magnetic_size,
        magnetic_weight=fits.magnetic_weight,
        species=data.species,
        labels_from=data.labels_from,
        provenance=provenance,
    )


def _relax_all(
    data: SpinData, fits: SpinFits, crystals: NDArray, log: logging.Logger
) -> tuple[_Crystals, _Crystals, NDArray[np.bool_]]:
    """Relax crystals with every member; returns labels (crystal,), finds (member, crystal), and which ended."""
    configurations = data.configurations().select(crystals.tolist())
    images = to_atoms(configurations, data.labels().select(data.configurations(), crystals.tolist()))
    counts = configurations.counts()
    hosts = np.array([max(1, sum(s == data.species[0] for s in one.get_chemical_symbols())) for one in images])
    starts = [
        configurations.moment_muB[a:b] for a, b in zip(configurations.offset, configurations.offset[1:], strict=False)
    ]
    label = _Crystals(
        data.energy_eV[crystals] / counts,
        (2.0 * configurations.volumes_A3() / counts) ** (1 / 3),
        np.array([moments.sum() for moments in starts]) / hosts,
    )
    shape = (len(fits), len(images))
    made, relaxed = _Crystals(np.zeros(shape), np.zeros(shape), np.zeros(shape)), np.zeros(shape, bool)
    for member, potential in enumerate(fits.potentials()):
        for k, (image, moments) in enumerate(zip(images, starts, strict=True)):
            found = relax(potential, image, moments)
            made.energy_eV[member, k] = found.energy_eV / counts[k]
            made.lattice_A[member, k] = (2.0 * found.atoms.get_volume() / counts[k]) ** (1 / 3)
            made.moment_muB[member, k] = found.moment_muB.sum() / hosts[k]
            relaxed[member, k] = found.converged
            if not found.converged:
                log.warning("member %d, %s: not relaxed: %s", member, configurations.names[k], found.reason)
    return label, made, relaxed


def _solute_fractions(data: SpinData, crystals: NDArray) -> Array:
    """Fraction of solute atoms of each crystal (crystal,)."""
    chosen = data.configurations().select(crystals.tolist())
    return np.add.reduceat(chosen.kind > 0, chosen.offset[:-1]) / chosen.counts() if len(crystals) else np.zeros(0)


def _formation(energy_eV: Array, host_eV: Array, label_eV: Array, fractions: Array, solute_energy_eV: float) -> Array:
    """Return formation energies per atom (..., crystal) from the host's own crystal and a reference of the solute.

    `host_eV` are energies of the same method, NaN where a crystal cannot serve as the host's. The solute's reference is
    one number for both methods, since a potential of the alloy does not know the crystal of the solute.
    """
    pure = np.flatnonzero(fractions == 0.0)
    if len(fractions) == 0 or len(pure) == 0:
        return np.full(energy_eV.shape, np.nan)
    host = np.nan_to_num(host_eV[..., pure], nan=np.inf).min(axis=-1, keepdims=True)
    if solute_energy_eV == 0.0:
        richest = np.flatnonzero(fractions == fractions.max())
        lowest = label_eV[richest].min()
        most = fractions.max()
        solute_energy_eV = (lowest - (1 - most) * label_eV[pure].min()) / most if most > 0 else 0.0
    return energy_eV - (1 - fractions) * np.where(np.isfinite(host), host, np.nan) - fractions * solute_energy_eV
