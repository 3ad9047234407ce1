"""Crystal structures, any number of them and of any size."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from lodestone.artifacts.base import Artifact, Provenance, array
from lodestone.artifacts.ragged import group_sizes, pack_texts, unpack_text, unpack_texts

if TYPE_CHECKING:
    from pymatgen.core import Structure

NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._+-]*"
_NAME = re.compile(NAME_PATTERN)
_LARGEST_ATOMIC_NUMBER = 118


@dataclass(frozen=True, kw_only=True, eq=False)
class StructureSet(Artifact):
    """Crystals with ordered sites, start moments and names that are unique and fit for a folder's name."""

    SCHEMA: ClassVar[str] = "structure_set"
    VERSION: ClassVar[int] = 1
    DIMS: ClassVar[Mapping[str, int]] = {"vector": 3, "axis": 3}
    RAGGED: ClassVar[Mapping[str, str]] = {
        "site": "site_offset",
        "name_byte": "name_offset",
        "source_byte": "source_offset",
    }

    lattice_A: np.ndarray = array(
        ("structure", "vector", "axis"), "float64", "Angstrom", "lattice vectors a, b, c as rows"
    )
    site_offset: np.ndarray = array(
        ("structure_plus_one",), "int64", "1", "first site of each structure; the last is the number of sites"
    )
    atomic_number: np.ndarray = array(("site",), "uint8", "1", "atomic number of each site")
    fractional: np.ndarray = array(("site", "axis"), "float64", "1", "position along a, b, c")
    has_moment: np.ndarray = array(("structure",), "uint8", "1", "1 where the structure came with start moments")
    moment_muB: np.ndarray = array(("site",), "float64", "mu_B", "collinear start moment; 0 where there is none")
    name_offset: np.ndarray = array(
        ("structure_plus_one",), "int64", "1", "first byte of each name in name_utf8; the last is their number"
    )
    name_utf8: np.ndarray = array(("name_byte",), "uint8", "1", "names, one after the other")
    source_offset: np.ndarray = array(
        ("structure_plus_one",), "int64", "1", "first byte of each source in source_utf8; the last is their number"
    )
    source_utf8: np.ndarray = array(("source_byte",), "uint8", "1", "where each structure came from, in words")

    def check(self, where: str) -> None:
        """Offsets, atomic numbers, cells and names must make sense."""
        self._check_offsets(where)
        z = self.atomic_number
        known = len(z) == 0 or (int(z.min()) >= 1 and int(z.max()) <= _LARGEST_ATOMIC_NUMBER)
        found = f"{z.min()} to {z.max()}" if len(z) else ""
        self.require(known, where, "field 'atomic_number'", found, f"1 to {_LARGEST_ATOMIC_NUMBER}")
        flags = bool((self.has_moment <= 1).all())
        self.require(flags, where, "field 'has_moment'", f"up to {self.has_moment.max(initial=0)}", "0 or 1")
        flat = np.flatnonzero(self.volumes_A3() < 1e-6)
        self.require(
            not len(flat),
            where,
            "field 'lattice_A'",
            f"a cell without volume, structure {flat[:1]}",
            "volumes above 0",
        )
        self._check_names(where)

    def _check_offsets(self, where: str) -> None:
        """Check the three kinds of offsets; a structure has a site and a name at least, a source may be empty."""
        for field, values, least in (
            ("site_offset", self.atomic_number, 1),
            ("name_offset", self.name_utf8, 1),
            ("source_offset", self.source_utf8, 0),
        ):
            sizes = group_sizes(getattr(self, field), len(values))
            fits = sizes is not None and bool((sizes >= least).all())
            expected = f"rising from 0 to {len(values)}" + (", by 1 at least" if least else "")
            self.require(fits, where, f"field {field!r}", "others", expected)

    def _check_names(self, where: str) -> None:
        """Names are unique and can name folders."""
        try:
            names = self.names()
        except UnicodeDecodeError as error:
            self.require(False, where, "field 'name_utf8'", str(error), "UTF-8")
        bad = [name for name in names if not _NAME.fullmatch(name)][:1]
        expected = "a letter or digit, then letters, digits and . _ + -"
        self.require(not bad, where, "name of a structure", repr(bad[0]) if bad else "", expected)
        seen: set[str] = set()
        twice = [name for name in names if name in seen or seen.add(name)][:1]  # type: ignore[func-returns-value]
        self.require(not twice, where, "name of a structure", f"{twice} more than once", "each name once")

    def names(self) -> list[str]:
        """Names of all structures."""
        return unpack_texts(self.name_offset, self.name_utf8)

    def name(self, which: int) -> str:
        """Name of one structure."""
        return unpack_text(self.name_offset, self.name_utf8, which)

    def sources(self) -> list[str]:
        """Where the structures came from."""
        return unpack_texts(self.source_offset, self.source_utf8)

    def sites(self, which: int) -> slice:
        """Rows of one structure in the arrays of sites."""
        return slice(int(self.site_offset[which]), int(self.site_offset[which + 1]))

    def site_counts(self) -> np.ndarray:
        """Return the number of sites of each structure (structure,)."""
        return np.diff(self.site_offset)

    def volumes_A3(self) -> np.ndarray:
        """Volume of each cell (structure,), cubic angstrom."""
        return np.abs(np.linalg.det(self.lattice_A)) if len(self.lattice_A) else np.zeros(0)

    def formula(self, which: int) -> str:
        """Reduced formula of one structure, such as Nd2Fe17."""
        from pymatgen.core import Composition
        from pymatgen.core.periodic_table import Element

        numbers, counts = np.unique(self.atomic_number[self.sites(which)], return_counts=True)
        symbols = [Element.from_Z(int(z)).symbol for z in numbers]
        return Composition(dict(zip(symbols, counts.tolist(), strict=True))).reduced_formula

    def structure(self, which: int) -> Structure:
        """Return one structure as pymatgen's `Structure`, with the site property `magmom` if it has moments."""
        from pymatgen.core import Lattice, Structure

        rows = self.sites(which)
        moments = {"magmom": self.moment_muB[rows].tolist()} if self.has_moment[which] else None
        return Structure(
            Lattice(self.lattice_A[which]),
            self.atomic_number[rows].tolist(),
            self.fractional[rows],
            site_properties=moments,
        )

    def structures(self) -> Iterator[Structure]:
        """All structures, one after the other."""
        return map(self.structure, range(len(self)))

    @classmethod
    def from_structures(
        cls,
        structures: Iterable[Structure],
        names: Sequence[str],
        provenance: Provenance,
        sources: Sequence[str] | None = None,
    ) -> Self:
        """Pack ordered structures; the site property `magmom`, one number a site, becomes the start moment.

        Raises
        ------
        ArtifactError
            For names that are not unique or cannot name a folder.
        AttributeError, ValueError
            For disordered sites or vector moments: `lodestone.structures.checks` refuses these by name before.
        """
        crystals = list(structures)
        return cls.from_arrays(
            lattices=[crystal.lattice.matrix for crystal in crystals],
            atomic_numbers=[crystal.atomic_numbers for crystal in crystals],
            fractional=[crystal.frac_coords for crystal in crystals],
            moments=[crystal.site_properties.get("magmom") for crystal in crystals],
            names=names,
            sources=sources or [""] * len(crystals),
            provenance=provenance,
        )

    @classmethod
    def from_arrays(
        cls,
        *,
        lattices: Sequence[Any],
        atomic_numbers: Sequence[Any],
        fractional: Sequence[Any],
        moments: Sequence[Any],
        names: Sequence[str],
        sources: Sequence[str],
        provenance: Provenance,
    ) -> Self:
        """Pack lattices (3, 3), atomic numbers (site,), positions (site, 3) and moments (site,) or None of each."""
        counts = [len(numbers) for numbers in atomic_numbers]
        moment = [np.zeros(n) if m is None else np.asarray(m, float) for m, n in zip(moments, counts, strict=True)]
        name_offset, name_utf8 = pack_texts(names)
        source_offset, source_utf8 = pack_texts(sources)
        return cls(
            lattice_A=np.asarray(lattices, float).reshape(-1, 3, 3),
            site_offset=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            atomic_number=np.concatenate([np.zeros(0, int), *atomic_numbers]).astype(int),
            fractional=np.concatenate([np.zeros((0, 3)), *fractional]),
            has_moment=np.array([m is not None for m in moments], dtype=np.uint8),
            moment_muB=np.concatenate([np.zeros(0), *moment]),
            name_offset=name_offset,
            name_utf8=name_utf8,
            source_offset=source_offset,
            source_utf8=source_utf8,
            provenance=provenance,
        )
