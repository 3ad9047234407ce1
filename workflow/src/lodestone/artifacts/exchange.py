"""Exchange couplings of one crystal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lodestone.artifacts.base import Artifact, array, attribute
from lodestone.artifacts.calculation_status import STATUS_TEXT, Status

CONVENTION = "H = - sum over i != j of J_ij e_i.e_j, each pair as ij and as ji, unit vectors e"


@dataclass(frozen=True, kw_only=True, eq=False)
class Exchange(Artifact):
    """Heisenberg couplings J_ij of a crystal with its moments; H = - sum over i != j of J_ij e_i.e_j, unit vectors."""

    SCHEMA: ClassVar[str] = "exchange"
    VERSION: ClassVar[int] = 1
    DIMS: ClassVar[Mapping[str, int]] = {"vector": 3, "axis": 3}

    component_site: np.ndarray = array(
        ("component",), "int64", "1", "site of each component; alloys have several a site"
    )
    atomic_number: np.ndarray = array(("component",), "uint8", "1", "atomic number of each component; 0 if not known")
    concentration: np.ndarray = array(("component",), "float64", "1", "share of the component on its site")
    moment_muB: np.ndarray = array(
        ("component",), "float64", "mu_B", "spin moment without open 4f core, along the component's own e; signed"
    )
    orbital_moment_muB: np.ndarray = array(("component",), "float64", "mu_B", "orbital moment, without open 4f core")
    f_moment_muB: np.ndarray = array(("component",), "float64", "mu_B", "open-core 4f moment g_J J, along e; signed")
    lattice_A: np.ndarray = array(("vector", "axis"), "float64", "Angstrom", "lattice vectors a, b, c as rows")
    fractional: np.ndarray = array(("site", "axis"), "float64", "1", "position of each site along a, b, c")
    bond_source: np.ndarray = array(("bond",), "int64", "1", "component i of each bond; every pair is two bonds")
    bond_target: np.ndarray = array(("bond",), "int64", "1", "component j of each bond")
    bond_cell: np.ndarray = array(("bond", "axis"), "int64", "1", "cell of j along a, b, c when i lies in cell 0")
    bond_meV: np.ndarray = array(("bond",), "float64", "meV", "coupling J_ij")
    name: str = attribute(str, "1", "what the crystal is called")
    convention: str = attribute(str, "1", "the Hamiltonian that J_ij belongs to")
    complete: int = attribute(int, "1", "1 if all couplings within the cutoff are there")
    printed_Tc_K: float = attribute(float, "K", "mean-field T_C printed with the couplings; 0 if none")
    printed_field_Tc_K: float = attribute(float, "K", "mean-field T_C printed with molecular fields; 0 if none")
    has_energy: int = attribute(int, "1", "1 if there is a total energy")
    total_energy_eV: float = attribute(float, "eV", "total energy of the cell; 0 if has_energy is 0")
    status: int = attribute(int, "1", f"how the calculation ended: {STATUS_TEXT}")
    message: str = attribute(str, "1", "what went wrong, or what it took to converge")

    def check(self, where: str) -> None:
        """Check that indices point somewhere, shares fill sites and every bond is there in both directions."""
        sites, components = len(self.fractional), len(self.component_site)
        for field, values, most in (
            ("component_site", self.component_site, sites),
            ("bond_source", self.bond_source, components),
            ("bond_target", self.bond_target, components),
        ):
            fits = len(values) == 0 or (int(values.min()) >= 0 and int(values.max()) < most)
            self.require(fits, where, f"field {field!r}", "an index out of range", f"0 to {most - 1}")
        shares = np.bincount(self.component_site, self.concentration, minlength=sites)
        self.require(
            bool((shares < 1 + 1e-6).all()), where, "field 'concentration'", "sums above 1", "at most 1 a site"
        )
        self.require(self.convention == CONVENTION, where, "attribute 'convention'", self.convention, CONVENTION)
        volume = abs(float(np.linalg.det(self.lattice_A)))
        self.require(volume > 1e-6, where, "field 'lattice_A'", f"a cell of {volume:g} A^3", "a volume above 0")
        known = 0 <= self.status <= max(Status)
        self.require(known, where, "attribute 'status'", f"code {self.status}", STATUS_TEXT)
        self._check_reversed(where)

    def _check_reversed(self, where: str) -> None:
        """Every bond i -> j must have its partner j -> i with the same J."""
        forth = np.column_stack([self.bond_source, self.bond_target, self.bond_cell])
        back = np.column_stack([self.bond_target, self.bond_source, -self.bond_cell])
        a, b = np.lexsort(forth.T), np.lexsort(back.T)
        same = bool((forth[a] == back[b]).all()) and np.allclose(self.bond_meV[a], self.bond_meV[b], rtol=0, atol=1e-5)
        self.require(same, where, "bonds", "a pair in one direction only", "every pair as ij and as ji, with one J")

    @property
    def volume_A3(self) -> float:
        """Volume of the cell, cubic angstrom."""
        return abs(float(np.linalg.det(self.lattice_A)))

    @property
    def bond_vector_A(self) -> np.ndarray:
        """Vector from i to j of every bond (bond, 3), angstrom."""
        place = self.fractional[self.component_site]
        return (self.bond_cell + place[self.bond_target] - place[self.bond_source]) @ self.lattice_A

    @property
    def total_moment_muB(self) -> np.ndarray:
        """Moment of each component (component,) with its orbital part and open 4f core, mu_B."""
        return self.moment_muB + self.orbital_moment_muB + self.f_moment_muB
