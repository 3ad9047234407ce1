"""Which elements stand in for which: what a model of two elements learns from when it may not see them together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pymatgen.core import Element

# Atomic numbers within a row of transition metals: band filling, and with it magnetism, changes gradually.
_NEAR, _ALIKE = 1, 2


def alike(symbol: str, steps: int = _ALIKE) -> set[str]:
    """Elements like one: all rare earths, transition metals of its row a few steps away, or else its group."""
    element = Element(symbol)
    if _is_rare_earth(element):
        others = [e for e in Element if _is_rare_earth(e)]
    elif element.is_transition_metal:
        row = [e for e in Element if e.is_transition_metal and e.row == element.row]
        others = [e for e in row if abs(e.Z - element.Z) <= steps]
    else:
        others = [e for e in Element if e.group == element.group]
    return {e.symbol for e in others}


def _is_rare_earth(element: Element) -> bool:
    """Whether it is one by IUPAC; pymatgen counts the actinides too."""
    return element.is_lanthanoid or element.symbol in ("Sc", "Y")


def rank(species: Iterable[str], minority: str, majority: str) -> int:
    """0 for crystals of elements like the two alone, 1 for those with one very near the majority, 2 for others."""
    symbols = set(species)
    if symbols <= alike(minority) | alike(majority):
        return 0
    return 1 if symbols & alike(majority, _NEAR) else 2


def ranks(crystals: Sequence[Iterable[str]], minority: str, majority: str) -> list[int]:
    """Return `rank` of each crystal, given by the symbols of its elements."""
    known: dict[frozenset[str], int] = {}
    found = []
    for species in crystals:
        symbols = frozenset(species)
        if symbols not in known:
            known[symbols] = rank(symbols, minority, majority)
        found.append(known[symbols])
    return found
