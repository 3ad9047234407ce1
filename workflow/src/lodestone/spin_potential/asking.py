"""The next calculations that a potential asks for, among strained crystals with held moments."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lodestone import random
from lodestone.artifacts.base import Provenance
from lodestone.artifacts.spin_data import SpinData
from lodestone.artifacts.spin_fits import SpinFits
from lodestone.artifacts.structure_set import StructureSet
from lodestone.spin_potential.active import ask
from lodestone.spin_potential.configuration_files import to_atoms
from lodestone.spin_potential.configurations import Configurations
from lodestone.spin_potential.members import target_of
from lodestone.structures import alloys, readers, spin_configurations
from lodestone.structures.readers import Entry

LABEL = "asked for by a fitted potential"
STAGE = "spin_asked"


def asked(
    data: SpinData,
    fits: SpinFits,
    settings: Mapping[str, Any],
    seed: int,
    provenance: Provenance,
    log: logging.Logger,
) -> StructureSet:
    """Draw crystals as those that are computed are drawn, and keep those on which a potential extrapolates most.

    Parameters
    ----------
    data : SpinData
        What is labelled; its relaxed crystals are strained, or orderings of the alloy where it has none.
    fits : SpinFits
        The first potential asks; all of an ensemble have seen the same labels.
    settings : mapping
        Those of `spin_configurations.perturbed` and `alloys.orderings`; weights of the fit; pool and count, how many
        crystals are drawn and how many kept.
    seed : int
        Of the streams.
    provenance : Provenance
        Of the set.
    log : Logger
        Told what is asked for, with its extrapolation grade.
    """
    potential = fits.potential(0)
    entries = _starts(data, settings, seed, provenance)
    drawn = spin_configurations.perturbed(
        entries, {**settings, "perturbed": settings["pool"]}, _streams(seed), provenance
    )
    pool = readers.unpack(drawn)
    inside = [entry for entry in pool if np.abs(_moments(entry)).max() <= potential.m_max_muB]
    if len(inside) < len(pool):
        log.info("%d crystals left out: moments beyond %g mu_B", len(pool) - len(inside), potential.m_max_muB)
    labelled = data.configurations()
    weights = target_of(labelled, data.labels(), np.arange(len(data)), settings).weights
    chosen, grades = ask(potential, weights, labelled, _configurations(inside, data.species), settings["count"])
    # Names tell by which labels a potential asked: those of a later round are others.
    version = data.provenance.key[:6]
    kept = []
    for k, grade in zip(chosen.tolist(), grades.tolist(), strict=True):
        crystal, _, number = inside[k].name.partition("+h")
        kept.append(Entry(f"{crystal}+a{version}-{number}", f"{crystal}: {LABEL}", inside[k].structure))
        log.info("%s: extrapolation grade %.3g", kept[-1].name, grade)
    return readers.pack(kept, provenance)


def _streams(seed: int) -> Any:
    return lambda number: random.stream(seed, STAGE, number)


def _starts(data: SpinData, settings: Mapping[str, Any], seed: int, provenance: Provenance) -> list[Entry]:
    """Return the relaxed crystals among the labels, or unrelaxed orderings of the alloy."""
    from pymatgen.io.ase import AseAtomsAdaptor

    rows = np.flatnonzero(data.relaxed == 1).tolist()
    if not rows:
        return readers.unpack(alloys.orderings(settings, _streams(seed), provenance))
    chosen = data.configurations().select(rows)
    images = to_atoms(chosen, data.labels().select(data.configurations(), rows))
    entries = []
    for k, image in enumerate(images):
        structure = AseAtomsAdaptor.get_structure(image)
        structure.site_properties.clear()
        structure.add_site_property("magmom", chosen.moment_muB[chosen.offset[k] : chosen.offset[k + 1]].tolist())
        entries.append(Entry(chosen.names[k], f"relaxed, {data.labels_from}", structure))
    return entries


def _moments(entry: Entry) -> NDArray[np.float64]:
    return np.asarray(entry.structure.site_properties["magmom"], float)


def _configurations(entries: Sequence[Entry], species: Sequence[str]) -> Configurations:
    """Return the same crystals as a potential takes them."""
    from pymatgen.io.ase import AseAtomsAdaptor

    images = []
    for entry in entries:
        bare = entry.structure.copy()
        bare.site_properties.clear()
        images.append(AseAtomsAdaptor.get_atoms(bare, msonable=False))
    return Configurations.from_atoms(images, species, [_moments(e) for e in entries], [e.name for e in entries])
