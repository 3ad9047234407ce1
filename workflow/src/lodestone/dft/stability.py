"""Formation energies from element references with the same settings, and the convex hull by pymatgen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition, Element

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.calculations import Calculations
from lodestone.artifacts.hull import Hull
from lodestone.artifacts.ragged import pack_texts
from lodestone.dft.corrections import mp2020
from lodestone.dft.merit import saturation_fields
from lodestone.magnetism.figures import energy_product_limit_kJ_m3


@dataclass(frozen=True)
class Energy:
    """Energies per atom of one crystal: corrected, by model, and the correction among them."""

    composition: Composition
    by_model: np.ndarray
    correction: float


@dataclass(frozen=True)
class _Place:
    """Where a crystal stands relative to the elements and the hull, by model (model,)."""

    formation: np.ndarray
    above: np.ndarray
    decay: str


# What stands for the corrections of energies of models that were fitted to corrected ones.
IN_MODEL = "none (in the model)"
# How far a U shifts the total energy depends on a code's projections on the d orbitals: the corrections that make GGA
# and GGA+U comparable hold for the code whose energies they were fitted to.
FITTED_TO = ("vasp",)


def derive(crystals: Sequence[Calculations], elements: Sequence[Calculations], provenance: Provenance) -> Hull:
    """Count formation energies and energies above the hull.

    Crystals of a single element among `crystals` are references too: the most stable one of all counts.

    Parameters
    ----------
    crystals, elements : sequence of Calculations
        All batches of the last step, with one back end and the same settings.
    provenance : Provenance
        Of the artifact.

    Raises
    ------
    ValueError
        If batches differ in back end, models or settings.
    """
    _require_same([*crystals, *elements])
    first = [*crystals, *elements][0]
    corrections = _corrections(first)
    own = [energy for batch in crystals for energy in _energies(batch, corrections)]
    references = [energy for batch in elements for energy in _energies(batch, corrections)]
    models = max(1, len(first.models))
    known = [energy for energy in [*own, *references] if isinstance(energy, Energy)]
    lowest = _lowest(known, models)
    hulls = _Hulls(known, lowest, models)
    places = [hulls.place(energy) if isinstance(energy, Energy) else energy for energy in own]
    return _pack(crystals, own, places, lowest, corrections, provenance)


def _corrections(batch: Calculations) -> str:
    """Corrections that are applied: none to a model's energies, as it was fitted to corrected ones."""
    asked = str(batch.settings["corrections"])
    return IN_MODEL if asked != "none" and batch.models else asked


def _require_same(batches: Sequence[Calculations]) -> None:
    """Energies of different settings must not be compared."""
    for batch in batches[1:]:
        for name in ("backend", "models", "settings"):
            found, expected = getattr(batch, name), getattr(batches[0], name)
            if found != expected:
                raise ValueError(
                    f"calculations: {name}: found {found} and {expected}, expected the same in all batches"
                )


def _energies(batch: Calculations, corrections: str) -> list[Energy | str]:
    """Energies per atom of the calculations that converged, in words why there is none for the others."""
    return [_energy(batch, k, corrections) for k in range(len(batch))]


def _energy(batch: Calculations, row: int, corrections: str) -> Energy | str:
    """Energy per atom of one calculation."""
    if batch.status[row] != Status.CONVERGED:
        return batch.messages()[row] or Status(int(batch.status[row])).name.lower().replace("_", " ")
    structure = batch.structure(row)
    total = batch.model_energy_eV[row] if batch.models else batch.energy_eV[row : row + 1]
    correction = 0.0
    if corrections == "mp2020":
        extras = batch.extras(row)
        if not extras.get("run_type"):
            return "mp2020: the back end does not say whether this is GGA or GGA+U"
        if extras["run_type"] == "GGA+U" and batch.backend not in FITTED_TO:
            return f"mp2020: its corrections of GGA+U are fitted to {', '.join(FITTED_TO)}, not to {batch.backend}"
        adjusted = mp2020(structure, float(batch.energy_eV[row]), extras)
        if adjusted is None:
            used = ", ".join(f"{name} {u:g} eV" for name, u in sorted(extras.get("hubbard_U_eV", {}).items()))
            return f"mp2020 does not allow {extras['run_type']} (U: {used or 'none'}) for this composition"
        correction = adjusted
    sites = len(structure)
    return Energy(structure.composition, (total + correction) / sites, correction / sites)


def _lowest(energies: Iterable[Energy], models: int) -> dict[str, np.ndarray]:
    """Lowest energy per atom of each element, by model (model,)."""
    lowest: dict[str, np.ndarray] = {}
    for energy in energies:
        if energy.composition.is_element:
            symbol = energy.composition.elements[0].symbol
            lowest[symbol] = np.minimum(lowest.get(symbol, np.full(models, np.inf)), energy.by_model)
    return lowest


