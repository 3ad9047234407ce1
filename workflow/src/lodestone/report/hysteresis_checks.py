"""Sections of the hysteresis study on inverse design and on how far the calculations can be trusted."""

from __future__ import annotations

import numpy as np

from lodestone.artifacts.inverse import InverseDesigns
from lodestone.report import figures_health, figures_inverse
from lodestone.report import hysteresis_paper as paper
from lodestone.report.blocks import Block, Figure, Gallery, Panel, Section
from lodestone.report.hysteresis_data import Run
from lodestone.report.hysteresis_tables import designs_table, health_table


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
            "Smallest distance between prediction and goal in each generation of the genetic algorithm.", origins,
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
        "Left: largest torque |m × h| left at the end of any field step of a loop, in units of H_{A}. Right: how "
        "often the effective field was evaluated.",
        run.library.origins("loops"),
    )  # fmt: skip
    return Section(
        "health",
        "Can the loops be trusted?",
        (health_table(run, h), figure),
        "A loop is never silently unconverged: here is how each ended.",
    )
