"""The screening table: what the back end says of the crystals that a search found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.calculations import Calculations
from lodestone.artifacts.ragged import pack_texts
from lodestone.artifacts.screening import Screening
from lodestone.dft import stability
from lodestone.magnetism import four_f
from lodestone.magnetism.figures import polarisation_T
from lodestone.structures import cells

_SYMPREC_A = 0.1  # relaxed within a force tolerance, not to machine precision


@dataclass(frozen=True)
class Prediction:
    """What the models said of a crystal: id in the search, formation energy and its spread, saturation."""

    search_id: int
    formation_eV: float
    sigma_eV: float
    mu0_Ms_T: float


@dataclass(frozen=True)
class Magnetisation:
    """Moment of a cell with the 4f moments, and its polarisation."""

    moment_muB: float
    mu0_Ms_T: float
    exists: bool


def magnetisation(batch: Calculations, row: int) -> Magnetisation:
    """Return moment and polarisation of one calculation with the 4f moments of Hund's rules.

    Equation (1) of the Nd-Fe search: the 4f electrons are in the core of the potentials, or unknown to a fitted model,
    so that the valence moment lacks them. A back end that has them in the valence is not one of the search's.
    """
    if batch.status[row] != Status.CONVERGED or not batch.has_moments[row]:
        return Magnetisation(0.0, 0.0, False)
    numbers = batch.atomic_number[batch.sites(row)]
    rare = np.array([four_f.is_rare_earth(int(z)) for z in numbers])
    lead = -1.0 if batch.moment_muB[batch.sites(row)][~rare].sum() < 0 else 1.0
    shells = sum(four_f.moment_4f_muB(int(z)) for z in numbers[rare])
    moment = lead * float(batch.total_moment_muB[row]) + shells
    return Magnetisation(moment, polarisation_T(moment, float(batch.volumes_A3()[row])), True)


def derive(
    crystals: Sequence[Calculations],
    references: Sequence[Calculations],
    predictions: Mapping[str, Prediction],
    curie_K: Mapping[str, float],
    threshold_mu0_Ms_T: float,
    provenance: Provenance,
) -> Screening:
    """Put predictions and calculations side by side.

    Parameters
    ----------
    crystals, references : sequence of Calculations
        The finds, and elements with the known compounds; one back end, equal settings.
    predictions : mapping of name to Prediction
        Of the crystals that the search found; the others are references of the paper.
    curie_K : mapping of name to float
        Curie temperatures of crystals whose exchange couplings are known.
    threshold_mu0_Ms_T : float
        Predicted saturation above which crystals were validated.
    provenance : Provenance
        Of the artifact.
    """
    hull = stability.derive(crystals, references, provenance)
    names = hull.names()
    rows = [(batch, k) for batch in crystals for k in range(len(batch))]
    found = [magnetisation(batch, k) for batch, k in rows]
    groups = [_space_group(batch, k) for batch, k in rows]
    said = [predictions.get(name) for name in names]
    return Screening(
        kind=np.array([prediction is None for prediction in said], np.uint8),
        search_id=np.array([-1 if p is None else p.search_id for p in said], np.int64),
        status=hull.status,
        site_count=hull.site_count,
        space_group=np.array([number for number, _ in groups], np.int64),
        volume_A3=hull.volume_A3,
        predicted_formation_eV=np.array([0.0 if p is None else p.formation_eV for p in said]),
        predicted_sigma_eV=np.array([0.0 if p is None else p.sigma_eV for p in said]),
        predicted_mu0_Ms_T=np.array([0.0 if p is None else p.mu0_Ms_T for p in said]),
        has_prediction=np.array([p is not None for p in said], np.uint8),
        formation_eV=hull.formation_energy_eV_per_atom,
        formation_spread_eV=hull.formation_spread_eV_per_atom,
        above_hull_eV=hull.above_hull_eV_per_atom,
        has_energy=hull.has_formation_energy,
        moment_muB=np.array([m.moment_muB for m in found]),
        mu0_Ms_T=np.array([m.mu0_Ms_T for m in found]),
        has_mu0_Ms=np.array([m.exists for m in found], np.uint8),
        Tc_K=np.array([curie_K.get(name, 0.0) for name in names]),
        has_Tc=np.array([name in curie_K for name in names], np.uint8),
        name_offset=hull.name_offset,
        name_utf8=hull.name_utf8,
        formula_offset=hull.formula_offset,
        formula_utf8=hull.formula_utf8,
        **dict(zip(("group_offset", "group_utf8"), pack_texts([symbol for _, symbol in groups]), strict=True)),
        reason_offset=hull.reason_offset,
        reason_utf8=hull.reason_utf8,
        backend=hull.backend,
        moments_signed=hull.moments_signed,
        threshold_mu0_Ms_T=threshold_mu0_Ms_T,
        provenance=provenance,
    )


def _space_group(batch: Calculations, row: int) -> tuple[int, str]:
    """Return number and symbol of the space group of a final geometry; 0 and nothing without one."""
    if batch.status[row] != Status.CONVERGED:
        return 0, ""
    structure = batch.structure(row)
    if "magmom" in structure.site_properties:
        structure.remove_site_property("magmom")
    try:
        found = cells.symmetry(structure, _SYMPREC_A)
    except ValueError:
        return 0, ""
    return found.number, found.symbol
