"""AkaiKKR input from crystal structures: any lattice, alloys on any site, open-core 4f shells.

Free format, as the program's manual describes it and the inputs of its test collection show it. Lengths are in units of
a; a itself in Bohr. The 4f shell of rare earths is an open core unless the energy width says otherwise (``1.7noc``).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lodestone.kkr.symmetry import quiet_spglib
from lodestone.magnetism.four_f import is_rare_earth
from lodestone.magnetism.units import BOHR_A

if TYPE_CHECKING:
    from pymatgen.core import Structure

POTENTIAL = "pot.dat"
_HEAVIEST = 103
_CLOSEST_A = 0.5
# Lattices whose primitive vectors follow from the conventional cell along x, y, z, by spglib's symbols.
_BRAVAIS = {
    "cP": "sc", "cF": "fcc", "cI": "bcc", "tP": "st", "tI": "bct", "oP": "so", "oF": "fco", "oI": "bco", "hP": "hcp",
}  # fmt: skip
_FAMILIES = {"cubic": "c", "tetragonal": "t", "orthorhombic": "o", "hexagonal": "h", "trigonal": "h"}


class DeckError(ValueError):
    """A crystal that AkaiKKR cannot compute; the message names it and the reason."""


@dataclass(frozen=True)
class SiteKind:
    """One type of site: name, largest l, and its components with their shares in per cent."""

    name: str
    lmax: int
    components: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Deck:
    """One input. `lattice` has the lines between the task and the energies, `places` one position a site."""

    task: str
    lattice: tuple[str, ...]
    kinds: tuple[SiteKind, ...]
    places: tuple[tuple[str, str], ...]
    a_bohr: float
    settings: Mapping[str, Any]
    record: str = "init"
    mixing: float = 0.02

    def with_task(self, task: str, record: str = "2nd") -> Deck:
        """Return the same crystal for another task, on the potential that is there."""
        return replace(self, task=task, record=record)

    def text(self) -> str:
        """Return the input as the program reads it."""
        s = self.settings
        width = f"{s['energy_width_Ry']!r}{'' if s['open_core'] else 'noc'}"
        lines = [
            "#--- go potentialfile",
            f"{self.task} {POTENTIAL}",
            "#--- brvtyp",
            *self.lattice,
            "#--- edelt ewidth reltyp sdftyp magtyp record",
            f"{s['energy_step_Ry']!r} {width} {s['relativity']} {s['functional']} mag {self.record}",
            "#--- outtyp bzqlty maxitr pmix",
            f"update {s['kpoint_quality']} {s['max_iterations']} {self.mixing!r}",
            "#--- ntyp",
            str(len(self.kinds)),
        ]
        for kind in self.kinds:
            lines += [
                "#--- type ncmp",
                f"  {kind.name} {len(kind.components)}",
                "#- rmt field mxl",
                f"0.0 0.0 {kind.lmax}",
            ]
            lines += ["#- anclr conc", *(f"{z} {share!r}" for z, share in kind.components)]
        lines += [
            "#--- natm",
            str(len(self.places)),
            "#--- atmicx atmtyp",
            *(f"{at} {name}" for at, name in self.places),
        ]
        return "\n".join(lines) + "\n"


def from_structure(
    structure: Structure,
    settings: Mapping[str, Any],
    name: str = "crystal",
    alloys: Mapping[str, Mapping[str, float]] | None = None,
) -> Deck:
    """Input of a self-consistent run.

    Parameters
    ----------
    structure : Structure
        The crystal; a site with several species becomes a random alloy (coherent potential approximation).
    settings : mapping
        Config section ``akaikkr``.
    name : str
        For messages.
    alloys : mapping, optional
        What an element is replaced with everywhere: ``{"Fe": {"Fe": 0.9, "Co": 0.1}}``.

    Raises
    ------
    DeckError
        For overlapping atoms, charged crystals, unknown elements, or shares that do not add up to 1 at most.
    """
    mixed = [_components(site, alloys or {}, name) for site in structure]
    check_crystal(structure, name)
    labels = [tuple(sorted(one.items())) for one in mixed]
    kind_of = _equivalent(structure, labels)
    kinds = []
    for kind in range(max(kind_of) + 1):
        shares = mixed[kind_of.index(kind)]
        lmax = 3 if any(is_rare_earth(z) for z in shares) else settings["lmax"]
        components = tuple((z, round(100.0 * share, 10)) for z, share in sorted(shares.items()))
        kinds.append(SiteKind(f"{_label(shares)}_{kind}", lmax, components))
    lattice, a_bohr, places = _bravais(structure) if settings["cell"] == "bravais" else _aux(structure)
    named = tuple((at, kinds[kind].name) for at, kind in zip(places, kind_of, strict=True))
    return Deck("go", lattice, tuple(kinds), named, a_bohr, settings, "init", settings["mixing"])


def chain(deck: Deck, cutoff_A: float) -> dict[str, Deck]:
    """Return the inputs of a study on one potential: self-consistency, molecular fields, couplings up to a distance."""
    limit = max(1.0, round(cutoff_A / (deck.a_bohr * BOHR_A), 2))
    return {"go": deck, "tc": deck.with_task("tc"), "j": deck.with_task(f"j{limit!r}")}


def _components(site: Any, alloys: Mapping[str, Mapping[str, float]], name: str) -> dict[int, float]:
    """Atomic numbers on a site with their shares; what is missing to 1 is empty (atomic number 0)."""
    from pymatgen.core import Element

    shares: dict[int, float] = {}
    for species, amount in site.species.items():
        if getattr(species, "oxi_state", None):
            raise DeckError(f"{name}: found the ion {species}, allowed are neutral atoms")
        element = species.symbol
        for part, share in alloys.get(element, {element: 1.0}).items():
            z = int(Element(part).Z)
            if z > _HEAVIEST:
                raise DeckError(f"{name}: found {part}, allowed are elements up to atomic number {_HEAVIEST}")
            shares[z] = shares.get(z, 0.0) + float(amount) * float(share)
    total = sum(shares.values())
    if total > 1 + 1e-6 or total <= 0 or min(shares.values()) < 0:
        raise DeckError(f"{name}: found shares that add up to {total:g} on a site, allowed is 1 at most")
    if total < 1 - 1e-6:
        shares[0] = 1 - total
    return shares


def check_crystal(structure: Structure, name: str) -> None:
    """Refuse charged crystals and atoms that overlap."""
    with warnings.catch_warnings():
        # pymatgen says that the charge is not that of the ions; here any charge is too much.
        warnings.filterwarnings("ignore", message="Structure charge", category=UserWarning)
        charge = float(structure.charge)
    if abs(charge) > 1e-6:
        raise DeckError(f"{name}: found a charge of {charge:g}, allowed are neutral crystals")
    if len(structure) > 1:
        distance = structure.distance_matrix + 1e3 * np.eye(len(structure))
        i, j = np.unravel_index(int(distance.argmin()), distance.shape)
        if distance[i, j] < _CLOSEST_A:
            raise DeckError(f"{name}: sites {i} and {j} are {distance[i, j]:.3f} A apart, allowed are {_CLOSEST_A} A")


def _label(shares: Mapping[int, float]) -> str:
    """Name of what is on a site, such as Fe or Fe0.9Co0.1."""
    from pymatgen.core import Element

    symbols = {z: Element.from_Z(z).symbol if z else "Vc" for z in shares}
    if len(shares) == 1:
        return next(iter(symbols.values()))
    return "".join(f"{symbols[z]}{round(share, 4):g}" for z, share in sorted(shares.items()))


def _equivalent(structure: Structure, labels: Sequence[tuple[tuple[int, float], ...]]) -> list[int]:
    """Return the number of each site's type: sites that symmetry maps on each other share one."""
    import spglib

    numbers = [sorted(set(labels)).index(label) + 1 for label in labels]
    cell: Any = (structure.lattice.matrix, structure.frac_coords, numbers)
    with quiet_spglib():
        dataset = spglib.get_symmetry_dataset(cell, symprec=1e-3)
    orbits = list(range(len(labels))) if dataset is None else [int(n) for n in dataset.equivalent_atoms]
    order = {orbit: number for number, orbit in enumerate(dict.fromkeys(orbits))}
    return [order[orbit] for orbit in orbits]


