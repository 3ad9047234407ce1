"""Which crystals of a search get exchange couplings, under names that are known before the crystals are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from lodestone import paths_search
from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.calculations import Calculations
from lodestone.artifacts.curie import Curie
from lodestone.artifacts.structure_set import StructureSet
from lodestone.dft import stability
from lodestone.search import references as compared
from lodestone.structures.readers import Entry


def choose(
    crystals: Sequence[Calculations],
    references: Sequence[Calculations],
    count: int,
    pair: tuple[str, str],
    provenance: Provenance,
) -> list[Entry]:
    """Relaxed crystals by rank, those of lowest formation energy first, and what they are compared with.

    Parameters
    ----------
    crystals, references : sequence of Calculations
        The validated crystals, and elements with the known compounds; one back end, equal settings.
    count : int
        Number of finds; fewer where fewer have an energy.
    pair : (str, str)
        The two elements, the rarer first.
    provenance : Provenance
        Of what is made of them.

    Returns
    -------
    list of Entry
        The source of each is the name that it has among `crystals` or `references`.
    """
    minority, majority = pair
    hull = stability.derive(crystals, references, provenance)
    energy = np.where(hull.has_formation_energy == 1, hull.formation_energy_eV_per_atom, np.inf)
    known = compared.names(minority, majority)
    names = hull.names()
    ranked = [int(row) for row in np.argsort(energy, kind="stable") if np.isfinite(energy[row])]
    finds = [names[row] for row in ranked if names[row] not in known][:count]
    wanted = dict(zip(paths_search.ranked(count), finds, strict=False))
    wanted |= {paths_search.compared(name): name for name in (known[1], majority)}
    return [
        entry
        for system, name in wanted.items()
        if (entry := _relaxed([*crystals, *references], system, name)) is not None
    ]


def _relaxed(batches: Sequence[Calculations], system: str, name: str) -> Entry | None:
    """Last geometry of one crystal, without the moments of a back end that knows no signs; None if it did not end."""
    for batch in batches:
        for row, other in enumerate(batch.names()):
            if other == name and batch.status[row] == Status.CONVERGED:
                structure = batch.structure(row)
                if "magmom" in structure.site_properties:
                    structure.remove_site_property("magmom")
                return Entry(system, name, structure)
    return None


def curie_temperatures_K(coupled: StructureSet | None, curies: Sequence[Curie]) -> Mapping[str, float]:
    """Curie temperatures in mean field, as in the paper, by the name that the crystal has among the candidates."""
    known = dict(zip(coupled.names(), coupled.sources(), strict=True)) if coupled is not None else {}
    found = {known.get(one.name, one.name): one.curie_temperature_K("mean_field") for one in curies}
    return {name: value for name, value in found.items() if value is not None}
