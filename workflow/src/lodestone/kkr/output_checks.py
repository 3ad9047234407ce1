"""Checks that what was read from an AkaiKKR output fits together: damage must never pass for a result."""

from __future__ import annotations

import numpy as np

from lodestone.kkr.lines import Lines
from lodestone.kkr.output_types import AkaiKKROutput, Coupling
from lodestone.magnetism.units import RYDBERG_MEV

# J in Ry has six decimals, cells four of five.
_J_MEV = 0.6e-6 * RYDBERG_MEV
_DISTANCE = 3e-4


def check_whole(lines: Lines, out: AkaiKKROutput) -> None:
    """Refuse a run whose types, atoms or components are fewer or others than it announced.

    Parameters
    ----------
    lines : Lines
        The run, for the error.
    out : AkaiKKROutput
        What was read of it.

    Raises
    ------
    OutputError
        A `ValueError` with file and line.
    """
    if not out.iterations:
        return
    last = lines.lines[-1]
    for key, found in (("ntyp", len(out.types)), ("natm", len(out.atoms))):
        announced = out.parameters.get(key)
        if isinstance(announced, int) and announced != found:
            raise lines.error(last, f"{key}= {announced} as the input says, not the {found} read above")
    if not (out.finished or out.couplings or out.molecular_fields):
        return
    if len(out.primitive_vectors) != 3 or "a" not in out.lattice:
        raise lines.error(last, "a lattice constant and three primitive vectors above")
    wanted = [round(z) for kind in out.types for z, _ in kind.components]
    found_z = [round(one.atomic_number) for one in out.components]
    if found_z != wanted:
        raise lines.error(last, f"results of components with Z = {wanted} above, not {found_z}")


def check_coupling(lines: Lines, out: AkaiKKROutput, line: str, row: Coupling) -> None:
    """Refuse a row whose columns contradict each other or the crystal: damaged, or in another order.

    Raises
    ------
    OutputError
        A `ValueError` with file and line.
    """
    if abs(row.J_Ry * RYDBERG_MEV - row.J_meV) > _J_MEV + 1e-3 * abs(row.J_meV):
        raise lines.error(line, f"J_ij in meV = {RYDBERG_MEV:.1f} times J_ij in Ry")
    names = [kind.name for kind in out.types]
    sites = [names.index(name) if name in names else -1 for _, name in out.atoms]
    for site, name, component in (
        (row.site_1, row.type_1, row.component_1),
        (row.site_2, row.type_2, row.component_2),
    ):
        fits = 1 <= site <= len(sites) and names[sites[site - 1]] == name
        if not fits or not 1 <= component <= len(out.types[sites[site - 1]].components):
            raise lines.error(line, f"a site of type {name} and one of its components")
    if row.multiplicity < 1:
        raise lines.error(line, "a multiplicity from 1")
    places = [np.array(out.atoms[site - 1][0]) for site in (row.site_1, row.site_2)]
    distance = float(np.linalg.norm(np.array(row.cell) + places[1] - places[0]))
    if abs(distance - row.distance) > _DISTANCE:
        raise lines.error(line, f"the distance {distance:.4f} of these sites and this cell")


def check_field(lines: Lines, line: str, Ry: float, meV: float) -> None:
    """Refuse a molecular field whose two units contradict each other."""
    if abs(Ry * RYDBERG_MEV - meV) > _J_MEV + 1e-3 * abs(meV):
        raise lines.error(line, f"a field in meV = {RYDBERG_MEV:.1f} times that in Ry")
