"""Which crystals of a population go to the back end, and what the models said of them."""

from __future__ import annotations

from logging import Logger

import numpy as np

from lodestone.artifacts.population import Population
from lodestone.search.screening import Prediction
from lodestone.structures.readers import Entry


def best(population: Population, count: int, min_mu0_Ms_T: float, log: Logger) -> list[Entry]:
    """Crystals of the lowest formation energy among those with enough magnetisation.

    Parameters
    ----------
    population : Population
        State of the search at its end.
    count : int
        Number of crystals.
    min_mu0_Ms_T : float
        Smallest predicted saturation, T. Where too few reach it, the Pareto front fills the places that are left.
    log : Logger
        Told how many reached it.
    """
    usable = (population.defect == 0) & (population.rank >= 0)
    enough = usable & (population.mu0_Ms_T >= min_mu0_Ms_T)
    by_energy = np.argsort(population.formation_energy_eV_per_atom, kind="stable")
    chosen = [int(row) for row in by_energy if enough[row]][:count]
    log.info("%d of %d usable crystals reach %g T", int(enough.sum()), int(usable.sum()), min_mu0_Ms_T)
    if len(chosen) < count:
        others = [int(row) for row in population.front() if usable[row] and int(row) not in chosen]
        log.warning("fewer than %d crystals reach %g T: the front fills up", count, min_mu0_Ms_T)
        chosen += others[: count - len(chosen)]
    return [_entry(population, row) for row in chosen]


def most_uncertain(population: Population, count: int) -> list[Entry]:
    """Crystals among the parents of the next generation about which the models disagree most."""
    rows = population.parents()
    order = np.argsort(-population.uncertainty_eV_per_atom[rows], kind="stable")
    return [_entry(population, int(row)) for row in rows[order][:count]]


def predictions(population: Population) -> dict[str, Prediction]:
    """Return what the models said, by name of the crystal."""
    return {
        name: Prediction(
            search_id=int(population.id[row]),
            formation_eV=float(population.formation_energy_eV_per_atom[row]),
            sigma_eV=float(population.uncertainty_eV_per_atom[row]),
            mu0_Ms_T=float(population.mu0_Ms_T[row]),
        )
        for row, name in enumerate(population.names())
    }


def _entry(population: Population, row: int) -> Entry:
    """One crystal without the moments of the model, which are no start for a back end."""
    structure = population.structure(row)
    if "magmom" in structure.site_properties:
        structure.remove_site_property("magmom")
    return Entry(population.name(row), population.sources()[row], structure)
