"""Main output files of ABINIT (``.abo``): what is printed at the end, and how it ended."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from lodestone.dft.abinit.deck import BOHR_A, FORCE_HA_BOHR, HARTREE_EV, STRESS_HA_BOHR3

_NUMBER = r"[-+]?\d+\.\d+(?:[Ee][-+]\d+)?"
_ETOT = re.compile(rf"^ ETOT\s+\d+\s+({_NUMBER})", re.MULTILINE)
_ECHO = "-outvars: echo values of variables after computation"


class OutputError(ValueError):
    """An output that does not hold what it should; the message says what is missing."""


@dataclass(frozen=True)
class Output:
    """Numbers of one finished run, in eV, angstrom and Bohr magnetons; moments and torques are those of the spheres."""

    energy_eV: float
    lattice_A: np.ndarray
    fractional: np.ndarray
    forces_eV_A: np.ndarray | None
    stress_eV_A3: np.ndarray | None
    moments_muB: np.ndarray
    total_moment_muB: np.ndarray
    dE_dm_eV_muB: np.ndarray | None
    electrons_converged: bool
    ions_converged: bool
    steps: int
    energies_eV: list[float] = field(default_factory=list)


def read_output(text: str) -> Output:
    """Read a whole output file.

    Raises
    ------
    OutputError
        If the run did not come to its end, or a block is missing.
    """
    if "Calculation completed" not in text or _ECHO not in text:
        raise OutputError("found no end of the calculation, expected 'Calculation completed'")
    echo = _variables(text.rpartition(_ECHO)[2])
    sites = _count(echo)
    cycles = re.findall(r"---\s*Iteration:\s*\(\s*(\d+)/", text)
    body, _, end = text.rpartition(_ECHO)
    energies = [float(energy) * HARTREE_EV for energy in _ETOT.findall(body)]
    if not energies:
        raise OutputError("found no line ETOT, expected one for each electronic step")
    return Output(
        energy_eV=energies[-1],
        lattice_A=_lattice(echo),
        fractional=_rows(echo, "xred", sites),
        forces_eV_A=_rows(echo, "fcart", sites) * FORCE_HA_BOHR if "fcart" in echo else None,
        stress_eV_A3=_stress(echo),
        **_moments(body, sites),
        dE_dm_eV_muB=_torques(body, sites),
        electrons_converged="was not enough SCF cycles to converge" not in _last_cycle(body),
        ions_converged="gradients are converged" in body,
        steps=max(0, len(cycles) - 1),
        energies_eV=_last_of_each_cycle(body),
    )


def error_message(log: str) -> str:
    """Last error that ABINIT reported in its log, in one line; empty if there is none."""
    found = re.findall(r"--- !(?:ERROR|BUG)\n(.*?)\n\.\.\.", log, re.DOTALL)
    if not found:
        return ""
    message = found[-1].partition("message: |")[2] or found[-1]
    return " ".join(message.split())[:300]


def _variables(echo: str) -> dict[str, list[float]]:
    """Numbers of each variable that the output echoes at its end."""
    values: dict[str, list[float]] = {}
    name = ""
    for line in echo.splitlines():
        if line.startswith("="):
            break
        words = line[1:].split()
        if words and re.match(r"[a-zA-Z]\w*$", words[0]):
            name, words = words[0], words[1:]
            values[name] = []
        for word in words:
            if name and re.fullmatch(r"[-+]?\d+(?:\.\d+(?:[Ee][-+]\d+)?)?", word):
                values[name].append(float(word))
    return values


def _count(echo: dict[str, list[float]]) -> int:
    """Return the number of atoms; ABINIT does not echo the default of 1."""
    return int(echo.get("natom", [1.0])[0])


def _lattice(echo: dict[str, list[float]]) -> np.ndarray:
    """Lattice vectors as rows, angstrom; a unit matrix of directions is not echoed."""
    lengths = np.array(echo.get("acell", [1.0, 1.0, 1.0]))
    directions = np.array(echo.get("rprim", np.eye(3).ravel().tolist())).reshape(3, 3)
    return lengths[:, None] * directions * BOHR_A


def _rows(echo: dict[str, list[float]], name: str, sites: int) -> np.ndarray:
    """Three numbers for each atom; positions of a single atom at the origin are not echoed."""
    values = np.array(echo.get(name, [0.0] * 3 * sites if sites == 1 else []))
    if len(values) != 3 * sites:
        raise OutputError(f"{name}: found {len(values)} numbers, expected {3 * sites}")
    return values.reshape(sites, 3)


def _stress(echo: dict[str, list[float]]) -> np.ndarray | None:
    """Stress (3, 3), eV/A^3; ABINIT prints xx yy zz yz xz xy and its sign is that of dE/dstrain."""
    if "strten" not in echo:
        return None
    xx, yy, zz, yz, xz, xy = np.array(echo["strten"]) * STRESS_HA_BOHR3
    return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])


def _last_cycle(body: str) -> str:
    """Text from the last first step of the electrons on."""
    return body[body.rfind("\n ETOT  1 ") :]


def _last_of_each_cycle(body: str) -> list[float]:
    """Energy in eV at the end of each ionic step."""
    found = []
    for line in re.findall(rf"^ ETOT\s+(\d+)\s+({_NUMBER})", body, re.MULTILINE):
        number, energy = int(line[0]), float(line[1]) * HARTREE_EV
        if number == 1:
            found.append(energy)
        found[-1] = energy
    return found


def _moments(body: str, sites: int) -> dict[str, np.ndarray]:
    """Moments in the spheres, (site,) or with spinors (site, 3), and of the cell, (1,) or (3,)."""
    block = body.rpartition("Integrated electronic and magnetization densities in atomic spheres")[2]
    rows = [line.split() for line in re.findall(r"^\s+\d+\s+\d+\.\d+ .*$", block, re.MULTILINE)[:sites]]
    if len(rows) != sites:
        raise OutputError(f"moments in spheres: found {len(rows)} atoms, expected {sites}")
    collinear = "Diff(up-dn)" in block
    # Atom, radius, up, down, total, difference; or atom, radius, total and three components.
    moments = [[float(row[5])] if collinear else [float(x) for x in row[3:6]] for row in rows]
    exact = re.search(r"Total magnetization \(exact[^)]*\):?\s+(.*)", block)
    if exact is None:
        raise OutputError("found no line 'Total magnetization (exact ...)'")
    total = np.array([float(x) for x in exact[1].split()])
    values = np.array(moments)
    return {"moments_muB": values[:, 0] if collinear else values, "total_moment_muB": total}


def _torques(body: str, sites: int) -> np.ndarray | None:
    """dE/dm of each atom, eV per Bohr magneton: the column T(z), Ha; checked against finite differences."""
    _, found, block = body.rpartition("Gradient with respect to target")
    if not found:
        return None
    rows = [line.split() for line in re.findall(r"^\s+\d+\s+\d+\.\d+ .*$", block, re.MULTILINE)[:sites]]
    return np.array([float(row[3]) for row in rows]) * HARTREE_EV