class _Hulls:
    """Convex hulls of the chemical systems that occur, one for each model, made when they are needed."""

    def __init__(self, energies: Sequence[Energy], lowest: Mapping[str, np.ndarray], models: int) -> None:
        self.energies, self.lowest, self.models = energies, lowest, models
        self.made: dict[frozenset[str], list[PhaseDiagram]] = {}

    def place(self, energy: Energy) -> _Place | str:
        """Return formation energy and energy above the hull; in words which element has no reference."""
        symbols = frozenset(element.symbol for element in energy.composition.elements)
        if not symbols <= set(self.lowest):
            return f"no reference energy of {', '.join(sorted(symbols - set(self.lowest)))}"
        fractions = energy.composition.fractional_composition
        elements = sum(fraction * self.lowest[element.symbol] for element, fraction in fractions.items())
        above, decay = np.zeros(self.models), ""
        for k, diagram in enumerate(self._diagrams(symbols)):
            entry = PDEntry(fractions, float(energy.by_model[k]))
            products, distance = diagram.get_decomp_and_e_above_hull(entry, allow_negative=True)
            if products is None or distance is None:
                raise ValueError(
                    f"{fractions.reduced_formula}: pymatgen found no place on the hull of {sorted(symbols)}"
                )
            # The crystal is among the entries: what is below zero is rounding.
            above[k] = max(0.0, float(distance))
            if k == 0:
                decay = _products({e.composition.reduced_formula: amount for e, amount in products.items()})
        return _Place(energy.by_model - elements, above, decay)

    def _diagrams(self, symbols: frozenset[str]) -> list[PhaseDiagram]:
        """Phase diagrams of a chemical system, one for each model."""
        if symbols not in self.made:
            inside = [e for e in self.energies if {x.symbol for x in e.composition.elements} <= symbols]
            self.made[symbols] = [
                PhaseDiagram([PDEntry(e.composition, float(e.by_model[k]) * e.composition.num_atoms) for e in inside])
                for k in range(self.models)
            ]
        return self.made[symbols]


def _products(amounts: Mapping[str, float]) -> str:
    """Formulas with their atomic fractions, the largest first."""
    ordered = sorted(amounts.items(), key=lambda item: (-item[1], item[0]))
    return " + ".join(f"{amount:.3g} {formula}" for formula, amount in ordered)


def _pack(
    crystals: Sequence[Calculations],
    energies: Sequence[Energy | str],
    places: Sequence[_Place | str],
    lowest: Mapping[str, np.ndarray],
    corrections: str,
    provenance: Provenance,
) -> Hull:
    """Put everything into the artifact, in the order of the crystals."""
    names = [name for batch in crystals for name in batch.names()]
    formulas = [batch.structure(k).composition.reduced_formula for batch in crystals for k in range(len(batch))]
    first = crystals[0]
    nothing = np.zeros(max(1, len(first.models)))
    formation = np.array([nothing if isinstance(p, str) else p.formation for p in places]).reshape(-1, len(nothing))
    above = np.array([nothing if isinstance(p, str) else p.above for p in places]).reshape(-1, len(nothing))
    merit = saturation_fields(crystals)
    symbols = sorted(lowest, key=lambda symbol: Element(symbol).Z)
    return Hull(
        index=_joined([b.index for b in crystals], np.int64),
        status=_joined([b.status for b in crystals], np.uint8),
        site_count=_joined([b.site_counts() for b in crystals], np.int64),
        volume_A3=_joined([b.volumes_A3() for b in crystals]),
        moment_muB=_joined([b.total_moment_muB for b in crystals]),
        **merit,
        energy_product_limit_kJ_m3=np.array([energy_product_limit_kJ_m3(float(t)) for t in merit["mu0_Ms_T"]]),
        energy_eV_per_atom=np.array([0.0 if isinstance(e, str) else e.by_model[0] for e in energies]),
        correction_eV_per_atom=np.array([0.0 if isinstance(e, str) else e.correction for e in energies]),
        formation_energy_eV_per_atom=formation[:, 0],
        has_formation_energy=np.array([isinstance(p, _Place) for p in places], dtype=np.uint8),
        formation_spread_eV_per_atom=np.ptp(formation, axis=1),
        above_hull_eV_per_atom=above[:, 0],
        above_hull_spread_eV_per_atom=np.ptp(above, axis=1),
        model_formation_energy_eV_per_atom=formation[:, : len(first.models)],
        element=np.array([Element(symbol).Z for symbol in symbols], dtype=np.uint8),
        element_energy_eV_per_atom=np.array([lowest[symbol][0] for symbol in symbols]),
        **_text("name", names),
        **_text("formula", formulas),
        **_text("decay", ["" if isinstance(p, str) else p.decay for p in places]),
        **_text("reason", [p if isinstance(p, str) else "" for p in places]),
        backend=first.backend,
        moments_signed=first.moments_signed,
        corrections=corrections,
        models=list(first.models),
        provenance=provenance,
    )


def _text(name: str, texts: Sequence[str]) -> dict[str, np.ndarray]:
    """Texts as the two arrays that the artifact has for them."""
    offset, utf8 = pack_texts(texts)
    return {f"{name}_offset": offset, f"{name}_utf8": utf8}


def _joined(values: Sequence[np.ndarray], dtype: type = np.float64) -> np.ndarray:
    """Arrays of all batches one after the other; also none."""
    return np.concatenate([np.zeros(0, dtype), *values]).astype(dtype)
