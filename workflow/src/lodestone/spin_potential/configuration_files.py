"""Labelled configurations in files: MLIP's `.cfg` with moments, and extended XYZ.

In a `.cfg` file the columns magmom_x, y, z hold moments and en_der_mx, y, z, for all their name, magnetic forces: in
the Fe-Al sample they drive the moments of Al back to equilibrium, by 17 eV / mu_B^2. PlusStress is minus the stress
times the volume. Moments are collinear: the numbers of one column may differ from zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lodestone.spin_potential.configurations import Configurations
from lodestone.spin_potential.loss import Labels

if TYPE_CHECKING:
    from ase import Atoms

_VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
_STRESS_KEYS = "xx yy zz yz xz xy"
_COLUMNS = {
    "position": ("cartes_x", "cartes_y", "cartes_z"),
    "force": ("fx", "fy", "fz"),
    "moment": ("magmom_x", "magmom_y", "magmom_z"),
    "derivative": ("en_der_mx", "en_der_my", "en_der_mz"),
}
NAME = "name"
MAGNETIC_FORCES = "magnetic_forces"


class ConfigurationFileError(ValueError):
    """A file that cannot be read; the message names it, the configuration and what was expected."""


def read_cfg(path: str | Path, species: Sequence[str]) -> tuple[Configurations, Labels]:
    """Read all configurations of a `.cfg` file; labels that are absent are NaN.

    Parameters
    ----------
    path : path
    species : sequence of str
        Symbols by the file's type numbers.

    Raises
    ------
    ConfigurationFileError
        Names the file, the configuration and what was found.
    """
    read = []
    for number, lines in enumerate(_blocks(Path(path)), start=1):
        where = f"{path}, configuration {number}"
        try:
            read.append(_one(lines, species, where))
        except (ValueError, IndexError) as error:
            if isinstance(error, ConfigurationFileError):
                raise
            raise ConfigurationFileError(f"{where}: {error}, expected MLIP's format") from error
    if not read:
        raise ConfigurationFileError(f"{path}: found no BEGIN_CFG, expected configurations")
    return _together(read, species, Path(path).stem)


def write_cfg(path: str | Path, configurations: Configurations, labels: Labels) -> None:
    """Write configurations with their labels; those that are NaN are left out. Numbers are written in full."""
    with Path(path).open("w") as file:
        for number in range(len(configurations)):
            file.write("\n".join(_lines(configurations, labels, number)) + "\n\n")


def write_extxyz(path: str | Path, configurations: Configurations, labels: Labels) -> None:
    """Write extended XYZ: magmoms and magnetic_forces as columns, the rest under ASE's names."""
    from ase.io import write

    write(path, to_atoms(configurations, labels), format="extxyz")


def read_extxyz(path: str | Path, species: Sequence[str]) -> tuple[Configurations, Labels]:
    """Read what `write_extxyz` wrote, or any extended XYZ; labels that are absent are NaN."""
    from ase.io import read

    images: Any = read(path, index=":", format="extxyz")
    return from_atoms(images, species)


def to_atoms(configurations: Configurations, labels: Labels) -> list[Atoms]:
    """Return ASE's atoms with a calculator that holds the labels, and magnetic forces as an array."""
    from ase import Atoms
    from ase.calculators.singlepoint import SinglePointCalculator

    made = []
    for k in range(len(configurations)):
        rows = slice(configurations.offset[k], configurations.offset[k + 1])
        symbols = [configurations.species[kind] for kind in configurations.kind[rows]]
        atoms = Atoms(symbols, positions=configurations.position_A[rows], cell=configurations.cell_A[k], pbc=True)
        results: dict[str, Any] = {"magmoms": configurations.moment_muB[rows]}
        stress = np.array([labels.stress_eV_A3[k][pair] for pair in _VOIGT])
        for key, value in (
            ("energy", labels.energy_eV[k]),
            ("forces", labels.force_eV_A[rows]),
            ("stress", stress),
        ):
            if np.isfinite(value).all():
                results[key] = value
        atoms.calc = SinglePointCalculator(atoms, **results)
        if np.isfinite(labels.magnetic_force_eV_muB[rows]).any():
            atoms.arrays[MAGNETIC_FORCES] = labels.magnetic_force_eV_muB[rows].copy()
        atoms.info[NAME] = configurations.names[k]
        made.append(atoms)
    return made


