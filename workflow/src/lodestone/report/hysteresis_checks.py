"""Sections of the hysteresis study on inverse design and on how far the calculations can be trusted."""

from __future__ import annotations

import numpy as np

from lodestone.artifacts.inverse import InverseDesigns
from lodestone.micromagnetics.domain_wall import LatticeWall, lattice_domain_wall
from lodestone.report import figures_health, figures_inverse
from lodestone.report import hysteresis_paper as paper
from lodestone.report.blocks import Block, Cell, Figure, Gallery, Panel, Section, Table
from lodestone.report.hysteresis_data import Run
from lodestone.report.hysteresis_tables import designs_table, health_table

# Cell sizes at which a wall is measured beside the run's own, and how close a resolved wall comes to the continuum.
WALL_CELLS_NM = (0.25, 0.5, 1.0, 2.0)
WALL_TOLERANCE = 0.02


def design_section(run: Run) -> Section | None:
    """Goals, designs, recomputed loops, progress of the search."""
    designs = run.designs
    if designs is None:
        return None
    origins = run.library.origins("designs")
    panels = [Panel(_design(run, designs, g), _goal(designs, g)) for g in range(len(designs.goal))]
    blocks: list[Block] = [
        Gallery(
            panels, "First choice for each goal, recomputed",
            "Left: sin φ of the easy axes of the structure that the search found, red −1 to blue +1. Right: its curve, "
            "recomputed. Three markers each for the goal (ring), the prediction and the recomputed curve: remanence, "
            "knee at 0.9 M_{r}, coercive field.",
            origins, "Section 5", paper.OUTLOOK,
        ),
        designs_table(run, designs),
        Figure(
            figures_inverse.search_progress(
                designs.best_error, [_goal(designs, g) for g in range(len(designs.goal))], "search"
            ),
            "How the search went",
            "Smallest value in each generation of what the search minimises: the root-mean-square distance between "
            "prediction and goal over the three figures, plus the spread of the ensemble, which keeps it off "
            "structures that "
            "the model does not know.", origins,
        ),
    ]  # fmt: skip
    return Section(
        "designs", "Inverse design", blocks,
        "A genetic algorithm over the learned model looks for structures with a wanted remanence, coercive field and "
        "squareness. The best are recomputed by micromagnetics: that, not the prediction, says how close they came.",
    )  # fmt: skip


def _goal(designs: InverseDesigns, goal: int) -> str:
    remanence, coercivity, squareness = designs.goal[goal]
    return f"Goal {goal + 1}: M_{{r}} {remanence:g}, H_{{c}} {coercivity:g}, squareness {squareness:g}"


def _design(run: Run, designs: InverseDesigns, goal: int) -> str:
    return figures_inverse.candidate(
        np.sin(designs.axis_angle_rad[goal, 0]), run.reduced(designs.field_T), designs.magnetisation[goal, 0],
        designs.goal[goal], designs.predicted[goal, 0], designs.computed[goal, 0], f"design{goal}",
    )  # fmt: skip


def health_section(run: Run) -> Section | None:
    """Convergence of the loops and what the cell size does."""
    if run.health is None:
        return None
    h = run.health
    svg = figures_health.loop_health(h.max_torque, h.evaluations, h.tolerance, "health")
    figure = Figure(
        svg, "Torque left and work done",
        "Left: largest torque |m × H| / M_{s} left at the end of any field step of a loop. Right: how "
        "often the effective field was evaluated.",
        run.library.origins("loops"),
    )  # fmt: skip
    return Section(
        "health", "Can the loops be trusted?", (health_table(run, h), figure, walls_table(run)),
        "A loop is never silently unconverged: here is how each ended. Converged does not mean free of the grid: the "
        "last table says what cells of this size do to a domain wall.",
    )  # fmt: skip


def walls_table(run: Run) -> Table:
    """Measure a domain wall on cells of several sizes, that of the run among them."""
    own = float(run.config["structures"]["cell_size_nm"])
    walls = {size: lattice_domain_wall(size * 1e-9, **vars(run.material)) for size in sorted({*WALL_CELLS_NM, own})}
    rows = [
        (
            Cell(f"{size:g} nm", note="this run" if size == own else "", tone="head" if size == own else ""),
            Cell(f"{1e3 * w.energy_J_m2:.2f} mJ/m²"),
            Cell(f"{w.energy_ratio:.1%}", tone=_fit(w.energy_ratio)),
            Cell(f"{1e9 * w.width_m:.2f} nm"),
            Cell(f"{w.width_ratio:.1%}", tone=_fit(w.width_ratio)),
            Cell(f"≤ {w.depinning_field_T:.3f} T", note=f"{w.depinning_field_T / run.anisotropy_field_T:.3f} H_{{A}}"),
        )
        for size, w in walls.items()
    ]
    heads = (
        "cell size",
        "wall energy",
        "of the continuum's",
        "wall width",
        "of the continuum's",
        "field that moves it",
    )
    return Table(
        heads, rows, f"What cells of {own:g} nm do to a domain wall", _wall_words(run, own, walls[own]),
        paper_label="Section 2.2", paper="uses the same cells of 2 nm and does not discuss what they do to walls.",
    )  # fmt: skip


def _fit(ratio: float) -> str:
    """Green within the 2 % that a resolved wall keeps to."""
    return "good" if abs(ratio - 1) <= WALL_TOLERANCE else "warn"


def _wall_words(run: Run, size_nm: float, wall: LatticeWall) -> str:
    share = wall.depinning_field_T / run.anisotropy_field_T
    return (
        "A straight 180° Bloch wall of the configured material on a chain of cells, relaxed while this page was made "
        "(`lodestone.micromagnetics.domain_wall`), against 4√(AK_{1}) and π√(A/K_{1}) of the continuum. "
        f"On cells of {size_nm:g} nm it has {wall.energy_ratio:.0%} of the continuum's energy, and a field of "
        f"{share:.2f} "
        "H_{A} is needed to move it from one cell to the next, where a continuum has none: the grid itself pins walls "
        "that lie along it. The coercive fields on this page are those of the model with these cells; finer cells "
        "would give others. Fields are resolved to 0.001 H_{A}."
    )
