"""Sections of the electronic-structure study on exchange couplings and what follows from them."""

from __future__ import annotations

from collections.abc import Sequence

from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.curie import METHODS, Curie
from lodestone.artifacts.exchange import Exchange
from lodestone.report import figures_exchange
from lodestone.report.blocks import Block, Cell, Figure, Notice, Section, Table
from lodestone.report.inputs import Library

MAX_PANELS = 3


def exchange_section(library: Library, couplings: Sequence[Exchange], curies: Sequence[Curie]) -> Section | None:
    """Show couplings against distance, magnetisation against temperature, and Curie temperatures of all methods."""
    if not couplings and not curies:
        return None
    blocks: list[Block] = []
    good = [one for one in couplings if one.status == Status.CONVERGED and len(one.bond_meV)]
    for start in range(0, len(good), MAX_PANELS):
        blocks.append(_couplings(library, good[start : start + MAX_PANELS], f"couplings-{start}"))
    bad = [one for one in couplings if one.status != Status.CONVERGED]
    if bad:
        reasons = "; ".join(f"`{one.name}`: {one.message or Status(one.status).name.lower()}" for one in bad)
        blocks.append(Notice(f"{len(bad)} of {len(couplings)} crystals have no converged couplings: {reasons}", "warn"))
    curves = [one for one in curies if len(one.temperature_K)]
    if curves:
        blocks.append(_magnetisation(library, curves))
    if curies:
        blocks.append(_table(library, curies))
    lead = "From the couplings between atoms to Curie temperature, magnetisation and exchange stiffness."
    return Section("exchange", "Exchange and temperature", blocks, lead)


def _couplings(library: Library, crystals: Sequence[Exchange], name: str) -> Figure:
    """Draw a few crystals side by side."""
    return Figure(
        figures_exchange.couplings(crystals, name),
        "Exchange couplings against distance",
        f"{crystals[0].convention}. Positive couplings are ferromagnetic. One point for each shell and pair of "
        "elements.",
        library.origins("exchange"),
        "Fig. 5",
        "The paper shows Fe-Fe and Fe-Nd couplings of NdFe15 beside those of bcc Fe.",
    )


def _magnetisation(library: Library, curves: Sequence[Curie]) -> Figure:
    """Draw M(T) of all crystals."""
    return Figure(
        figures_exchange.magnetisation(curves, "magnetisation"),
        "Magnetisation against temperature",
        "Classical Monte Carlo; the moment of the cell over that at T = 0. Dashed lines: Curie temperatures by the "
        "crossing of Binder cumulants. Classical spins fall off too fast at low temperature, so that M and A far below "
        "the Curie temperature are lower bounds.",
        library.origins("curie"),
    )


def _table(library: Library, curies: Sequence[Curie]) -> Table:
    """Curie temperatures by method, moment and stiffness."""
    rows = [
        [
            Cell(one.name, one.message),
            *(Cell(figures_exchange.temperatures(one)[method]) for method in METHODS),
            Cell(f"{one.moment_0_muB:.2f}"),
            Cell(f"{1e12 * one.A_J_m:.1f}", f"± {1e12 * one.A_error_J_m:.1f}"),
        ]
        for one in curies
    ]
    columns = [
        "crystal",
        *(f"T_{{C}} {figures_exchange.METHOD_WORDS[method]}" for method in METHODS),
        "moment (μ_{B}/cell)",
        "stiffness A (pJ/m)",
    ]
    caption = (
        "Mean field overestimates Curie temperatures, RPA underestimates them; Monte Carlo is exact for these spins."
    )
    return Table(columns, rows, "Curie temperatures and stiffness", caption, library.origins("curie"))
