"""Data sets of magnetic potentials: from calculations or from files, checked, and split without leaks."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.calculations import Calculations
from lodestone.artifacts.ragged import pack_texts
from lodestone.artifacts.spin_data import SpinData
from lodestone.spin_potential.configuration_files import read_cfg, read_extxyz
from lodestone.spin_potential.configurations import ConfigurationError, Configurations
from lodestone.spin_potential.loss import Labels

# Magnetic forces below this are those of free moments, as far as a DFT code converges them.
_FREE_EV_MUB = 2e-3
# Forces and stresses (3 GPa: an energy cutoff of a few hundred eV leaves as much) of a relaxed crystal.
_REST_EV_A, _REST_EV_A3 = 0.05, 0.02
# Names of configurations: the crystal, then how it was changed and a number.
_CHANGED, _SNAPSHOT = "+", "t"
# Equal energies to so many digits and equal atoms: the same calculation twice.
_ENERGY_DIGITS = 6


def from_calculations(batches: Sequence[Calculations], species: Sequence[str], provenance: Provenance) -> SpinData:
    """Gather calculations with free and with held moments.

    Free moments are marked as equilibrium: their magnetic forces are 0. What did not converge or lacks a label is
    left out by name.

    Raises
    ------
    ConfigurationError
        For another element, or if nothing is left.
    """
    from pymatgen.io.ase import AseAtomsAdaptor

    images, names, moments, free, left_out = [], [], [], [], []
    labels: list[list[NDArray]] = [[], [], [], []]
    for batch in batches:
        held_kind = batch.kind == "constrained"
        for row, (name, message) in enumerate(zip(batch.names(), batch.messages(), strict=True)):
            sites = batch.sites(row)
            reason = _unusable(batch, row, held_kind) or ""
            if batch.status[row] != Status.CONVERGED:
                reason = message or "not converged"
            if reason:
                left_out.append(f"{name}: {reason}")
                continue
            structure = batch.structure(row)
            structure.site_properties.clear()
            images.append(AseAtomsAdaptor.get_atoms(structure, msonable=False))
            names.append(name)
            moments.append(batch.moment_muB[sites])
            free.append(not held_kind)
            values = (batch.energy_eV[row], batch.force_eV_A[sites], batch.stress_eV_A3[row])
            magnetic = batch.magnetic_force_eV_muB[sites] if held_kind else np.zeros(sites.stop - sites.start)
            for column, value in zip(labels, (*values, magnetic), strict=True):
                column.append(np.asarray(value))
    if not images:
        raise ConfigurationError(f"nothing to fit to: {len(left_out)} calculations, none of them usable")
    made = Configurations.from_atoms(images, species, moments, names)
    known = Labels(*[np.concatenate(c) if np.ndim(c[0]) in (1, 2) and k in (1, 3) else np.array(c)
                     for k, c in enumerate(labels)])  # fmt: skip
    return pack(made, known, np.array(free), batches[0].provenance.backend, left_out, provenance)


def from_files(paths: Sequence[str], species: Sequence[str], labels_from: str, provenance: Provenance) -> SpinData:
    """Read `.cfg` files of MLIP and extended XYZ; configurations without magnetic forces to speak of are equilibrium.

    Raises
    ------
    ConfigurationFileError
        For a file that cannot be read.
    ConfigurationError
        For another element, or a name that two configurations share.
    """
    read = []
    for path in paths:
        reader = read_cfg if Path(path).name.endswith((".cfg", ".cfgs")) else read_extxyz
        read.append(reader(path, species))
    made = _joined([one for one, _ in read])
    labels = Labels(*(np.concatenate([getattr(one, f.name) for _, one in read]) for f in dataclasses.fields(Labels)))
    repeated = (
        {name for name in made.names if made.names.count(name) > 1} if len(set(made.names)) < len(made) else set()
    )
    if repeated:
        raise ConfigurationError(f"{min(repeated)}: found more than once in {', '.join(paths)}, expected unique names")
    largest = _largest(made, labels.magnetic_force_eV_muB)
    return pack(made, labels, largest < _FREE_EV_MUB, labels_from, [], provenance)


def pack(
    configurations: Configurations,
    labels: Labels,
    equilibrium: NDArray[np.bool_],
    labels_from: str,
    left_out: Sequence[str],
    provenance: Provenance,
) -> SpinData:
    """Return the artifact.

    A configuration ``crystal+h3`` was made from ``crystal``. Snapshots of one trajectory (``crystal+t1`` and on)
    remember one another and are one group; so are configurations that are equal.
    """
    names = configurations.names
    orderings: dict[str, int] = {}
    made_from = [orderings.setdefault(name.partition(_CHANGED)[0], len(orderings)) for name in names]
    offset, utf8 = pack_texts(list(names))
    bare = np.array([_CHANGED not in name for name in names])
    return SpinData(
        cell_A=configurations.cell_A,
        atom_offset=configurations.offset,
        position_A=configurations.position_A,
        kind=configurations.kind.astype(np.uint8),
        moment_muB=configurations.moment_muB,
        energy_eV=labels.energy_eV,
        force_eV_A=labels.force_eV_A,
        stress_eV_A3=labels.stress_eV_A3,
        magnetic_force_eV_muB=labels.magnetic_force_eV_muB,
        equilibrium=equilibrium.astype(np.uint8),
        relaxed=(bare & equilibrium & _at_rest(configurations, labels)).astype(np.uint8),
        group=_groups(configurations, labels.energy_eV),
        ordering=np.array(made_from, np.int64),
        name_offset=offset,
        name_utf8=utf8,
        species=list(configurations.species),
        labels_from=labels_from,
        left_out=list(left_out),
        provenance=provenance,
    )


def folds(data: SpinData, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the fold of each configuration (configuration,): groups stay whole, every crystal is in every fold.

    Raises
    ------
    ConfigurationError
        If there are fewer groups than folds.
    """
    groups = np.unique(data.group)
    if len(groups) < count:
        raise ConfigurationError(
            f"found {len(groups)} groups of configurations, expected at least {count} for the folds"
        )
    first = np.array([np.flatnonzero(data.group == group)[0] for group in groups])
    sizes = np.array([np.count_nonzero(data.group == group) for group in groups])
    shuffled = rng.permutation(len(groups))
    # Big groups first, so that the small ones even the folds out; crystal by crystal.
    order = sorted(shuffled, key=lambda g: (-sizes[g] if sizes[g] > 1 else 0, data.ordering[first[g]]))
    filled, fold_of = np.zeros(count), {}
    for g in order:
        fold = int(np.argmin(filled))
        fold_of[groups[g]] = fold
        filled[fold] += sizes[g]
    return np.array([fold_of[group] for group in data.group], np.int64)