def _aux(structure: Structure) -> tuple[tuple[str, ...], float, list[str]]:
    """Lattice as three vectors in units of the first one's length, positions along them."""
    a_A = float(np.linalg.norm(structure.lattice.matrix[0]))
    vectors = [" ".join(repr(float(x)) for x in row / a_A) for row in structure.lattice.matrix]
    places = [" ".join(f"{x:.8f}{axis}" for x, axis in zip(at, "abc", strict=True)) for at in structure.frac_coords]
    return ("aux", *vectors, repr(a_A / BOHR_A)), a_A / BOHR_A, places


def _bravais(structure: Structure) -> tuple[tuple[str, ...], float, list[str]]:
    """Lattice by name where its axes lie along x, y, z as the program puts them, else as three vectors.

    Positions are Cartesian in units of a, but along the vectors in hexagonal lattices, whose orientation is the
    program's.
    """
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    with quiet_spglib():
        analyzer = SpacegroupAnalyzer(structure, symprec=1e-3)
        system, centring = analyzer.get_crystal_system(), analyzer.get_space_group_symbol()[0]
        kind = _BRAVAIS.get(_FAMILIES.get(system, "") + centring)
        cell = analyzer.get_conventional_standard_structure() if kind else structure
        primitive = analyzer.get_primitive_standard_structure() if kind else structure
    if kind is None or len(primitive) != len(structure) or not _same_sites(structure, primitive):
        return _aux(structure)
    a, b, c = cell.lattice.abc
    gamma = 120.0 if kind == "hcp" else 90.0
    line = f"{kind} {a / BOHR_A!r} {c / a!r} {b / a!r} 90.0 90.0 {gamma!r}"
    if kind == "hcp":
        places = [" ".join(f"{x:.8f}{axis}" for x, axis in zip(at, "abc", strict=True)) for at in structure.frac_coords]
    else:
        places = [" ".join(f"{x:.8f}" for x in at / a) for at in structure.cart_coords]
    return (line,), a / BOHR_A, places


def _same_sites(structure: Structure, standard: Structure) -> bool:
    """Whether a structure is in the standard setting, so that its own order and positions can be kept."""
    if not np.allclose(structure.lattice.matrix, standard.lattice.matrix, atol=1e-4):
        return False
    off = structure.frac_coords[:, None] - standard.frac_coords[None]
    return bool((np.abs(off - np.rint(off)).sum(axis=2).min(axis=1) < 1e-4).all())
