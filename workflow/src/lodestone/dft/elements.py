"""Crystals of the elements, from which formation energies are counted; relaxed with the settings of the compounds.

The lattice parameters are room-temperature values of the handbooks, rounded: they only start a relaxation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pymatgen.core import Structure

# Spacegroup, lattice (a, b, c, alpha, beta, gamma) and positions of crystals that are more than bcc, fcc, hcp, diamond.
_HEXAGONAL = (90.0, 90.0, 120.0)
_CUBIC = (90.0, 90.0, 90.0)
_DHCP = [(0.0, 0.0, 0.0), (1 / 3, 2 / 3, 0.25)]  # 2a and 2c of P6_3/mmc: the stacking ABAC
# Diatomic molecules as in alpha nitrogen: centred on an fcc lattice, along the four body diagonals.
_MOLECULAR = {"H": (5.3, 0.74), "N": (5.66, 1.10), "O": (5.4, 1.21), "F": (5.3, 1.42), "Cl": (6.7, 1.99)}
_SPECIAL: dict[str, tuple[str, tuple[float, ...], list[tuple[float, float, float]]]] = {
    "B": ("R-3m", (4.908, 4.908, 12.567, *_HEXAGONAL), [(0.119, -0.119, 0.891), (0.197, -0.197, 0.024)]),
    "C": ("P6_3/mmc", (2.461, 2.461, 6.708, *_HEXAGONAL), [(0.0, 0.0, 0.25), (1 / 3, 2 / 3, 0.25)]),
    "P": ("Cmce", (3.314, 10.478, 4.376, *_CUBIC), [(0.0, 0.1017, 0.0808)]),
    "Mn": (
        "I-43m",
        (8.911, 8.911, 8.911, *_CUBIC),
        [(0.0, 0.0, 0.0), (0.317, 0.317, 0.317), (0.357, 0.357, 0.034), (0.089, 0.089, 0.282)],
    ),
    "Ga": ("Cmce", (4.519, 7.657, 4.526, *_CUBIC), [(0.0, 0.1549, 0.0810)]),
    "As": ("R-3m", (3.760, 3.760, 10.547, *_HEXAGONAL), [(0.0, 0.0, 0.2271)]),
    "Se": ("P3_121", (4.366, 4.366, 4.954, *_HEXAGONAL), [(0.2254, 0.0, 1 / 3)]),
    "In": ("I4/mmm", (3.253, 3.253, 4.947, *_CUBIC), [(0.0, 0.0, 0.0)]),
    "Sn": ("I4_1/amd", (5.831, 5.831, 3.182, *_CUBIC), [(0.0, 0.0, 0.0)]),
    "Sb": ("R-3m", (4.307, 4.307, 11.273, *_HEXAGONAL), [(0.0, 0.0, 0.2335)]),
    "Te": ("P3_121", (4.457, 4.457, 5.929, *_HEXAGONAL), [(0.2633, 0.0, 1 / 3)]),
    "Bi": ("R-3m", (4.546, 4.546, 11.862, *_HEXAGONAL), [(0.0, 0.0, 0.2339)]),
    "La": ("P6_3/mmc", (3.774, 3.774, 12.171, *_HEXAGONAL), _DHCP),
    "Pr": ("P6_3/mmc", (3.672, 3.672, 11.833, *_HEXAGONAL), _DHCP),
    "Nd": ("P6_3/mmc", (3.658, 3.658, 11.797, *_HEXAGONAL), _DHCP),
    "Pm": ("P6_3/mmc", (3.65, 3.65, 11.65, *_HEXAGONAL), _DHCP),
    "Sm": ("R-3m", (3.629, 3.629, 26.207, *_HEXAGONAL), [(0.0, 0.0, 0.0), (0.0, 0.0, 0.2222)]),
}
_SIMPLE = ("bcc", "fcc", "hcp", "diamond")
# Moments with which the ferromagnetic elements start; all others start as their calculation says.
_MOLECULE_MOMENTS_MUB = {"O": 1.0}


def known(symbol: str) -> bool:
    """Whether there is a reference crystal of an element."""
    return symbol in _SPECIAL or symbol in _MOLECULAR or _simple_state(symbol) is not None


def is_molecular(symbol: str) -> bool:
    """Whether an element is a gas of diatomic molecules, whose crystal holds together by forces that few methods know.

    A relaxation of such a cell may never end; the molecule at its measured length is as good a reference.
    """
    return symbol in _MOLECULAR


def reference_crystal(symbol: str) -> Structure:
    """Primitive cell of the ground state of an element at low temperature and pressure.

    Diatomic gases stand on the lattice of alpha nitrogen. Manganese is a start for collinear order, not its own.

    Raises
    ------
    ValueError
        For an element without a crystal here.
    """
    from pymatgen.core import Lattice, Structure

    if symbol in _MOLECULAR:
        return _molecular(symbol)
    if symbol in _SPECIAL:
        group, lattice, positions = _SPECIAL[symbol]
        crystal = Structure.from_spacegroup(
            group, Lattice.from_parameters(*lattice), [symbol] * len(positions), positions
        )
        return crystal.get_primitive_structure()
    state = _simple_state(symbol)
    if state is None:
        raise ValueError(f"element {symbol}: no reference crystal is shipped; add a crystal of it to the structures")
    from ase.build import bulk
    from pymatgen.io.ase import AseAtomsAdaptor

    atoms = bulk(
        symbol, state["symmetry"], a=state["a"], **({"c": state["a"] * state["c/a"]} if "c/a" in state else {})
    )
    crystal = AseAtomsAdaptor.get_structure(atoms)
    return Structure(crystal.lattice, crystal.species, crystal.frac_coords)


def _simple_state(symbol: str) -> dict | None:
    """Entry of ASE's table for an element with one of the simple lattices."""
    from ase.data import atomic_numbers, reference_states

    number = atomic_numbers.get(symbol, 0)
    state = reference_states[number] if 0 < number < len(reference_states) else None
    return state if state is not None and state.get("symmetry") in _SIMPLE else None


def _molecular(symbol: str) -> Structure:
    """Four molecules of two atoms in a cube, each centre with its own body diagonal (space group Pa-3)."""
    from pymatgen.core import Lattice, Structure

    edge, bond = _MOLECULAR[symbol]
    centres = np.array([(0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)])
    axes = np.array([(1, 1, 1), (-1, 1, 1), (1, 1, -1), (1, -1, 1)]) / np.sqrt(3)
    half = bond / 2 / edge * axes
    sites = np.concatenate([centres + half, centres - half])
    moment = _MOLECULE_MOMENTS_MUB.get(symbol)
    properties = {"magmom": [moment] * len(sites)} if moment else None
    return Structure(Lattice.cubic(edge), [symbol] * len(sites), sites, site_properties=properties)


def present(atomic_numbers: np.ndarray) -> list[str]:
    """Symbols of the elements that occur, in the order of their numbers."""
    from ase.data import chemical_symbols

    return [chemical_symbols[int(number)] for number in np.unique(atomic_numbers)]
