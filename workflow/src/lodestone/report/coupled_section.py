"""Section of the Nd-Fe search on exchange couplings: the finds beside bcc iron (the paper's Fig. 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.curie import METHODS, Curie
from lodestone.artifacts.exchange import Exchange
from lodestone.artifacts.structure_set import StructureSet
from lodestone.report import figures_exchange
from lodestone.report.blocks import Block, Cell, Figure, Notice, Section, Table
from lodestone.report.inputs import Library

# Finds in one figure; iron takes the third place.
FINDS = 2


def coupled_section(library: Library) -> Section | None:
    """Show J_ij against distance of each find with iron beside it, and Curie temperatures by method."""
    couplings = library.all("search_exchange", Exchange)
    curies = library.all("search_curie", Curie)
    if not couplings and not curies:
        return None
    words = _words(library.one("coupled", StructureSet))
    iron = _iron([*couplings, *library.all("exchange", Exchange)])
    good = [one for one in couplings if _drawable(one) and one is not iron]
    blocks: list[Block] = []
    for start in range(0, len(good), FINDS):
        panels = [*good[start : start + FINDS], *([iron] if iron is not None else [])]
        named = [replace(one, name=words.get(one.name, one.name)) for one in panels]
        blocks.append(_figure(library, named, f"search-couplings-{start}"))
    bad = [one for one in couplings if one.status != Status.CONVERGED]
    if bad:
        reasons = "; ".join(f"`{one.name}`: {one.message or Status(one.status).name.lower()}" for one in bad)
        blocks.append(Notice(f"{len(bad)} of {len(couplings)} crystals have no converged couplings: {reasons}", "warn"))
    if curies:
        blocks.append(_table(library, curies, words))
    lead = "Couplings between the atoms of the best finds, as they relaxed, and the Curie temperatures that follow."
    return Section("couplings", "Exchange couplings of the finds", blocks, lead)


def _words(coupled: StructureSet | None) -> Mapping[str, str]:
    """Return formula and name among the candidates of each crystal, by its rank."""
    if coupled is None:
        return {}
    rows = enumerate(zip(coupled.names(), coupled.sources(), strict=True))
    words = {name: (coupled.formula(row), source) for row, (name, source) in rows}
    return {name: what if what == source else f"{what} ({source})" for name, (what, source) in words.items()}


def _drawable(one: Exchange) -> bool:
    return one.status == Status.CONVERGED and len(one.bond_meV) > 0


def _iron(couplings: Sequence[Exchange]) -> Exchange | None:
    """First crystal of one element alone, on one site."""
    alone = (one for one in couplings if _drawable(one) and len(one.fractional) == 1)
    return next((one for one in alone if len(np.unique(one.atomic_number)) == 1), None)


def _figure(library: Library, crystals: Sequence[Exchange], name: str) -> Figure:
    """Draw a few crystals side by side."""
    caption = f"{crystals[0].convention}. Positive: ferromagnetic. One point for each shell and pair of elements."
    paper = "The paper shows Fe-Fe and Fe-Nd couplings of NdFe15 beside those of bcc Fe."
    drawing, title = figures_exchange.couplings(crystals, name), "Exchange couplings against distance"
    return Figure(drawing, title, caption, library.origins("search_exchange", "exchange"), "Fig. 5", paper)


def _table(library: Library, curies: Sequence[Curie], words: Mapping[str, str]) -> Table:
    """Curie temperatures by method."""
    rows = [
        [
            Cell(one.name, words.get(one.name, "")),
            *(Cell(figures_exchange.temperatures(one)[method]) for method in METHODS),
            Cell(f"{one.moment_0_muB:.2f}"),
        ]
        for one in curies
    ]
    columns = ["crystal", *(f"T_{{C}} {figures_exchange.METHOD_WORDS[method]}" for method in METHODS)]
    caption = "Mean field, the paper's method, overestimates Curie temperatures; the screening table has its values."
    return Table(
        [*columns, "moment (µ_{B}/cell)"], rows, "Curie temperatures", caption, library.origins("search_curie")
    )
