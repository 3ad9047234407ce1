"""The VASP runs that one calculation consists of, and the INCAR of each.

relax: twice from new plane waves if the cell changes; anisotropy: a collinear run whose charge every direction of the
magnetisation then uses; constrained: a ladder of ever stiffer penalties.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lodestone.dft.calculation import Calculation
from lodestone.dft.vasp.options import VaspOptions

_SMEARING = {"fermi": -1, "gaussian": 0, "methfessel_paxton": 1, "tetrahedron": -5}
# Weights of the penalty, eV per squared Bohr magneton. A run that starts with the last one seldom converges.
PENALTIES_EV_MUB2 = (1.0, 5.0, 25.0)
# Projection in real space pays, and is accurate enough for geometries, from about so many sites on (VASP's manual).
REAL_SPACE_FROM = 30


@dataclass(frozen=True)
class Step:
    """One VASP run.

    Attributes
    ----------
    name : str
        Name of its folder.
    executable : str
        ``std`` (collinear) or ``ncl``.
    incar : dict
        Tags that do not depend on the crystal's elements, moments or potentials.
    needs : tuple of str
        Files taken over from the run before.
    vector_moments : bool
        Whether MAGMOM holds three numbers per site, along SAXIS.
    judged : bool
        Whether a lost or flipped moment makes it start again.
    """

    name: str
    executable: str
    incar: dict[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    vector_moments: bool = False
    judged: bool = True


def plan(calculation: Calculation, lattice_A: np.ndarray, n_sites: int, options: VaspOptions) -> list[Step]:
    """Return the runs of a calculation in their order, for a crystal of this lattice (3, 3) and number of sites."""
    common = _common(calculation, options)
    if calculation.kind == "relax":
        tags = {**common, **_relaxation(calculation, n_sites)}
        names = ("relax_1", "relax_2") if calculation.relax_cell else ("relax_1",)
        return [Step(name, "std", tags) for name in names]
    if calculation.kind == "static":
        return [Step("static", "std", common)]
    if calculation.kind == "anisotropy":
        return _anisotropy(calculation, lattice_A, common, options)
    return _constrained(common)


def _common(calculation: Calculation, options: VaspOptions) -> dict[str, Any]:
    tags: dict[str, Any] = {
        "PREC": "Accurate",
        "ALGO": "Normal",
        "EDIFF": calculation.energy_tolerance_eV,
        "NELM": calculation.max_electronic_steps,
        "ISPIN": 2,
        "ISMEAR": _SMEARING[calculation.smearing],
        "SIGMA": calculation.smearing_eV,
        "LASPH": True,
        "LORBIT": 11,
        "LREAL": False,
        "LWAVE": False,
        "LCHARG": False,
        "NSW": 0,
        "IBRION": -1,
    }
    if calculation.cutoff_eV:
        tags["ENCUT"] = calculation.cutoff_eV * calculation.cutoff_factor
    if options.kpar > 1:
        tags["KPAR"] = options.kpar
    if options.ncore > 1:
        tags["NCORE"] = options.ncore
    return tags


def _relaxation(calculation: Calculation, n_sites: int) -> dict[str, Any]:
    tolerance = -calculation.force_tolerance_eV_A or calculation.ionic_energy_tolerance_eV
    return {
        "IBRION": 2,
        "ISIF": 3 if calculation.relax_cell else 2,
        "NSW": calculation.max_ionic_steps,
        "EDIFFG": tolerance,
        "NELMIN": 5,
        "LREAL": "Auto" if n_sites >= REAL_SPACE_FROM else False,
    }


def _anisotropy(
    calculation: Calculation, lattice_A: np.ndarray, common: dict[str, Any], options: VaspOptions
) -> list[Step]:
    # Without GGA_COMPAT = F the gradient correction breaks the symmetry of the lattice by more than the anisotropy.
    shared = {**common, "GGA_COMPAT": False}
    steps = [Step("static", "std", {**shared, "LCHARG": True})]
    charge = 11 if options.soc_charge == "fixed" else 1
    for number, axis in enumerate(calculation.axes, start=1):
        direction = np.asarray(axis) @ np.asarray(lattice_A)
        direction = direction / np.linalg.norm(direction)
        tags = {
            **shared,
            "ISYM": -1,
            "LSORBIT": True,
            "LORBMOM": True,
            "SAXIS": [round(float(x), 10) + 0.0 for x in direction],
            "ICHARG": charge,
        }
        steps.append(Step(f"soc_{number}", "ncl", tags, needs=("CHGCAR",), vector_moments=True, judged=charge == 1))
    return steps


def _constrained(common: dict[str, Any]) -> list[Step]:
    steps = []
    for number, penalty in enumerate(PENALTIES_EV_MUB2, start=1):
        last = number == len(PENALTIES_EV_MUB2)
        tags = {
            **common,
            "LNONCOLLINEAR": True,
            "ISYM": 0,
            "I_CONSTRAINED_M": 2,
            "LAMBDA": penalty,
            "LWAVE": not last,
            "LCHARG": not last,
        }
        needs: tuple[str, ...] = ()
        if number > 1:
            needs = ("WAVECAR", "CHGCAR")
            tags |= {"ISTART": 1, "ICHARG": 1}
        steps.append(Step(f"constrained_{number}", "ncl", tags, needs, vector_moments=True, judged=False))
    return steps
