"""Settings of the search, checked: every error names the key, what was found and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from ase.data import atomic_numbers

from lodestone.search.compositions import Compositions
from lodestone.structures.distances import DistanceRule, pair_of

OBJECTIVES = ("formation_energy", "above_hull", "magnetisation", "uncertainty", "anisotropy")
OPERATORS = (
    "heredity",
    "permutation",
    "lattice_mutation",
    "soft_mutation",
    "add_atom",
    "remove_atom",
    "transmutation",
    "random",
)


@dataclass(frozen=True)
class Seeds:
    """Weights of random space groups and of known topologies, and the user's files.

    `exclude_systems` names chemical systems, such as ``Nd-Fe``, whose crystals are no topologies.
    """

    random: float = 1.0
    topology: float = 1.0
    files: tuple[str, ...] = ()
    exclude_systems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Relaxation:
    """When a crystal is relaxed, and how many are evaluated together."""

    force_tolerance_eV_A: float = 0.1
    stress_tolerance_eV_A3: float = 0.01
    max_steps: int = 80
    at_once: int = 8
    keep_symmetry: bool = False


@dataclass(frozen=True)
class SearchSettings:
    """What is searched for, and how.

    Attributes
    ----------
    elements : (str, str)
        Minority element first.
    population, elite : int
        Crystals made in each generation, and those that stay.
    operators : mapping of str to float
        Weights at first.
    objectives : tuple of str
        Of `OBJECTIVES`.
    trials : int
        Crystals that are made for each one that is relaxed, see `lodestone.search.packing`; 1 takes every one.
    fingerprint_tolerance : float
        Crystals whose fingerprints are nearer (cosine distance) are the same.
    distances : DistanceRule
        Smallest distances by pair of elements.
    volumes_A3 : (float, float)
        Volume of an atom of each element, from which offspring get their volume.
    """

    elements: tuple[str, str]
    compositions: Compositions
    population: int
    elite: int
    max_generations: int
    stall_generations: int
    seeds: Seeds
    operators: Mapping[str, float]
    adaptive_rates: bool
    trials: int
    objectives: tuple[str, ...]
    fingerprint_tolerance: float
    distances: DistanceRule
    volumes_A3: tuple[float, float]
    relaxation: Relaxation

    @classmethod
    def of(cls, mapping: Mapping[str, Any]) -> Self:
        """Check the section of the config and take what the search needs; other keys of it are ignored.

        Raises
        ------
        ValueError
            For a value that cannot be used; it names the key.
        """
        elements = _elements(mapping)
        return cls(
            elements=elements,
            compositions=_compositions(mapping),
            population=_whole(mapping, "population", 24, 1),
            elite=_whole(mapping, "elite", 16, 1),
            max_generations=_whole(mapping, "max_generations", 4, 0),
            stall_generations=_whole(mapping, "stall_generations", 3, 1),
            seeds=_seeds(mapping.get("seeds", {})),
            operators=_operators(mapping.get("operators", {})),
            adaptive_rates=bool(mapping.get("adaptive_rates", True)),
            trials=_whole(mapping, "trials", 12, 1),
            objectives=_objectives(mapping),
            fingerprint_tolerance=_number(mapping, "fingerprint_tolerance", 0.01, 0.0, 1.0),
            distances=_distances(mapping, elements),
            volumes_A3=_volumes(mapping, elements),
            relaxation=_relaxation(mapping.get("relaxation", {})),
        )

    @cached_property
    def numbers(self) -> np.ndarray:
        """Atomic numbers (2,), minority element first."""
        return np.array([atomic_numbers[symbol] for symbol in self.elements])

    @cached_property
    def allowed_A(self) -> np.ndarray:
        """Smallest distances (2, 2) by kind of atom, angstrom."""
        return np.array([[self.distances.allowed_A(a, b) for b in self.elements] for a in self.elements])

    def kinds(self, numbers: np.ndarray) -> np.ndarray:
        """Kind of each atom (site,): 0 for the minority element, 1 for the majority."""
        return (np.asarray(numbers) != self.numbers[0]).astype(np.int64)

    def volume_A3(self, kinds: np.ndarray) -> float:
        """Sum of the volumes of the atoms, cubic angstrom."""
        return float(np.asarray(self.volumes_A3)[kinds].sum())


def _refuse(key: str, found: Any, allowed: str) -> ValueError:
    """Error that names a key."""
    return ValueError(f"{key}: found {found!r}, allowed: {allowed}")


def _whole(mapping: Mapping[str, Any], key: str, default: int, least: int, prefix: str = "") -> int:
    """Whole number of at least so many."""
    value = mapping.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise _refuse(prefix + key, value, f"a whole number, {least} or more")
    return int(value)


def _number(
    mapping: Mapping[str, Any], key: str, default: float, least: float, most: float = np.inf, prefix: str = ""
) -> float:
    """Finite number within bounds."""
    value = mapping.get(key, default)
    good = isinstance(value, int | float | np.number) and not isinstance(value, bool) and np.isfinite(value)
    if not good or not least <= value <= most:
        raise _refuse(prefix + key, value, f"a number from {least:g} to {most:g}")
    return float(value)


def _elements(mapping: Mapping[str, Any]) -> tuple[str, str]:
    """Two different elements."""
    found = mapping.get("elements", ("Nd", "Fe"))
    names = [] if isinstance(found, str) else list(found)
    if len(names) != 2 or len(set(names)) != 2 or not all(name in atomic_numbers for name in names):
        raise _refuse("elements", found, "two different elements, the minority element first")
    return str(names[0]), str(names[1])


def _compositions(mapping: Mapping[str, Any]) -> Compositions:
    """Bounds between which there is a cell."""
    low, high = _whole(mapping, "min_atoms", 6, 1), _whole(mapping, "max_atoms", 20, 1)
    if low > high:
        raise _refuse("max_atoms", high, f"min_atoms ({low}) or more")
    least = _number(mapping, "min_minority_fraction", 0.05, 0.0, 1.0)
    most = _number(mapping, "max_minority_fraction", 0.34, 0.0, 1.0)
    if least > most:
        raise _refuse("max_minority_fraction", most, f"min_minority_fraction ({least:g}) or more")
    compositions = Compositions(low, high, least, most)
    if not len(compositions.all):
        shares = sorted({k / n for n in range(low, high + 1) for k in range(n + 1)})
        below = max((s for s in shares if s < least), default=0.0)
        above = min((s for s in shares if s > most), default=1.0)
        raise ValueError(
            f"min_minority_fraction, max_minority_fraction: found {least:g} to {most:g}, in which no cell of "
            f"{low} to {high} atoms lies, allowed: a range with {below:.6g} or {above:.6g} in it, or other sizes"
        )
    return compositions


def _seeds(given: Mapping[str, Any]) -> Seeds:
    """Where the first generation comes from."""
    random = _number(given, "random", 1.0, 0.0, prefix="seeds.")
    topology = _number(given, "topology", 1.0, 0.0, prefix="seeds.")
    files = tuple(map(str, given.get("files", ())))
    if random + topology <= 0 and not files:
        raise _refuse("seeds", dict(given), "a weight above 0 or files")
    return Seeds(random, topology, files, tuple(map(str, given.get("exclude_systems", ()))))


def _operators(given: Mapping[str, Any]) -> dict[str, float]:
    """Weight of each operator; those not named have 0 if any is named."""
    unknown = sorted(set(given) - set(OPERATORS))
    if unknown:
        raise _refuse("operators", unknown[0], ", ".join(OPERATORS))
    defaults = {"heredity": 4.0, "permutation": 1.5, "lattice_mutation": 1.5, "soft_mutation": 1.0, "random": 1.5}
    defaults |= {"add_atom": 0.5, "remove_atom": 0.5, "transmutation": 1.0}
    source = given or defaults
    weights = {name: _number(source, name, 0.0, 0.0, prefix="operators.") for name in OPERATORS}
    if sum(weights.values()) <= 0:
        raise _refuse("operators", dict(given), "a weight above 0")
    return weights


def _objectives(mapping: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of objectives, each once."""
    found = mapping.get("objectives", ("formation_energy", "magnetisation"))
    names = (found,) if isinstance(found, str) else tuple(found)
    if not names or len(set(names)) != len(names) or not set(names) <= set(OBJECTIVES):
        raise _refuse("objectives", found, f"one or more of {', '.join(OBJECTIVES)}, each once")
    return names


