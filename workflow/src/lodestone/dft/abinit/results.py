"""From the outputs of ABINIT to the result of a calculation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lodestone.dft.abinit.ladder import LADDER, Climb
from lodestone.dft.abinit.output import Output
from lodestone.dft.calculation import Calculation, Result, Status
from lodestone.dft.moments import remark, vanished_note

if TYPE_CHECKING:
    from pymatgen.core import Structure

_STATUS = {"lost": Status.LOST_MOMENT, "flipped": Status.FLIPPED_MOMENT}


@dataclass(frozen=True, eq=False)
class End:
    """How the tries of one deck ended: the output that counts, status, reason, and what is to be remarked."""

    output: Output
    status: Status = Status.CONVERGED
    message: str = ""
    note: str = ""


def end(climb: Climb, outputs: Sequence[Output]) -> End:
    """Choose among the tries of one deck: the last, or the lowest in energy where none kept the moments."""
    last, calculation = outputs[-1], climb.calculation
    if not last.electrons_converged:
        steps = calculation.max_electronic_steps
        return End(last, Status.NOT_CONVERGED, f"the electrons did not converge in {steps} steps")
    if calculation.kind == "relax" and not last.ions_converged:
        steps = calculation.max_ionic_steps
        return End(last, Status.NOT_CONVERGED, f"forces or stress above the tolerance after {steps} steps")
    verdict = climb.verdict(last)
    if verdict.state == "kept":
        return End(last)
    if climb.is_nonmagnetic(outputs):
        return End(last, note=vanished_note(len(outputs)))
    best = min(outputs, key=lambda output: output.energy_eV)
    tries = f"{len(outputs)} starts; the values are those of the lowest energy, {LADDER[outputs.index(best)].name}"
    return End(best, _STATUS[verdict.state], f"{verdict.message} ({tries})")


def single(start: Structure, ended: End, calculation: Calculation) -> Result:
    """Make the result of a calculation with one deck."""
    output, forces = ended.output, None
    if calculation.kind == "constrained" and output.dE_dm_eV_muB is not None:
        free = np.array([site.specie.symbol in calculation.free_elements for site in start])
        forces = np.where(free, np.nan, -output.dE_dm_eV_muB)
    return Result(
        status=ended.status,
        message=ended.message,
        structure=_final(start, output),
        energy_eV=output.energy_eV,
        forces_eV_A=output.forces_eV_A,
        stress_eV_A3=output.stress_eV_A3,
        moments_muB=output.moments_muB,
        total_moment_muB=float(output.total_moment_muB[0]),
        magnetic_forces_eV_muB=forces,
        **_hubbard(start, calculation),
        steps=output.steps,
        extras={"energies_eV": output.energies_eV, **_remark(ended.status, output, ended.note)},
    )


def anisotropy(start: Structure, ends: Sequence[End], calculation: Calculation) -> Result:
    """Make the result of one calculation for each axis; the moments are those along the last."""
    bad = [(k, ended) for k, ended in enumerate(ends, start=1) if ended.status is not Status.CONVERGED]
    status = bad[0][1].status if bad else Status.CONVERGED
    last = ends[-1].output
    return Result(
        status=status,
        message="; ".join(f"axis {k}: {ended.message}" for k, ended in bad),
        structure=_final(start, last),
        energy_eV=min(ended.output.energy_eV for ended in ends),
        moments_muB=last.moments_muB,
        total_moment_muB=float(np.linalg.norm(last.total_moment_muB)),
        axis_energies_eV=tuple(ended.output.energy_eV for ended in ends),
        **_hubbard(start, calculation),
        extras={
            "total_moments_muB": [ended.output.total_moment_muB.tolist() for ended in ends],
            **_remark(status, last, ends[-1].note),
        },
    )


def _remark(status: Status, output: Output, note: str) -> dict[str, Any]:
    """Remark that there are no moments, if that is the answer."""
    return remark(output.moments_muB, note) if status is Status.CONVERGED else {}


def _hubbard(structure: Structure, calculation: Calculation) -> dict[str, Any]:
    """Kind of calculation and the U in eV that was used, as `Result` holds them."""
    values = calculation.hubbard({element.symbol for element in structure.elements})
    return {"run_type": "GGA+U" if values else "GGA", "hubbard_U_eV": values}


def _final(start: Structure, output: Output) -> Structure:
    """Geometry at the end, with collinear moments as the site property `magmom`."""
    from pymatgen.core import Lattice, Structure

    moments = output.moments_muB
    properties = {"magmom": moments.tolist()} if moments.ndim == 1 else None
    return Structure(Lattice(output.lattice_A), start.species, output.fractional, site_properties=properties)
