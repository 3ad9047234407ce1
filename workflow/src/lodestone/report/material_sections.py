"""The section on what micromagnetics takes from electronic structure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lodestone.artifacts.material import MaterialTable
from lodestone.magnetism.domain_wall import wall_width_m
from lodestone.magnetism.figures import anisotropy_field_T
from lodestone.magnetism.units import MU0
from lodestone.report.blocks import Block, Cell, Notice, Section, Table
from lodestone.report.inputs import Library

_NONE = "–"


def material_section(library: Library, tables: Sequence[MaterialTable]) -> Section:
    """Constants of micromagnetics against temperature, the lengths that follow, and where each number comes from."""
    blocks: list[Block] = []
    lacking = [one for one in tables if not one.has_Ms]
    if lacking:
        reasons = "; ".join(f"`{one.name}`: {one.message}" for one in lacking)
        blocks.append(Notice(f"{len(lacking)} of {len(tables)} crystals have no magnetisation: {reasons}", "warn"))
    found = [one for one in tables if one.has_Ms]
    if found:
        blocks += [_constants(library, found), _sources(library, found)]
    lead = "From electrons to micromagnetics: `hysteresis: material: from:` takes a crystal of this table."
    return Section("material", "Constants of micromagnetics", blocks, lead)


def exchange_length_m(A_J_m: float, mu0_Ms_T: float) -> float:
    """Exchange length sqrt(2 A / (mu0 M_s^2)), in m."""
    return math.sqrt(2 * A_J_m * MU0) / mu0_Ms_T


def _constants(library: Library, tables: Sequence[MaterialTable]) -> Table:
    """One row for each crystal and temperature."""
    rows = [
        _row(one, *values)
        for one in tables
        for values in zip(
            one.temperature_K.tolist(), one.mu0_Ms_T.tolist(), one.A_J_m.tolist(), one.K1_J_m3.tolist(), strict=True
        )
    ]
    columns = [
        "crystal",
        "T (K)",
        "μ_{0}M_{s} (T)",
        "A (pJ/m)",
        "K_{1} (MJ/m³)",
        "exchange length (nm)",
        "wall width (nm)",
        "μ_{0}H_{A} (T)",
    ]
    caption = (
        "M_{s} by Kuz'min's law, with the shape parameter of quantum spin waves where there is a stiffness. Models: A "
        "goes with the square of M_{s} (mean field), K_{1} with its third power (Callen and Callen; for 3d magnets far "
        "below T_{C}). Exchange length √(2A/μ_{0}M_{s}²), wall width π√(A/K_{1})."
    )
    return Table(columns, rows, "Constants of micromagnetics", caption, library.origins("material"))


def _row(one: MaterialTable, temperature_K: float, Ms: float, A: float, K1: float) -> list[Cell]:
    """One temperature; what does not exist is a dash."""
    lengths = [_NONE, _NONE, _NONE]
    if Ms > 0 and A > 0:
        lengths[0] = f"{1e9 * exchange_length_m(A, Ms):.2f}"
    if Ms > 0 and A > 0 and K1 > 0:
        lengths[1] = f"{1e9 * wall_width_m(A, K1):.2f}"
    if Ms > 0 and one.has_K1:
        lengths[2] = f"{anisotropy_field_T(K1, Ms):.2f}"
    constants = [
        f"{temperature_K:g}",
        f"{Ms:.3f}",
        f"{1e12 * A:.2f}" if one.has_A else _NONE,
        f"{1e-6 * K1:.3g}" if one.has_K1 else _NONE,
    ]
    return [Cell(one.name, one.message), *map(Cell, constants + lengths)]


def _sources(library: Library, tables: Sequence[MaterialTable]) -> Table:
    """Where each number comes from."""
    rows = [
        [
            Cell(one.name),
            Cell(one.Ms_source),
            Cell(f"{one.Tc_K:.0f} K", one.Tc_source),
            Cell(f"{one.shape:.3f}", one.shape_source),
            Cell(one.A_source or _NONE),
            Cell(one.K1_source or _NONE),
        ]
        for one in tables
    ]
    columns = ["crystal", "M_{s} at T = 0", "T_{C}", "shape s", "A", "K_{1}"]
    return Table(columns, rows, "Where these numbers come from", "", library.origins("material"))