def _distances(mapping: Mapping[str, Any], elements: Sequence[str]) -> DistanceRule:
    """Smallest distances: part of the covalent radii, or numbers by pair (a mapping or the config's list)."""
    given = mapping.get("min_distances", {})
    entries = given if isinstance(given, Mapping) else {entry["pair"]: entry["distance_A"] for entry in given}
    pairs = {}
    for pair in entries:
        names = str(pair).split("-")
        if len(names) != 2 or not set(names) <= set(elements):
            raise _refuse("min_distances", pair, f"pairs of {' and '.join(elements)}, such as {'-'.join(elements)}")
        pairs[pair_of(*names)] = _number(entries, pair, 0.0, 0.1, 10.0, prefix="min_distances.")
    return DistanceRule(_number(mapping, "min_distance_ratio", 0.6, 0.1, 1.5), pairs)


def _volumes(mapping: Mapping[str, Any], elements: Sequence[str]) -> tuple[float, float]:
    """Volume of an atom of each element, by default that in its crystal."""
    given = mapping.get("volumes_A3", {})
    unknown = sorted(set(given) - set(elements))
    if unknown:
        raise _refuse("volumes_A3", unknown[0], ", ".join(elements))
    first, second = (
        _number(given, name, 0.0, 1.0, 1000.0, prefix="volumes_A3.") if name in given else _own_volume(name)
        for name in elements
    )
    return first, second


def _own_volume(symbol: str) -> float:
    """Volume per atom of the element's crystal, cubic angstrom."""
    from lodestone.dft.elements import reference_crystal

    crystal = reference_crystal(symbol)
    return float(crystal.volume) / len(crystal)


def _relaxation(given: Mapping[str, Any]) -> Relaxation:
    """Limits of the relaxation."""
    base = Relaxation()
    prefix = "relaxation."
    return Relaxation(
        _number(given, "force_tolerance_eV_A", base.force_tolerance_eV_A, 1e-9, prefix=prefix),
        _number(given, "stress_tolerance_eV_A3", base.stress_tolerance_eV_A3, 1e-12, prefix=prefix),
        _whole(given, "max_steps", base.max_steps, 0, prefix),
        _whole(given, "at_once", base.at_once, 1, prefix),
        bool(given.get("keep_symmetry", False)),
    )
