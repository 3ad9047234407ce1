"""Potential files of MLIP and motep (`.mtp`, `.mmtp`, `.almtp`), read and written.

Two spellings of the keys are in use: the old one (min_dist, min_mag) and motep's new one (min, max and size below the
name of each basis). Both are read; the new one, which motep reads and writes, is written. A file does not say whether
the energy is to be symmetrised under reversal of the moments; programs that read it evaluate it as it stands.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lodestone.spin_potential import levels
from lodestone.spin_potential.levels import Level
from lodestone.spin_potential.potential import SpinPotential

_NUMBER_SETS = {
    "basic": "alpha_index_basic",
    "products": "alpha_index_times",
    "scalars": "alpha_moment_mapping",
}
_OLD_KEYS = {
    "min_dist": ("radial", "min"),
    "max_dist": ("radial", "max"),
    "radial_basis_size": ("radial", "size"),
    "min_mag": ("magnetic", "min"),
    "max_mag": ("magnetic", "max"),
    "mag_basis_size": ("magnetic", "size"),
}
_NEW_KEYS = {"min": "min", "max": "max", "size": "size", "min_val": "min", "max_val": "max", "basis_size": "size"}


class PotentialFileError(ValueError):
    """A file that is no magnetic potential; the message names the file and the key."""


def read_mtp(path: str | Path, species: Sequence[str], *, symmetrised: bool = False) -> SpinPotential:
    """Read a magnetic potential.

    Parameters
    ----------
    path : path
        File of MLIP or motep.
    species : sequence of str
        Symbols of its species, which the file numbers only.
    symmetrised : bool
        Whether the energy is the mean with that of reversed moments.

    Raises
    ------
    PotentialFileError
        For a file without a magnetic basis or parameters, or with other numbers of species; names file and key.
    """
    given = _parse(Path(path))
    for key in ("radial_funcs_count", "alpha_moments_count", "species_coeffs", "moment_coeffs", *_NUMBER_SETS.values()):
        if key not in given:
            raise PotentialFileError(f"{path}: no {key}, expected a fitted magnetic potential")
    for basis, name in itertools.product(("radial", "magnetic"), ("min", "max", "size")):
        if (basis, name) not in given:
            raise PotentialFileError(f"{path}: no {name} of the {basis} basis, expected a magnetic potential")
    low, high = given["magnetic", "min"], given["magnetic", "max"]
    if low != -high:
        raise PotentialFileError(f"{path}: moments from {low} to {high} mu_B, expected an interval around zero")
    count, functions = len(given["species_coeffs"]), int(given["radial_funcs_count"])
    if count != len(species):
        raise PotentialFileError(f"{path}: species_coeffs: found {count}, given are {', '.join(species)}")
    radial, magnetic = int(given["radial", "size"]), int(given["magnetic", "size"])
    shape = (count, count, functions, radial, magnetic, magnetic)
    rows = given["radial_coeffs"]
    if len(rows) != count * count * functions or {len(row) for row in rows} != {radial * magnetic**2}:
        raise PotentialFileError(f"{path}: radial_coeffs: found {len(rows)} rows, expected numbers of shape {shape}")
    return SpinPotential(
        species=tuple(species),
        level=_level(given, path),
        r_min_A=given["radial", "min"],
        r_cut_A=given["radial", "max"],
        m_max_muB=high,
        moment_coefficients=np.array(given["moment_coeffs"], float),
        species_energies=np.array(given["species_coeffs"], float),
        radial_coefficients=np.array(rows, float).reshape(shape),
        scaling=float(given.get("scaling", 1.0)),
        symmetrised=symmetrised,
    )


def write_mtp(path: str | Path, potential: SpinPotential) -> None:
    """Write a potential for MLIP and motep, numbers in full.

    They evaluate it as it stands: one that is symmetrised is written as `as_plain` makes it, with the same energies.
    """
    potential = as_plain(potential)
    level, count = potential.level, len(potential.species)
    lines = ["MTP", "version = 1.1.0", f"potential_name = lodestone_{level.number or 'other'}"]
    lines += [f"scaling = {potential.scaling!r}", f"species_count = {count}", "potential_tag = "]
    for name, low, high, size in (
        ("radial_basis_type = RBChebyshev", potential.r_min_A, potential.r_cut_A, potential.radial_size),
        ("magnetic_basis_type = BChebyshev", -potential.m_max_muB, potential.m_max_muB, potential.magnetic_size),
    ):
        lines += [name, f"\tmin = {float(low)!r}", f"\tmax = {float(high)!r}", f"\tsize = {size}"]
    # The readers take the number of rows from the lines before.
    lines += [f"radial_funcs_count = {level.radial_functions}", "\tradial_coeffs"]
    for first, second in itertools.product(range(count), repeat=2):
        lines.append(f"\t\t{first}-{second}")
        rows = potential.radial_coefficients[first, second].reshape(level.radial_functions, -1)
        lines += [f"\t\t\t{_braces(row)}" for row in rows]
    lines += [
        f"alpha_moments_count = {level.moments}",
        f"alpha_index_basic_count = {len(level.basic)}",
        f"alpha_index_basic = {_braces(level.basic)}",
        f"alpha_index_times_count = {len(level.products)}",
        f"alpha_index_times = {_braces(level.products)}",
        f"alpha_scalar_moments = {len(level.scalars)}",
        f"alpha_moment_mapping = {_braces(level.scalars)}",
        f"species_coeffs = {_braces(potential.species_energies)}",
        f"moment_coeffs = {_braces(potential.moment_coefficients)}",
    ]
    Path(path).write_text("\n".join(lines) + "\n")


def as_plain(potential: SpinPotential) -> SpinPotential:
    """Return a potential of the same energy that is not symmetrised: Eq. 6 written out.

    It has twice the moments: in the copies, radial coefficients of odd beta + gamma have the other sign, which is what
    the reversal of all moments does to them, for Chebyshev polynomials are even or odd.
    """
    if not potential.symmetrised:
        return potential
    level, basics, moments = potential.level, len(potential.level.basic), potential.level.moments
    # Basic moments come first: those of the copy push all products back.
    first = np.concatenate([np.arange(basics), np.arange(basics, moments) + basics])
    second = np.concatenate([np.arange(basics) + basics, np.arange(basics, moments) + moments])
    products = []
    for place in (first, second):
        moved = level.products.copy()
        moved[:, [0, 1, 3]] = place[level.products[:, [0, 1, 3]]]
        products.append(moved)
    doubled = Level(
        0,
        2 * level.radial_functions,
        2 * moments,
        np.concatenate([level.basic, level.basic + [level.radial_functions, 0, 0, 0]]),
        np.concatenate(products),
        np.concatenate([first[level.scalars], second[level.scalars]]),
    )
    order, coefficients = np.arange(potential.magnetic_size), potential.radial_coefficients
    reversal = (-1.0) ** (order[:, None] + order)
    return dataclasses.replace(
        potential,
        level=doubled,
        moment_coefficients=np.tile(potential.moment_coefficients / 2, 2),
        radial_coefficients=np.concatenate([coefficients, coefficients * reversal], axis=2),
        symmetrised=False,
    )


def _parse(path: Path) -> dict[Any, Any]:
    """Return keys and values; those of a basis under (basis, key), rows of radial coefficients as lists."""
    try:
        # An .almtp goes on in binary, with the state of active learning.
        lines = path.read_bytes().partition(b"#MVS")[0].decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise PotentialFileError(f"{path}: not readable as text ({error}), expected a potential file") from error
    if not lines or lines[0].strip() != "MTP":
        raise PotentialFileError(
            f"{path}: found {lines[0][:20] if lines else 'nothing'!r}, expected the line MTP first"
        )
    found: dict[Any, Any] = {"radial_coeffs": []}
    basis = "radial"
    for number, line in enumerate(lines[1:], start=2):
        text = line.strip()
        key, equals, value = (part.strip() for part in text.partition("="))
        try:
            if text.startswith("{"):
                found["radial_coeffs"].append(_numbers(text, float))
            elif not equals:
                continue
            elif key.endswith("_basis_type"):
                basis = key.removesuffix("_basis_type")
            elif key in _OLD_KEYS:
                found[_OLD_KEYS[key]] = float(value)
            elif key in _NEW_KEYS:
                found[basis, _NEW_KEYS[key]] = float(value)
            elif value.startswith("{"):
                found[key] = _numbers(value, float if key.endswith("_coeffs") else int)
            elif key == "scaling" or key.endswith("_count"):
                found[key] = float(value)
        except ValueError as error:
            raise PotentialFileError(f"{path}, line {number}: {error}, expected numbers") from error
    return found


def _numbers(text: str, kind: type) -> list[Any]:
    """Return the numbers of a list in braces, nested or not, in one row."""
    return [kind(part) for part in re.sub(r"[{}]", " ", text).replace(",", " ").split()]


def _braces(values: Any) -> str:
    """Write a list, or a list of lists, in braces; floats so that they are read back to the last bit."""
    array = np.asarray(values)
    if array.ndim > 1:
        return "{" + ", ".join(map(_braces, array)) + "}"
    return "{" + ", ".join(repr(value) for value in array.tolist()) + "}"


def _level(given: dict[Any, Any], path: str | Path) -> Level:
    """Return the tables of the file: a known level, or one of its own."""
    values = {name: given[key] for name, key in _NUMBER_SETS.items()}
    values |= {"radial_functions": given["radial_funcs_count"], "moments": given["alpha_moments_count"]}
    own = Level.of(0, values)
    for key, found, limit in (
        ("alpha_index_basic", own.basic[:, 0], own.radial_functions),
        ("alpha_index_times", own.products[:, [0, 1, 3]], own.moments),
        ("alpha_moment_mapping", own.scalars, own.moments),
    ):
        # Compiled loops do not check indices.
        if found.size and not (found.min() >= 0 and found.max() < limit):
            raise PotentialFileError(
                f"{path}: {key}: found indices {found.min()} to {found.max()}, allowed: 0 to {limit - 1}"
            )
    return next((known for known in map(levels.level, levels.numbers()) if known.same(own)), own)
