"""What the specialised models say of relaxed crystals: the values that the search compares them by."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lodestone.artifacts.candidates import Candidates
from lodestone.artifacts.graph_model import GraphModel
from lodestone.artifacts.hashing import file_sha256
from lodestone.artifacts.population import Population
from lodestone.dft.relaxation import Geometry
from lodestone.graph_models.predictor import Predictor
from lodestone.magnetism import four_f
from lodestone.magnetism.figures import polarisation_T
from lodestone.search.fitness import Values

ENERGY, MOMENT = "formation_energy_eV_per_atom", "moment_muB_per_atom"
ANISOTROPY = "anisotropy_MJ_m3"


def judge(crystals: Candidates, models: Sequence[str | Path], device: str) -> Values:
    """Predict formation energy with its uncertainty, the saturation with the 4f moments, and anisotropy if a model can.

    Parameters
    ----------
    crystals : Candidates
        Relaxed crystals.
    models : sequence of path
        `GraphModel` artifacts that together predict formation energy and moment, and perhaps anisotropy.
    device : str
        auto, cpu or gpu.

    Returns
    -------
    Values
        NaN for crystals about which a model says nothing.

    Raises
    ------
    ValueError
        If no model predicts one of the first two.
    """
    geometries = [
        Geometry(k, crystals.atomic_number[rows].astype(np.int64), crystals.lattice_A[k], crystals.fractional[rows])
        for k, rows in ((k, crystals.sites(k)) for k in range(len(crystals)))
    ]
    columns: dict[str, np.ndarray] = {}
    sigma = np.zeros(len(geometries))
    for path in models:
        said = Predictor(GraphModel.read(path), device)(geometries)
        for name in (ENERGY, MOMENT, ANISOTROPY):
            if name in said.targets:
                columns[name] = said.column(name)
        if ENERGY in said.targets:
            sigma = said.sigma[:, said.targets.index(ENERGY)]
    missing = [name for name in (ENERGY, MOMENT) if name not in columns]
    if missing:
        raise ValueError(f"models: found {', '.join(map(str, models))}, none of which predicts {', '.join(missing)}")
    return Values(
        formation_energy_eV_per_atom=columns[ENERGY],
        mu0_Ms_T=saturation_T(crystals, columns[MOMENT]),
        uncertainty_eV_per_atom=sigma,
        anisotropy_MJ_m3=columns.get(ANISOTROPY),
    )


def other_models(population: Population, models: Sequence[str | Path]) -> bool:
    """Whether a population was ranked with other models than these, so that its crystals have to be judged anew."""
    return not set(map(file_sha256, models)) <= set(population.provenance.parents.values())


def saturation_T(crystals: Candidates, moment_muB_per_atom: np.ndarray) -> np.ndarray:
    """Return the saturation polarisation (structure,) with the 4f moments of Hund's rules, T.

    Equation (1) of the Nd-Fe search: valence moments and 4f moments over the volume of the cell.
    """
    shells = {z: four_f.moment_4f_muB(z) for z in np.unique(crystals.atomic_number).tolist() if four_f.is_rare_earth(z)}
    of_site = np.array([shells.get(int(z), 0.0) for z in crystals.atomic_number])
    of_cell = np.add.reduceat(of_site, crystals.site_offset[:-1]) if len(of_site) else np.zeros(0)
    moments = moment_muB_per_atom * crystals.site_counts() + of_cell
    return np.array(
        [
            polarisation_T(float(moment), float(volume)) if np.isfinite(moment) else np.nan
            for moment, volume in zip(moments, crystals.volumes_A3(), strict=True)
        ]
    )
