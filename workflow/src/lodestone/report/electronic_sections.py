"""Sections of the electronic-structure study: crystals, how the calculations ended, stability, anisotropy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase.data import chemical_symbols

from lodestone.artifacts.anisotropy import Anisotropy
from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.calculations import Calculations
from lodestone.artifacts.hull import Hull
from lodestone.artifacts.structure_set import StructureSet
from lodestone.report import figures_crystals, figures_hull
from lodestone.report.blocks import Block, Cell, Figure, Section, Table
from lodestone.report.inputs import Library

MAX_PICTURES = 8
MAX_ROWS = 60
_WORDS = {
    Status.CONVERGED: "converged",
    Status.NOT_CONVERGED: "not converged",
    Status.FAILED: "failed",
    Status.WALLTIME: "out of time",
    Status.LOST_MOMENT: "moment lost",
    Status.FLIPPED_MOMENT: "moment flipped",
    Status.REFUSED: "refused before it ran",
    Status.SKIPPED: "skipped after an earlier step",
}
# By the codes of the field f_shell.
_SHELLS = ("", "with 4f by Hund's rules", "4f missing", "4f as computed")


@dataclass
class Run:
    """All of one run of the study, as far as it went; calculations by step, one artifact per batch."""

    library: Library
    structures: StructureSet | None
    calculations: Mapping[str, Sequence[Calculations]]
    hull: Hull | None
    anisotropy: Anisotropy | None


def all_sections(run: Run) -> list[Section]:
    """Build the sections for which there are results, in reading order."""
    makers = (crystals_section, calculations_section, stability_section, anisotropy_section)
    return [section for section in (maker(run) for maker in makers) if section is not None]


def crystals_section(run: Run) -> Section | None:
    """Show the crystals and list where they came from."""
    known = run.structures
    if known is None or len(known) == 0:
        return None
    shown = list(range(min(MAX_PICTURES, len(known))))
    picture = figures_crystals.gallery(known, shown, "crystals")
    sources = known.sources()
    rows = [
        [Cell(known.name(i)), Cell(known.formula(i)), Cell(str(n)), Cell(f"{v / n:.2f}"), Cell(sources[i])]
        for i, n, v in zip(range(min(MAX_ROWS, len(known))), known.site_counts(), known.volumes_A3(), strict=False)
    ]
    origins = run.library.origins("structure_set")
    blocks: list[Block] = [
        Figure(
            picture,
            f"The first {len(shown)} of {len(known)} crystals" if len(shown) < len(known) else "The crystals",
            "Conventional cells as the calculations start, seen from a little above the a-b plane. Balls have a "
            "part of the covalent radius; atoms on a face of the cell are drawn on the opposite face too.",
            origins,
        ),
        Table(
            ["name", "formula", "atoms", "volume per atom (Å³)", "from"],
            rows,
            f"Where they come from{_first(len(rows), len(known))}",
            origins=origins,
            text_columns=(1, 4),
            folded=True,
        ),
    ]
    return Section("crystals", "Crystals", blocks, "What was computed, before anything relaxed.")


def calculations_section(run: Run) -> Section | None:
    """Count how the calculations ended, and say why for those that did not converge."""
    if not run.calculations:
        return None
    counts = {
        step: Counter(code for batch in batches for code in batch.status.tolist())
        for step, batches in run.calculations.items()
    }
    used = [code for code in Status if any(count[code] for count in counts.values())]
    rows = [[Cell(step), *(Cell(str(count[code])) for code in used)] for step, count in counts.items()]
    names = [f"{step}_calculations" for step in run.calculations]
    blocks: list[Block] = [
        Table(["step", *(_WORDS[code] for code in used)], rows, "How they ended", origins=run.library.origins(*names))
    ]
    failures = [
        [Cell(name), Cell(step), Cell(_WORDS[Status(code)]), Cell(message)]
        for step, batches in run.calculations.items()
        for batch in batches
        for name, code, message in zip(batch.names(), batch.status.tolist(), batch.messages(), strict=True)
        if code != Status.CONVERGED
    ]
    if failures:
        title = f"Those that did not converge{_first(min(MAX_ROWS, len(failures)), len(failures))}"
        table = Table(
            ["crystal", "step", "end", "reason"], failures[:MAX_ROWS], title, text_columns=(1, 2, 3), folded=True
        )
        blocks.append(table)
    blocks += _nonmagnetic(run)
    lead = "No calculation is left out: one without a result has a status that says why."
    return Section("calculations", "How the calculations ended", blocks, lead)


def _nonmagnetic(run: Run) -> list[Block]:
    """List the crystals that converged without any moment; empty if there are none."""
    rows = []
    for step, batches in run.calculations.items():
        for batch in batches:
            for k, name in enumerate(batch.names()):
                extras = batch.extras(k)
                if batch.status[k] == Status.CONVERGED and extras.get("nonmagnetic"):
                    rows.append([Cell(name), Cell(step), Cell(str(extras.get("note", "")))])
    title = f"Converged without moments{_first(min(MAX_ROWS, len(rows)), len(rows))}"
    columns = ["crystal", "step", "how this is known"]
    return [Table(columns, rows[:MAX_ROWS], title, text_columns=(1, 2), folded=True)] if rows else []


def stability_section(run: Run) -> Section | None:
    """Show formation energies with the hull, and the most stable crystals in numbers."""
    hull = run.hull
    if hull is None or not hull.has_formation_energy.any():
        return None
    known = np.flatnonzero(hull.has_formation_energy == 1)
    formulas, origins = hull.formulas(), run.library.origins("stability")
    labels = [formulas[i] for i in known]
    elements = [chemical_symbols[z] for z in hull.element]
    spread, above = hull.above_hull_spread_eV_per_atom[known], hull.above_hull_eV_per_atom[known]
    if len(elements) == 2:
        pair = (elements[1], elements[0])
        drawing = figures_hull.binary_hull(
            np.array([_share(formula, pair[1]) for formula in labels]),
            hull.formation_energy_eV_per_atom[known],
            hull.formation_spread_eV_per_atom[known],
            above,
            labels,
            pair,
            "hull",
        )
    else:
        drawing = figures_hull.above_hull(above, spread, labels, "hull")
    made = ", ".join(run.library.backends("stability"))
    source = f"{made}{'' if hull.corrections.startswith('none') else f' with the corrections {hull.corrections}'}"
    bars = " Bars show the spread of the models." if spread.any() else ""
    caption = f"Energies from {source}, counted from the elements computed with the same settings.{bars}"
    blocks: list[Block] = [
        Figure(drawing, "Formation energies and the convex hull", caption, origins),
        _stability_table(run, hull, known),
    ]
    return Section("stability", "Stability", blocks, "Which crystals could exist beside their neighbours.")


def _stability_table(run: Run, hull: Hull, known: np.ndarray) -> Table:
    """Crystals by energy above the hull."""
    order = known[np.argsort(hull.above_hull_eV_per_atom[known], kind="stable")][:MAX_ROWS]
    names, formulas, decays = hull.names(), hull.formulas(), hull.decays()
    rows = [
        [
            Cell(formulas[i], names[i]),
            Cell(
                f"{1000 * hull.formation_energy_eV_per_atom[i]:.0f}",
                f"± {500 * hull.formation_spread_eV_per_atom[i]:.0f}" if hull.models else "",
            ),
            Cell(f"{1000 * hull.above_hull_eV_per_atom[i]:.0f}"),
            Cell(f"{hull.moment_muB[i] / hull.site_count[i]:.2f}"),
            Cell(f"{hull.mu0_Ms_T[i]:.2f}" if hull.has_mu0_Ms[i] else "", _SHELLS[int(hull.f_shell[i])]),
            Cell(f"{hull.energy_product_limit_kJ_m3[i]:.0f}" if hull.has_mu0_Ms[i] else ""),
            Cell(decays[i]),
        ]
        for i in order
    ]
    columns = [
        "crystal",
        "formation energy (meV/atom)",
        "above the hull (meV/atom)",
        "moment (μ_{B}/atom)",
        "μ_{0}M_{s} (T)",
        "(BH)_{max} at most (kJ/m³)",
        "beside it",
    ]
    title = f"By energy above the hull{_first(len(rows), len(known))}"
    caption = "Moments without the 4f part; beside the saturation stands what became of it. " + _sizes(
        hull.moments_signed
    )
    caption += "The last column says what the hull consists of at the composition."
    return Table(columns, rows, title, caption, run.library.origins("stability"), text_columns=(6,), folded=True)


def anisotropy_section(run: Run) -> Section | None:
    """List anisotropy constants."""
    found = run.anisotropy
    if found is None or not found.has_K1.any():
        return None
    names = found.names()
    rows = [
        [
            Cell(names[i]),
            Cell(f"{found.K1_J_m3[i] / 1e6:.3f}"),
            Cell(f"{found.misfit_J_m3[i] / 1e6:.3f}"),
            Cell("yes" if found.uniaxial[i] else "no"),
            Cell(f"{found.mu0_Ms_T[i]:.2f}" if found.has_mu0_Ms[i] else "", _SHELLS[int(found.f_shell[i])]),
            Cell(f"{found.hardness[i]:.2f}" if found.has_hardness[i] else ""),
            Cell(f"{found.anisotropy_field_T[i]:.2f}" if found.has_hardness[i] else ""),
        ]
        for i in np.flatnonzero(found.has_K1)[:MAX_ROWS]
    ]
    title = f"Anisotropy constants{_first(len(rows), int(found.has_K1.sum()))}"
    columns = ["crystal", "K_{1} (MJ/m³)", "left by the fit (MJ/m³)", "uniaxial", "μ_{0}M_{s} (T)", "hardness κ"]
    columns += ["μ_{0}H_{A} (T)"]
    caption = "κ is the root of K_{1}/(μ_{0}M_{s}²), 0 for an easy plane. " + _sizes(found.moments_signed)
    table = Table(columns, rows, title, caption, run.library.origins("anisotropy"), text_columns=(3,))
    lead = "Fits of K_{1} sin² θ to energies with spin-orbit coupling."
    return Section("anisotropy", "Magnetocrystalline anisotropy", [table], lead)


def _sizes(signed: int) -> str:
    """Say that the moments have no signs, if so."""
    return "" if signed else "The moments are sizes without signs: the saturation is an upper bound. "


def _share(formula: str, element: str) -> float:
    """Part of the atoms of a formula that are of one element."""
    from pymatgen.core import Composition

    return float(Composition(formula).get_atomic_fraction(element))


def _first(shown: int, total: int) -> str:
    """Say that only the first are shown, if so."""
    return f" (the first {shown} of {total})" if shown < total else ""
