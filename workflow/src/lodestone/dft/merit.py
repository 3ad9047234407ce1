"""Saturation of computed crystals, with the 4f moments where they are known to be missing from the calculation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.calculations import Calculations
from lodestone.magnetism import figures, four_f

# Without a magnetisation there are no figures of merit; below this a calculation with spin has found none.
SMALLEST_T = 1e-3


class Shell(IntEnum):
    """What became of the 4f moments; the codes of `SHELL_TEXT`."""

    NO_RARE_EARTH = 0
    ADDED = 1
    MISSING = 2
    COMPUTED = 3


@dataclass(frozen=True)
class Saturation:
    """Polarisation mu0 M_s of a crystal in T, and what became of the 4f moments; `exists` is False without moments."""

    mu0_Ms_T: float
    shell: Shell
    exists: bool


def saturation(batch: Calculations, row: int) -> Saturation:
    """Return the saturation of one calculation.

    The 4f moments of Hund's rules are added where the back end says that its potentials are trivalent open cores, as
    VASP's ``Nd_3``. The valence moment is counted positive along the 3d moments; the sign of the sum is dropped.
    """
    elements = [site.specie.symbol for site in batch.structure(row)]
    potentials = batch.extras(row).get("potentials", {})
    shell = shell_of(elements, potentials, fitted=bool(batch.models))
    if batch.status[row] != Status.CONVERGED or not batch.has_moments[row]:
        return Saturation(0.0, shell, False)
    others = [element for element in elements if four_f.is_rare_earth(element)]
    sites = batch.moment_muB[batch.sites(row)]
    lead = float(sites[[not four_f.is_rare_earth(element) for element in elements]].sum())
    moment = float(batch.total_moment_muB[row]) * (-1.0 if lead < 0 else 1.0)
    value = figures.saturation_magnetisation_T(
        moment, float(batch.volumes_A3()[row]), others if shell == Shell.ADDED else ()
    )
    return Saturation(abs(value), shell, abs(value) >= SMALLEST_T)


def shell_of(elements: Sequence[str], potentials: Mapping[str, str], *, fitted: bool) -> Shell:
    """Return what became of the 4f moments of a crystal of these elements; La and Lu have none.

    Parameters
    ----------
    elements : sequence of str
        Element of every site.
    potentials : mapping of str to str
        Name of the potential by element, as VASP calls them; empty for other back ends.
    fitted : bool
        Whether the numbers come from a fitted model, whose moments know of no 4f shell.
    """
    rare = {element for element in elements if four_f.is_rare_earth(element)} - {"La", "Lu"}
    if not rare:
        return Shell.NO_RARE_EARTH
    names = {potentials.get(element, element) for element in rare}
    # A divalent core (Eu_2, Yb_2) has another number of 4f electrons than the trivalent ion.
    if fitted or any(name.endswith("_2") for name in names):
        return Shell.MISSING
    opened = [name.endswith("_3") for name in names]
    if all(opened):
        return Shell.ADDED
    return Shell.MISSING if any(opened) else Shell.COMPUTED


def saturation_fields(batches: Sequence[Calculations]) -> dict[str, np.ndarray]:
    """Fields about the saturation that the artifacts share, for all crystals of all batches."""
    found = [saturation(batch, k) for batch in batches for k in range(len(batch))]
    return {
        "mu0_Ms_T": np.array([s.mu0_Ms_T if s.exists else 0.0 for s in found]),
        "has_mu0_Ms": np.array([s.exists for s in found], dtype=np.uint8),
        "f_shell": np.array([int(s.shell) for s in found], dtype=np.uint8),
    }
