"""The pieces a report page is made of; sections return them and the template knows how to draw each one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Origin:
    """Where numbers come from: one named input of the report (one or more artifacts of one kind).

    Attributes
    ----------
    name : str
        Name of the input, for example ``predictions``; also the anchor in the provenance table.
    files : int
        Number of artifacts behind the name.
    backends : tuple of str
        What computed them, in the words of the artifacts themselves.
    """

    name: str
    files: int
    backends: tuple[str, ...]


@dataclass(frozen=True)
class Prose:
    """A paragraph; `text` may hold `M_{r}` style symbols and `code` in backticks."""

    text: str
    kind: str = field(default="prose", init=False)


@dataclass(frozen=True)
class Notice:
    """A boxed remark; `tone` is ``info``, ``good`` or ``warn``."""

    text: str
    tone: str = "info"
    kind: str = field(default="notice", init=False)


@dataclass(frozen=True)
class Card:
    """One headline number: a value as a short string, what it is, and a remark."""

    value: str
    label: str
    note: str = ""


@dataclass(frozen=True)
class Cards:
    """A row of headline numbers."""

    cards: Sequence[Card]
    kind: str = field(default="cards", init=False)


@dataclass(frozen=True)
class Figure:
    """A drawing (inline SVG) with its caption, the paper's counterpart and its origins.

    Attributes
    ----------
    svg : str
        SVG element as made by `style.svg`.
    title, caption : str
        What is shown; symbols as in `Prose`.
    paper : str
        What the paper shows in the figure named in `paper_label`, or empty.
    origins : sequence of Origin
        Inputs from which the figure was drawn.
    folded : bool
        Opens on a click.
    """

    svg: str
    title: str
    caption: str
    origins: Sequence[Origin] = ()
    paper_label: str = ""
    paper: str = ""
    folded: bool = False
    kind: str = field(default="figure", init=False)


@dataclass(frozen=True)
class Panel:
    """One small drawing of a gallery."""

    svg: str
    label: str


@dataclass(frozen=True)
class Gallery:
    """Small drawings that flow into as many columns as the screen has room for."""

    panels: Sequence[Panel]
    title: str
    caption: str
    origins: Sequence[Origin] = ()
    paper_label: str = ""
    paper: str = ""
    kind: str = field(default="gallery", init=False)


@dataclass(frozen=True)
class Cell:
    """A table cell.

    Attributes
    ----------
    text : str
        What is written; symbols as in `Prose`.
    note : str
        Small text behind it, such as an uncertainty.
    tone : str
        ``best``, ``good``, ``warn``, ``muted``, ``head`` or empty.
    bar : float
        Length of a bar behind the text as a fraction of the cell, 0 for none.
    anchor : str
        Target for links, in the first cell of a row.
    """

    text: str
    note: str = ""
    tone: str = ""
    bar: float = 0.0
    anchor: str = ""


@dataclass(frozen=True)
class Table:
    """A table; the first column is a heading column, the others are numbers unless named in `text_columns`.

    A `folded` table opens on a click; `anchor` is its target for links.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    title: str
    caption: str = ""
    origins: Sequence[Origin] = ()
    paper_label: str = ""
    paper: str = ""
    text_columns: Sequence[int] = ()
    folded: bool = False
    anchor: str = ""
    kind: str = field(default="table", init=False)


Block = Prose | Notice | Cards | Figure | Gallery | Table


@dataclass(frozen=True)
class Section:
    """A headed part of the page; `blocks` in reading order, `lead` is its first sentence."""

    anchor: str
    title: str
    blocks: Sequence[Block]
    lead: str = ""


@dataclass(frozen=True)
class Study:
    """All that one study has to say.

    Attributes
    ----------
    name : str
        Key of the study in the configuration.
    title, question : str
        Headline and the one sentence under it.
    summary : sequence of block
        Headline cards, plain words and notices, shown before the sections.
    sections : sequence of Section
        In reading order.
    """

    name: str
    title: str
    question: str
    summary: Sequence[Block]
    sections: Sequence[Section]
