"""Pictures of crystals: the conventional cell seen from a little above, atoms as balls by element."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import Circle

from lodestone.artifacts.structure_set import StructureSet
from lodestone.report import style

# Turned about the vertical, then tipped towards the viewer, degrees; no two atoms of a cubic cell hide each other.
_TURN_DEG, _TIP_DEG = 24.0, 14.0
_BALL = 0.42  # radius of a ball over the covalent radius
_EDGE = 1e-3  # atoms this near a face of the cell are drawn on the opposite face too
COLUMNS = 4


def gallery(structures: StructureSet, which: Sequence[int], name: str, titles: Sequence[str] | None = None) -> str:
    """Draw several crystals side by side, with a key of the elements.

    Parameters
    ----------
    structures : StructureSet
        The crystals.
    which : sequence of int
        Those to draw, in this order.
    name : str
        Unique on the page.
    titles : sequence of str, optional
        One for each; by default formula and name.
    """
    from lodestone.structures.cells import cell

    crystals = [cell(structures.structure(i), "conventional", 0.05) for i in which]
    labels = titles or [f"{structures.formula(i)}  {structures.name(i)}" for i in which]
    colours = element_colours(sorted({site.specie.symbol for crystal in crystals for site in crystal}))
    columns = min(COLUMNS, max(len(crystals), 1))
    rows = -(-len(crystals) // columns)
    with style.settings():
        figure = style.drawing(2.7 * columns, 2.7 * rows + 0.3)
        grid = figure.subplots(max(rows, 1), columns, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for axes, crystal, label in zip(grid.flat, crystals, labels, strict=False):
            axes.set_title(label, fontsize=8, fontweight="normal", color=style.MUTED)
            _draw(axes, crystal, colours)
        marks = [Circle((0, 0), 1, facecolor=colour, edgecolor=style.INK) for colour in colours.values()]
        figure.legend(marks, list(colours), loc="outside lower center", ncols=max(len(colours), 1))
        return style.svg(figure, name, "Crystal structures: " + ", ".join(labels))


def element_colours(symbols: Sequence[str]) -> dict[str, str]:
    """Colour of each element: iron and neodymium always the same, others in turn."""
    fixed = {"Fe": style.BLUE, "Nd": style.ORANGE, "B": style.GREEN, "Co": style.PURPLE}
    others = itertools.cycle([style.SKY, style.AMBER, style.MUTED, style.GRID])
    return {symbol: fixed.get(symbol) or next(others) for symbol in symbols}


def projected(cartesian_A: np.ndarray) -> np.ndarray:
    """Rotate positions (atom, 3) to the picture: right, up, towards the viewer."""
    turn, tip = np.deg2rad([_TURN_DEG, _TIP_DEG])
    about_z = np.array([[np.cos(turn), np.sin(turn), 0], [-np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    # The viewer looks along +y, with z upwards.
    tipped = np.array([[1, 0, 0], [0, np.sin(tip), np.cos(tip)], [0, -np.cos(tip), np.sin(tip)]])
    return cartesian_A @ about_z.T @ tipped.T


def with_images(fractional: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions with their images on the faces of the cell, and the atom that each belongs to."""
    wrapped = np.mod(fractional + _EDGE, 1) - _EDGE
    positions, owners = [], []
    for owner, position in enumerate(wrapped):
        choices = [(0, 1) if abs(x) <= _EDGE else (0,) for x in position]
        for shift in itertools.product(*choices):
            positions.append(position + shift)
            owners.append(owner)
    return np.array(positions).reshape(-1, 3), np.array(owners, dtype=int)


def _draw(axes: Axes, crystal: object, colours: dict[str, str]) -> None:
    """Draw the edges of the cell and the atoms, the far ones first."""
    from lodestone.structures.distances import radius_A

    matrix = crystal.lattice.matrix  # type: ignore[attr-defined]
    corners = np.array(list(itertools.product((0, 1), repeat=3)))
    edges = [(a, b) for a, b in itertools.combinations(corners, 2) if np.abs(a - b).sum() == 1]
    lines = [projected(np.array(edge) @ matrix)[:, :2] for edge in edges]
    axes.add_collection(LineCollection(lines, colors=style.MUTED, linewidths=0.6, zorder=0))
    positions, owners = with_images(crystal.frac_coords)  # type: ignore[attr-defined]
    seen = projected(positions @ matrix)
    depth = np.argsort(seen[:, 2], kind="stable")
    for order, i in enumerate(depth, start=1):
        symbol = crystal[owners[i]].specie.symbol  # type: ignore[index]
        ball = Circle(tuple(seen[i, :2]), _BALL * radius_A(symbol), zorder=order, linewidth=0.5)
        ball.set(facecolor=colours[symbol], edgecolor=style.INK)
        axes.add_patch(ball)
    axes.set_aspect("equal")
    axes.autoscale_view()
