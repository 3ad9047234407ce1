"""Sections of the Nd-Fe search: the search itself, the screening table, light elements in voids."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase.data import chemical_symbols

from lodestone.artifacts.candidates import ORIGINS
from lodestone.artifacts.interstitials import Interstitials
from lodestone.artifacts.population import Population
from lodestone.artifacts.screening import Screening
from lodestone.report import figures_search
from lodestone.report.blocks import Block, Cell, Figure, Notice, Section, Table
from lodestone.report.inputs import Library

MAX_ROWS = 40
_GOALS = {
    "formation_energy": "the formation energy small",
    "above_hull": "the energy above the hull small",
    "magnetisation": "the magnetisation large",
    "uncertainty": "the uncertainty large",
    "anisotropy": "the anisotropy constant large",
}


def search_section(library: Library, populations: Sequence[Population]) -> Section | None:
    """Show all crystals of the search, the front at its end, and how it went from generation to generation."""
    if not populations:
        return None
    last = max(populations, key=lambda population: population.generation)
    usable = np.flatnonzero((last.rank >= 0) & (last.defect == 0))
    origins = library.origins("populations")
    front = [int(np.searchsorted(usable, row)) for row in last.front() if row in usable]
    blocks: list[Block] = []
    if len(usable):
        figure = figures_search.generations(
            last.formation_energy_eV_per_atom[usable],
            last.mu0_Ms_T[usable],
            last.generations()[usable],
            np.array(front, int),
            "generations",
        )
        caption = (
            "Every crystal that was relaxed and is new, as the specialised models see it; saturation with the 4f "
            f"moments of Hund's rules. The search makes {' and '.join(_GOALS[n] for n in last.objectives)}."
        )
        blocks.append(Figure(figure, "What the search has seen", caption, origins))
    blocks += [_front(last, origins), _history(populations, origins)]
    ended = "it ended when the front stayed the same" if last.converged else "it ended after its last generation"
    lead = f"{len(last):,} crystals were relaxed with {last.total_evaluations:,} evaluations of the model; {ended}."
    return Section("search", "The genetic search", blocks, lead)


def _front(last: Population, origins: Sequence) -> Table:
    """Pareto front at the end."""
    made, layered = last.origins(), "anisotropy" in last.objectives
    rows = [
        [
            Cell(last.name(row)),
            Cell(last.formula(row)),
            Cell(str(last.site_counts()[row])),
            Cell(str(last.space_group[row])),
            Cell(
                f"{1e3 * last.formation_energy_eV_per_atom[row]:.0f}",
                f"± {1e3 * last.uncertainty_eV_per_atom[row]:.0f}",
            ),
            Cell(f"{last.mu0_Ms_T[row]:.2f}"),
            *[Cell(f"{last.anisotropy_MJ_m3[row]:.2f}")] * layered,
            Cell(made[row].replace("_", " ")),
        ]
        for row in (int(r) for r in last.front()[:MAX_ROWS])
    ]
    columns = ["crystal", "formula", "atoms", "space group", "E_{f} (meV/atom)", "µ_{0}M_{s} (T)"]
    columns += ["K_{1} (MJ/m³)"] * layered + ["made by"]
    text = (1, len(columns) - 1)
    return Table(columns, rows, "The Pareto front", "Predicted by models, not computed.", origins, text_columns=text)


def _history(populations: Sequence[Population], origins: Sequence) -> Table:
    """Say what each generation brought."""
    rows = []
    for one in sorted(populations, key=lambda population: population.generation):
        born = one.generations() == one.generation
        good = born & (one.defect == 0) & (one.duplicate_of < 0)
        front = one.front()
        lowest = f"{1e3 * one.formation_energy_eV_per_atom[front].min():.0f}" if len(front) else "-"
        most = f"{one.mu0_Ms_T[front].max():.2f}" if len(front) else "-"
        rows.append(
            [
                Cell(str(one.generation)),
                Cell(str(int(born.sum()))),
                Cell(str(int(good.sum()))),
                Cell(str(int((born & (one.on_front == 1)).sum()))),
                Cell(lowest),
                Cell(most),
                Cell(_best_operator(one)),
            ]
        )
    columns = [
        "generation", "relaxed", "new and sound", "on the front", "lowest E_{f} (meV/atom)", "largest µ_{0}M_{s} (T)",
        "operator that succeeds most",
    ]  # fmt: skip
    return Table(columns, rows, "Generation by generation", origins=origins, text_columns=(6,))


def _best_operator(one: Population) -> str:
    """Name of the operator whose offspring became parents most often, with that share."""
    tried = np.where(one.tried > 0, one.tried, np.inf)
    share = one.succeeded / tried
    best = int(np.argmax(share))
    return f"{ORIGINS[best].replace('_', ' ')} ({share[best]:.0%})" if share[best] > 0 else "none"


def screening_section(library: Library, table: Screening | None) -> Section | None:
    """Show what the back end says of the finds, beside the references of the paper."""
    if table is None or not len(table):
        return None
    origins, label = library.origins("screening"), table.provenance.backend
    good = (table.has_energy == 1) & (table.has_mu0_Ms == 1)
    formulas = np.array(table.formulas())
    blocks: list[Block] = []
    if good.any():
        figure = figures_search.screening_map(
            table.formation_eV[good],
            table.formation_spread_eV[good],
            table.mu0_Ms_T[good],
            table.kind[good] == 1,
            formulas[good].tolist(),
            table.threshold_mu0_Ms_T,
            "screening",
        )
        caption = (
            f"Computed by {label}; 4f moments by Hund's rules added. Bars: spread of the back end's models. "
            f"The line is the predicted saturation from which crystals were validated."
        )
        paper = (
            "The paper's finds lie at 0 to 100 meV/atom and 1.9 to 2.3 T; its reference Nd2Fe14B without B has 1.99 T."
        )
        blocks.append(Figure(figure, "Saturation against formation energy", caption, origins, "Fig. 3", paper))
    blocks.append(_screening_table(table, origins))
    failed = [
        f"`{name}`: {why}"
        for name, why, known in zip(table.names(), table.reasons(), table.has_energy, strict=True)
        if not known
    ]
    if failed:
        blocks.append(Notice(f"Without an energy: {'; '.join(failed)}.", "warn"))
    if not table.moments_signed:
        text = f"{label} gives sizes of moments without signs: the saturation is an upper bound."
        blocks.append(Notice(text, "warn"))
    lead = "The best finds, relaxed and computed by the back end: the models only proposed them."
    return Section("screening", "Validation", blocks, lead)


def _screening_table(table: Screening, origins: Sequence) -> Table:
    """One row for each validated crystal."""
    names, formulas, groups = table.names(), table.formulas(), table.groups()
    rows = []
    for k in np.lexsort((table.formation_eV, 1 - table.has_energy)):
        known = table.has_energy[k] == 1
        rows.append(
            [
                Cell(names[k], "reference" if table.kind[k] else ""),
                Cell(formulas[k]),
                Cell(groups[k] or "-"),
                Cell(f"{1e3 * table.predicted_formation_eV[k]:.0f}" if table.has_prediction[k] else "-"),
                Cell(f"{1e3 * table.formation_eV[k]:.0f}" if known else "-", "" if known else "see below"),
                Cell(f"{1e3 * table.above_hull_eV[k]:.0f}" if known else "-"),
                Cell(f"{table.predicted_mu0_Ms_T[k]:.2f}" if table.has_prediction[k] else "-"),
                Cell(f"{table.mu0_Ms_T[k]:.2f}" if table.has_mu0_Ms[k] else "-"),
                Cell(f"{table.moment_muB[k]:.2f}" if table.has_mu0_Ms[k] else "-"),
                Cell(f"{table.Tc_K[k]:.0f}" if table.has_Tc[k] else "not computed"),
            ]
        )
    columns = [
        "crystal", "formula", "space group", "E_{f} predicted", "E_{f} (meV/atom)", "above hull (meV/atom)",
        "µ_{0}M_{s} predicted", "µ_{0}M_{s} (T)", "moment (µ_{B}/cell)", "T_{C} (K)",
    ]  # fmt: skip
    known = bool(table.has_Tc.any())
    caption = "Curie temperatures in mean field." if known else "Curie temperatures need exchange couplings."
    paper = "NdFe15: Pm-3m, 38.54 µ_{B} per cell, 2.24 T with a = 5.852 Å."
    return Table(columns, rows, "The screening table", caption, origins, "Table I", paper, text_columns=(1, 2))


def interstitial_section(library: Library, found: Interstitials | None) -> Section | None:
    """Rank the filled hosts by what the light element does to the formation energy."""
    if found is None or not len(found):
        return None
    names, hosts, formulas, reasons = (found.texts(key) for key in ("name", "host", "formula", "reason"))
    rows = [
        [
            Cell(names[k]),
            Cell(formulas[k]),
            Cell(chemical_symbols[int(found.element[k])]),
            Cell(hosts[k]),
            *(
                [
                    Cell(f"{1e3 * found.change_eV[k]:+.0f}", tone="good" if found.change_eV[k] < 0 else ""),
                    Cell(f"{1e3 * found.formation_eV[k]:.0f}"),
                    Cell(f"{found.insertion_eV[k]:+.2f}"),
                    Cell(f"{100 * (found.volume_ratio[k] - 1):+.1f}"),
                    Cell(f"{found.mu0_Ms_T[k]:.2f}", f"host {found.host_mu0_Ms_T[k]:.2f}"),
                ]
                if found.has_energy[k]
                else [Cell(reasons[k]), *[Cell("-")] * 4]
            ),
        ]
        for k in range(min(MAX_ROWS, len(found)))
    ]
    columns = [
        "crystal", "formula", "element", "host", "change of E_{f} (meV/atom)", "E_{f} (meV/atom)",
        "insertion (eV/atom put in)", "volume (%)", "µ_{0}M_{s} (T)",
    ]  # fmt: skip
    caption = (
        "Energies against the element itself (N_{2}, O_{2}, F_{2} as molecular crystals). Negative changes stabilise."
    )
    table = Table(
        columns, rows, "Light elements in the voids", caption, library.origins("interstitials"), text_columns=(1, 2, 3)
    )
    lead = "The paper's first announcement: light elements in the voids of the best hosts may stabilise them."
    return Section("interstitials", "Light elements in voids", [table], lead)
