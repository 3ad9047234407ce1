"""How drawings look: palette, matplotlib settings, and SVG that follows the page's light or dark theme.

Matplotlib draws with the hex colours below; `svg` turns each into the CSS variable of the page, so that one drawing
serves both themes, lets text take the page's font, and makes identifiers unique. Bytes are reproducible: fixed hash
salt, no date, no creator.
"""

from __future__ import annotations

import io
import re
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import MaxNLocator

# Okabe and Ito's colour-blind safe palette, in the order in which series take it.
BLUE, ORANGE, GREEN, PURPLE, SKY, AMBER = "#0072b2", "#d55e00", "#009e73", "#b0629a", "#4ba3d9", "#c98a00"
SERIES = (BLUE, ORANGE, GREEN, PURPLE, SKY, AMBER)
INK, MUTED, GRID, PAPER = "#1b2330", "#5c6676", "#dde2ea", "#fffffe"
THEME = {
    BLUE: "--blue", ORANGE: "--orange", GREEN: "--green", PURPLE: "--purple", SKY: "--sky", AMBER: "--amber",
    INK: "--ink", MUTED: "--muted", GRID: "--grid", PAPER: "--panel",
}  # fmt: skip

# The paper's colours of the x-component: -1 red, +1 blue. RdBu is readable with red-green blindness.
AXIS_MAP = "RdBu"
ORDER_MAP, COUNT_MAP = (
    # Without the ends, which vanish on a dark or a light page.
    ListedColormap(colormaps[name](np.linspace(0.2, 0.9, 256)), name=f"{name} on both themes")
    for name in ("viridis", "cividis")
)
CODE_MAP = "PuOr"

# Typed as Any: matplotlib types its settings by the literal names of all of them.
SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "lodestone",
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9.0,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.7,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "xtick.major.size": 3.0,
    "ytick.major.size": 3.0,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "legend.handlelength": 1.4,
    "lines.linewidth": 1.6,
    "lines.solid_capstyle": "round",
    "figure.facecolor": "none",
    "image.cmap": AXIS_MAP,
    "savefig.facecolor": "none",
}

_SYMBOL = re.compile(r"([A-Za-zµαφθσλδΔΠπ]+)_\{([^{}]*)\}")


def drawing(width: float, height: float, **keywords: object) -> Drawing:
    """Start a drawing of `width` x `height` inches; 1 inch is 96 px on the page at full size.

    Use inside ``with settings():`` because matplotlib reads its settings while axes are made.
    """
    return Drawing(figsize=(width, height), layout="constrained", **keywords)  # type: ignore[arg-type]


def settings() -> AbstractContextManager[None]:
    """Context in which drawings take the report's look."""
    return rc_context(SETTINGS)


def svg(figure: Drawing, name: str, label: str) -> str:
    """Turn a drawing into an SVG element for the page.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The finished drawing.
    name : str
        Unique on the page; prefixes every identifier inside.
    label : str
        What a screen reader says.
    """
    buffer = io.BytesIO()
    with rc_context(SETTINGS):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue().decode("utf-8")
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    text = re.sub(r"\s*<!--.*?-->", "", text, flags=re.S)
    return _finish(text, name, label)


def _finish(text: str, name: str, label: str) -> str:
    """Theme colours, page font, symbols, unique identifiers and short numbers."""
    for colour, variable in THEME.items():
        text = text.replace(f": {colour}", f": var({variable})")
    text = re.sub(r"font-family: [^;\"]*;? ?", "", text)
    text = re.sub(r"(<text[^>]*>)([^<]*_\{[^<]*)(</text>)", lambda m: m[1] + svg_symbols(m[2]) + m[3], text)
    text = re.sub(r"\bid=\"([^\"]+)\"", rf'id="{name}-\1"', text)
    text = re.sub(r"(href=\"#|url\(#)", rf"\g<1>{name}-", text)
    text = re.sub(r" d=\"([^\"]+)\"", lambda m: f' d="{_short(m[1])}"', text)
    text = re.sub(r"<(?:use|text) [^>]*>", lambda m: _short(m[0]), text)
    size = re.search(r"width=\"([\d.]+)pt\"", text)
    width = float(size[1]) * 96 / 72 if size else 720.0
    head = f'<svg class="plot" role="img" aria-label="{_escape(label)}" style="max-width:{width:.0f}px"'
    text = re.sub(r"^<svg([^>]*)>", lambda m: head + _box(m[1]) + ">", text, count=1)
    return re.sub(r"\n\s*", "\n", text)


def _box(attributes: str) -> str:
    """Keep the view box and name spaces of an SVG element and drop its fixed size."""
    return re.sub(r"\s(?:width|height|version)=\"[^\"]*\"", "", attributes)


def _short(text: str) -> str:
    """Round coordinates to a hundredth of a point, far below what a screen can show."""
    return re.sub(r"\d+\.\d{3,}", lambda m: f"{float(m[0]):.2f}".rstrip("0").rstrip("."), text)


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def svg_symbols(text: str) -> str:
    """Set `M_{r}` as an italic letter with a subscript, in SVG text (input already escaped)."""
    parts, last, lowered = [], 0, False
    for found in _SYMBOL.finditer(text):
        parts.append(_raised(text[last : found.start()], lowered))
        shift = ' dy="-0.25em"' if lowered and found.start() == last else ""
        parts.append(f'<tspan font-style="italic"{shift}>{found[1]}</tspan>')
        parts.append(f'<tspan dy="0.3em" font-size="75%">{found[2]}</tspan>')
        last, lowered = found.end(), True
    return "".join(parts) + _raised(text[last:], lowered)


def _raised(text: str, lowered: bool) -> str:
    """Text after a subscript, back on the base line (0.3 em of a three-quarter size is 0.225 em)."""
    return f'<tspan dy="-0.225em">{text}</tspan>' if text and lowered else text


def html_symbols(text: str) -> str:
    """Set `M_{r}`, backticked code, **strong** and *emphasised* words in HTML text (input already escaped)."""
    text = _SYMBOL.sub(r'<span class="sym"><i>\1</i><sub>\2</sub></span>', text)
    text = re.sub(r"\*\*([^*]+)\*\*", r"<b>\1</b>", text)
    text = re.sub(r"\*([^*]+)\*", r"<i>\1</i>", text)
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", text)


def picture_axes(axes: Axes, title: str = "") -> None:
    """Strip an axes that holds a picture down to a thin frame, with a small title if there is one."""
    if title:
        axes.set_title(title, fontsize=8, fontweight="normal", color=MUTED)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color(GRID)


def count_axis(axes: Axes) -> None:
    """Let the x axis have ticks at whole numbers only."""
    axes.xaxis.set_major_locator(MaxNLocator(nbins="auto", integer=True))
