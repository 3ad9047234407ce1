"""Sections on what magnetic potentials are used for: labels again, dynamics, learning, exchange couplings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lodestone.artifacts.calculations import Calculations
from lodestone.artifacts.curie import METHODS, Curie
from lodestone.artifacts.exchange import Exchange
from lodestone.artifacts.spin_checks import SpinChecks
from lodestone.artifacts.spin_data import SpinData
from lodestone.artifacts.spin_dynamics import SpinDynamics
from lodestone.artifacts.spin_fits import QUANTITIES
from lodestone.artifacts.spin_learning import SpinLearning
from lodestone.kkr.mean_field import curie_temperature_K
from lodestone.report import figures_exchange, figures_spin, figures_spin_uses, spin_paper
from lodestone.report.blocks import Block, Cell, Figure, Notice, Prose, Section, Table
from lodestone.report.figures_spin_uses import EQUILIBRATION
from lodestone.report.inputs import Library
from lodestone.spin_potential.points import compare

_DIGITS = (4, 3, 5, 4)


def points_section(library: Library, data: SpinData | None) -> Section | None:
    """Labels that this run computed anew."""
    batches = library.all("spin_points", Calculations)
    if not batches or data is None:
        return None
    rows = []
    for one in compare(data, batches):
        for words, values in (("label", one.label), ("here", one.computed), ("difference", one.difference)):
            cells = [Cell(f"{v:.{n}f}" if np.isfinite(v) else "-") for v, n in zip(values, _DIGITS, strict=True)]
            rows.append([Cell(one.name if words == "label" else ""), Cell(words), *cells])
    columns = ["configuration", "", "energy (eV/atom)", "force (eV/Å)", "stress (eV/Å³)", "magnetic force (eV/µ_{B})"]
    caption = (
        "Largest component of each, and largest difference over all components. Other versions of the program and "
    )
    caption += "of its data sets differ."
    table = Table(
        columns, rows, "Labels computed anew", caption, library.origins("spin_data", "spin_points"), text_columns=(1,)
    )
    lead = "Some labels, computed by this run with the program that is installed here."
    return Section("spin-points", "Labels checked", [table], lead)


def dynamics_section(library: Library, runs: Sequence[SpinDynamics], checks: SpinChecks | None) -> Section | None:
    """Lattice parameters at a temperature (Fig. 7)."""
    if not runs:
        return None
    origins = library.origins("spin_dynamics")
    ordered = sorted(runs, key=lambda one: (one.solute_fraction, one.member))
    rows = []
    for one in ordered:
        lattice, error = one.mean_lattice_A(EQUILIBRATION)
        known = np.isfinite(lattice)
        rows.append(
            [
                Cell(f"{100 * one.solute_fraction:.1f}"),
                Cell(str(one.member)),
                Cell(f"{lattice:.4f}", f"± {error:.4f}") if known else Cell("-", tone="warn"),
                Cell(f"{one.mean_temperature_K(EQUILIBRATION)[0]:.0f}" if known else "-"),
                Cell(f"{one.mean_host_moment_muB(EQUILIBRATION)[0]:.2f}" if known else "-"),
                Cell(f"{one.drift_meV_per_atom_ps(EQUILIBRATION):.3f}" if known else "-"),
                Cell(one.reason or "ran through", tone="warn" if one.reason else ""),
            ]
        )
    first = ordered[0]
    columns = [f"{first.species[-1]} (at. %)", "potential", "lattice parameter (Å)", "T (K)",
               f"moment (µ_{{B}}/{first.species[0]})", "drift (meV/atom/ps)", "end"]  # fmt: skip
    length = first.steps * first.time_step_fs / 1000
    caption = (
        f"{first.atom_count} atoms, {length:g} ps without pressure, moments in equilibrium at each step; means without "
        f"the first {EQUILIBRATION:.0%}, with their standard errors. The drift is that of the conserved quantity."
    )
    blocks: list[Block] = []
    stopped = [one for one in ordered if one.reason]
    if stopped:
        blocks.append(
            Notice(
                f"{len(stopped)} of {len(ordered)} runs stopped: the potential met surroundings unlike those that it "
                "was fitted to. Labels of larger, disordered cells are what it lacks.",
                "warn",
            )
        )
    if len(stopped) < len(ordered):
        figure = figures_spin_uses.lattices(ordered, checks, "spin-lattices")
        blocks.append(
            Figure(figure, "Lattice at a temperature", caption, library.origins("spin_dynamics", "spin_checks"),
                   "Fig. 7", spin_paper.FIGURE_7)
        )  # fmt: skip
    blocks.append(Table(columns, rows, "Molecular dynamics", caption, origins, text_columns=(6,)))
    lead = "Random alloys in motion, their moments brought to equilibrium at each step."
    return Section("spin-dynamics", "Molecular dynamics", blocks, lead)


def learning_section(library: Library, runs: Sequence[SpinLearning]) -> Section | None:
    """Show errors against the number of labels, and what asking saves."""
    if not runs:
        return None
    origins = library.origins("spin_learning")
    caption = (
        f"Errors on configurations that are never fitted to. {len(runs)} run{'s' if len(runs) > 1 else ''}; both ways "
        "begin with the same labels and potential."
    )
    rows = [
        [Cell(words), *(Cell(f"{one.saving(quantity):.2f}") for one in runs)]
        for words, quantity in zip(figures_spin.WORDS, QUANTITIES, strict=True)
    ]
    columns = ["error", *(f"run {k}" for k in range(len(runs)))]
    table = Table(
        columns, rows, "Labels at random over labels asked for",
        "For the lowest error that both reach; above 1 asking needs fewer.",
        origins,
    )  # fmt: skip
    blocks: list[Block] = [
        Figure(figures_spin_uses.learning(runs, "spin-learning"), "Learning curves", caption, origins),
        table,
    ]
    lead = "Labels of the configurations on which the potential extrapolates most, beside labels at random."
    return Section("spin-learning", "Active learning", blocks, lead)


def exchange_section(library: Library, found: Sequence[Exchange]) -> Section | None:
    """Show couplings and mean-field Curie temperatures beside those of other routes."""
    if not found:
        return None
    origins = library.origins("spin_exchange")
    others = [one for one in library.all("curie", Curie) if one.curie_temperature_K(METHODS[0]) is not None]
    rows = [
        [
            Cell(one.name),
            Cell("four states"),
            Cell(f"{abs(one.moment_muB[0]):.2f}"),
            Cell(f"{one.bond_meV.max(initial=0.0):.1f}"),
            Cell(f"{curie_temperature_K(one):.0f}"),
        ]
        for one in found
    ]
    for other in others:
        rows.append(
            [Cell(other.name), Cell(other.provenance.backend), Cell(f"{other.moment_0_muB:.2f}", "per cell"), Cell("-"),
             Cell(f"{other.curie_temperature_K(METHODS[0]):.0f}")]
        )  # fmt: skip
    spread = [curie_temperature_K(one) for one in found]
    blocks: list[Block] = [
        Figure(figures_exchange.couplings(list(found[:3]), "spin-couplings"), "Couplings against distance",
               f"{found[0].convention}. From reversals of one and two moments, sizes held.", origins),
        Table(["crystal", "route", "moment (µ_{B})", "largest J_{ij} (meV)", "T_{C} mean field (K)"], rows,
              "Curie temperatures in mean field", "", origins, text_columns=(1,)),
    ]  # fmt: skip
    if min(spread) <= 0 or max(spread) > 2 * min(spread):
        blocks.append(
            Notice(
                "The potentials of the ensemble do not agree on the couplings: the labels hold whole sublattices "
                "reversed and few single moments. No number here is to be used.",
                "warn",
            )
        )
    blocks.append(Prose("Mean field overestimates Curie temperatures; it compares routes on one footing."))
    lead = "What reversed moments of the host's crystal cost, as couplings J_{ij} of a Heisenberg model."
    return Section("spin-exchange", "Exchange couplings from the potential", blocks, lead)