def from_atoms(images: Sequence[Atoms], species: Sequence[str]) -> tuple[Configurations, Labels]:
    """Take configurations and labels from ASE's atoms; moments are those of the calculator, or the initial ones."""
    moments, energy, force, stress, magnetic = [], [], [], [], []
    for atoms in images:
        results = atoms.calc.results if atoms.calc is not None else {}
        moments.append(results.get("magmoms", atoms.get_initial_magnetic_moments()))
        energy.append(results.get("energy", np.nan))
        force.append(results.get("forces", np.full((len(atoms), 3), np.nan)))
        full = np.full((3, 3), np.nan)
        if "stress" in results:
            for value, (a, b) in zip(np.asarray(results["stress"]).ravel(), _VOIGT, strict=True):
                full[a, b] = full[b, a] = value
        stress.append(full)
        magnetic.append(atoms.arrays.get(MAGNETIC_FORCES, np.full(len(atoms), np.nan)))
    names = [str(atoms.info.get(NAME, f"configuration {k}")) for k, atoms in enumerate(images)]
    made = Configurations.from_atoms(images, species, moments, names)
    return made, Labels(np.array(energy), np.concatenate(force), np.array(stress), np.concatenate(magnetic))


def _blocks(path: Path) -> Iterator[list[str]]:
    """Yield the lines of each configuration."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationFileError(f"{path}: not readable as text ({error})") from error
    for part in text.split("BEGIN_CFG")[1:]:
        if "END_CFG" not in part:
            raise ConfigurationFileError(f"{path}: found BEGIN_CFG without END_CFG, expected whole configurations")
        yield part.partition("END_CFG")[0].splitlines()


def _one(lines: list[str], species: Sequence[str], where: str) -> dict[str, Any]:
    """Read one configuration."""
    found: dict[str, Any] = {"name": "", "energy": np.nan, "stress": None, "cell": None}
    size = 0
    for k, line in enumerate(lines):
        words = line.split()
        head = words[0] if words else ""
        if head == "Size":
            size = int(lines[k + 1])
        elif head.lower() == "supercell":
            found["cell"] = np.array([row.split() for row in lines[k + 1 : k + 4]], float)
        elif head in ("AtomData:", "Atomic_data:"):
            rows = np.array([row.split() for row in lines[k + 1 : k + 1 + size]], float)
            found["table"] = dict(zip(words[1:], rows.T, strict=True))
        elif head == "Energy":
            found["energy"] = float(lines[k + 1])
        elif head == "PlusStress:":
            found["stress"] = dict(zip(words[1:], map(float, lines[k + 1].split()), strict=True))
        elif head == "Feature" and words[1] == NAME:
            found["name"] = words[2]
    if found["cell"] is None or "table" not in found:
        raise ConfigurationFileError(f"{where}: found no Supercell or no AtomData, expected both")
    kinds = found["table"]["type"].astype(int)
    if kinds.min() < 0 or kinds.max() >= len(species):
        raise ConfigurationFileError(f"{where}: found type {kinds.max()}, given are {', '.join(species)}")
    return {**found, "symbols": [species[kind] for kind in kinds]}


def _vectors(table: dict[str, np.ndarray], name: str) -> np.ndarray | None:
    """Return three columns as (atom, 3); None if they are absent."""
    columns = _COLUMNS[name]
    return np.stack([table[key] for key in columns], axis=1) if set(columns) <= set(table) else None


def _collinear(table: dict[str, np.ndarray], where: str) -> tuple[np.ndarray, np.ndarray]:
    """Return moments (atom,) and magnetic forces (atom,) along the one axis that moments have."""
    moments, derivatives = _vectors(table, "moment"), _vectors(table, "derivative")
    if moments is None:
        raise ConfigurationFileError(f"{where}: found no columns magmom_x, y, z, expected moments")
    axes = np.flatnonzero(np.abs(moments).max(axis=0) > 0)
    if len(axes) > 1:
        raise ConfigurationFileError(f"{where}: found moments along {len(axes)} axes, expected collinear ones")
    if len(axes) == 0 and derivatives is not None:
        axes = np.flatnonzero(np.abs(derivatives).max(axis=0) > 0)
    axis = int(axes[0]) if len(axes) else 0
    forces = np.full(len(moments), np.nan) if derivatives is None else derivatives[:, axis]
    return moments[:, axis], forces


def _together(read: Sequence[dict[str, Any]], species: Sequence[str], stem: str) -> tuple[Configurations, Labels]:
    """Put configurations into arrays."""
    from ase import Atoms

    images, moments, magnetic, force, stress = [], [], [], [], []
    for number, one in enumerate(read, start=1):
        where = f"{stem}, configuration {number}"
        positions = _vectors(one["table"], "position")
        if positions is None:
            raise ConfigurationFileError(f"{where}: found no columns cartes_x, y, z, expected Cartesian positions")
        images.append(Atoms(one["symbols"], positions=positions, cell=one["cell"], pbc=True))
        moment, forces = _collinear(one["table"], where)
        moments.append(moment)
        magnetic.append(forces)
        given = _vectors(one["table"], "force")
        force.append(np.full_like(positions, np.nan) if given is None else given)
        full = np.full((3, 3), np.nan)
        if one["stress"] is not None:
            for key, (a, b) in zip(_STRESS_KEYS.split(), _VOIGT, strict=True):
                full[a, b] = full[b, a] = -one["stress"][key] / images[-1].get_volume()
        stress.append(full)
    names = [one["name"] or f"{stem}-{number}" for number, one in enumerate(read, start=1)]
    made = Configurations.from_atoms(images, species, moments, names)
    energies = np.array([one["energy"] for one in read])
    return made, Labels(energies, np.concatenate(force), np.array(stress), np.concatenate(magnetic))


def _fixed(value: float) -> str:
    """Shortest decimals that give the same number back, without an exponent, which motep does not read."""
    return np.format_float_positional(value, trim="0")


def _lines(configurations: Configurations, labels: Labels, number: int) -> list[str]:
    """Lines of one configuration."""
    rows = slice(configurations.offset[number], configurations.offset[number + 1])
    lines = ["BEGIN_CFG", " Size", f"    {rows.stop - rows.start}", " Supercell"]
    lines += ["    " + " ".join(map(repr, vector)) for vector in configurations.cell_A[number].tolist()]
    columns = ["id", "type", *_COLUMNS["position"]]
    numbers = [configurations.position_A[rows]]
    if np.isfinite(labels.force_eV_A[rows]).all():
        columns += _COLUMNS["force"]
        numbers.append(labels.force_eV_A[rows])
    columns += _COLUMNS["moment"]
    numbers.append(configurations.moment_muB[rows][:, None] * np.array([1.0, 0.0, 0.0]))
    if np.isfinite(labels.magnetic_force_eV_muB[rows]).all():
        columns += _COLUMNS["derivative"]
        numbers.append(labels.magnetic_force_eV_muB[rows][:, None] * np.array([1.0, 0.0, 0.0]))
    lines.append(" AtomData:  " + " ".join(columns))
    for k, values in enumerate(np.concatenate(numbers, axis=1).tolist()):
        lines.append(f"    {k + 1} {configurations.kind[rows][k]} " + " ".join(map(_fixed, values)))
    if np.isfinite(labels.energy_eV[number]):
        lines += [" Energy", f"    {float(labels.energy_eV[number])!r}"]
    stress = labels.stress_eV_A3[number]
    if np.isfinite(stress).all():
        volume = float(configurations.volumes_A3()[number])
        lines += [f" PlusStress:  {_STRESS_KEYS}"]
        lines.append("    " + " ".join(repr(float(-stress[pair] * volume)) for pair in _VOIGT))
    return [*lines, f" Feature   {NAME}\t{configurations.names[number].replace(' ', '_')}", "END_CFG"]