def _unusable(batch: Calculations, row: int, held: bool) -> str:
    """Say what a calculation lacks to be learned from; empty if nothing."""
    for flag, what in (("has_energy", "energy"), ("has_forces", "forces"), ("has_stress", "stress")):
        if not getattr(batch, flag)[row]:
            return f"no {what}"
    if not batch.has_moments[row]:
        return "no moments"
    if held and not batch.has_magnetic_force[batch.sites(row)].all():
        return "no magnetic force on every atom"
    return ""


def _largest(configurations: Configurations, values: NDArray) -> NDArray[np.float64]:
    """Largest size of a label of an atom, by configuration; infinite where one is unknown."""
    of_atom = np.repeat(np.arange(len(configurations)), configurations.counts())
    sizes = np.abs(values).reshape(len(of_atom), -1).max(axis=1)
    found = np.zeros(len(configurations))
    np.maximum.at(found, of_atom, np.where(np.isfinite(sizes), sizes, np.inf))
    return found


def _at_rest(configurations: Configurations, labels: Labels) -> NDArray[np.bool_]:
    """Whether neither forces nor stresses are left, by configuration."""
    stress = np.abs(np.nan_to_num(labels.stress_eV_A3, nan=np.inf)).max(axis=(1, 2))
    return (_largest(configurations, labels.force_eV_A) < _REST_EV_A) & (stress < _REST_EV_A3)


def _groups(configurations: Configurations, energy_eV: NDArray) -> NDArray[np.int64]:
    """Return the group of each configuration."""
    seen: dict[object, int] = {}
    found = []
    for k, name in enumerate(configurations.names):
        crystal, _, change = name.partition(_CHANGED)
        rows = slice(configurations.offset[k], configurations.offset[k + 1])
        composition = tuple(np.bincount(configurations.kind[rows], minlength=len(configurations.species)))
        same = (composition, round(float(energy_eV[k]), _ENERGY_DIGITS)) if np.isfinite(energy_eV[k]) else name
        key: object = (crystal, _SNAPSHOT) if change.startswith(_SNAPSHOT) else same
        found.append(seen.setdefault(key, len(seen)))
    return np.array(found, np.int64)


def _joined(parts: Sequence[Configurations]) -> Configurations:
    """Put the configurations of several files behind one another."""
    counts = np.concatenate([part.counts() for part in parts])
    columns = {name: np.concatenate([getattr(p, name) for p in parts]) for name in ("cell_A", "position_A", "kind")}
    return Configurations(
        names=tuple(name for part in parts for name in part.names),
        species=parts[0].species,
        offset=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        moment_muB=np.concatenate([part.moment_muB for part in parts]),
        **columns,
    )
