"""Crystals that the finds of a search are compared with: those of the paper."""

from __future__ import annotations

from pathlib import Path

from lodestone.structures import snapshot
from lodestone.structures.readers import Entry

# "Use Nd2Fe14B mp-5182, not the distorted mp-616958" (config/data/structures/SOURCES.md).
_ND2FE14B = "mp-5182"
_NDFE15_A = 5.852  # Ito et al., Table I


def entries(minority: str, majority: str, path: str | Path) -> list[Entry]:
    """Two crystals: R2Fe14B without its boron, and RFe15, one atom of eight bcc cells replaced.

    Parameters
    ----------
    minority, majority : str
        Elements that take the places of Nd and Fe.
    path : path
        Snapshot that holds Nd2Fe14B.
    """
    return [_without_boron(minority, majority, path), _substituted_bcc(minority, majority)]


def names(minority: str, majority: str) -> tuple[str, str]:
    """Names of the two."""
    return f"{minority}2{majority}14B0", f"{minority}{majority}15"


def _without_boron(minority: str, majority: str, path: str | Path) -> Entry:
    """R2Fe14B without boron, the reference of the paper's Fig. 3: the relaxation closes the voids."""
    from pymatgen.core import Structure

    record = next(record for record in snapshot.records(path) if record["id"] == _ND2FE14B)
    crystal = Structure(record["lattice"], record["species"], record["frac_coords"])
    crystal.remove_species(["B"])
    crystal.replace_species({"Nd": minority, "Fe": majority})
    return Entry(names(minority, majority)[0], f"{_ND2FE14B} (Nd2Fe14B) without B", crystal)


def _substituted_bcc(minority: str, majority: str) -> Entry:
    """RFe15: 2 x 2 x 2 cells of the bcc lattice, the atom at the origin replaced (the paper's Fig. 4)."""
    from pymatgen.core import Lattice, Structure

    sites = [(i + c, j + c, k + c) for i in (0.0, 1.0) for j in (0.0, 1.0) for k in (0.0, 1.0) for c in (0.0, 0.5)]
    elements = [minority, *[majority] * (len(sites) - 1)]
    crystal = Structure(Lattice.cubic(_NDFE15_A), elements, [[x / 2 for x in site] for site in sites])
    return Entry(names(minority, majority)[1], "2 x 2 x 2 bcc, one atom replaced (Ito et al., Table I)", crystal)
