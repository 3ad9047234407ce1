"""What one VASP run wrote: energy, geometry, forces, stress, moments, and whether any of it is to be believed."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pymatgen.core import Structure
from pymatgen.io.vasp.outputs import Outcar, UnconvergedVASPWarning, Vasprun

# pymatgen's value of 1 eV/A^3 is 1602.1766 kbar.
EV_PER_A3_KBAR = 1602.1766208
_END = "General timing and accounting informations for this job"
_VERSION = re.compile(r"vasp\.(\S+)")


class OutputError(RuntimeError):
    """Output that is missing, cut off or unreadable; the message names the file and what is wrong with it."""


@dataclass(frozen=True, eq=False)
class StepOutput:
    """One run, sites in the order of its POSCAR; values that were not printed are None.

    `energy_eV` is the free energy, `energy_0_eV` its extrapolation to zero smearing; `moments_muB` is (site,) or,
    for non-collinear runs, (site, 3) along SAXIS; `stress_eV_A3` has the sign of dE/dstrain.
    """

    structure: Structure | None
    energy_eV: float
    energy_0_eV: float
    electronic: bool
    ionic: bool
    steps: int
    moments_muB: np.ndarray | None
    total_moment_muB: float | None
    forces_eV_A: np.ndarray | None = None
    stress_eV_A3: np.ndarray | None = None
    bands: int = 0
    version: str = ""

    @property
    def converged(self) -> bool:
        """Whether the electrons and, in a relaxation, the ions converged."""
        return self.electronic and self.ionic


def read(folder: Path, *, collinear: bool = True, sites: int = 0) -> StepOutput:
    """Read a run of a crystal with this number of sites (0: any).

    Raises
    ------
    OutputError
        If ``OUTCAR`` (or ``vasprun.xml``, in a collinear run) is missing, cut off, of another crystal or not what VASP
        writes.
    """
    outcar = _outcar(folder)
    if not collinear:
        return _from_outcar(folder, outcar, sites)
    run = _vasprun(folder)
    if sites and len(run.final_structure) != sites:
        raise OutputError(f"{folder / 'vasprun.xml'}: {len(run.final_structure)} sites, expected {sites}")
    last = run.ionic_steps[-1]
    stress = last.get("stress")
    return StepOutput(
        structure=_plain(run.final_structure),
        energy_eV=float(last["e_fr_energy"]),
        energy_0_eV=float(run.final_energy),  # the step's own e_0_energy is wrong in old versions of VASP
        electronic=bool(run.converged_electronic),
        ionic=bool(run.converged_ionic),
        steps=len(run.ionic_steps),
        moments_muB=_moments(outcar, len(run.final_structure)),
        total_moment_muB=None if outcar.total_mag is None else float(outcar.total_mag),
        forces_eV_A=np.array(last["forces"], dtype=float) if "forces" in last else None,
        stress_eV_A3=None if stress is None else -np.array(stress, dtype=float) / EV_PER_A3_KBAR,
        bands=int(run.parameters.get("NBANDS", 0)),
        version=str(run.vasp_version),
    )


def _from_outcar(folder: Path, outcar: Outcar, sites: int) -> StepOutput:
    """Non-collinear runs at one geometry: the OUTCAR holds all that is used, and is far quicker to read."""
    path = folder / "OUTCAR"
    if outcar.final_fr_energy is None or outcar.final_energy is None:
        raise OutputError(f"{path}: no total energy")
    text = path.read_text(errors="replace")
    moments = _moments(outcar, sites or len(outcar.magnetization))
    version = _VERSION.search(text[:2000])
    return StepOutput(
        structure=None,
        energy_eV=float(outcar.final_fr_energy),
        energy_0_eV=float(outcar.final_energy),
        electronic="aborting loop because EDIFF is reached" in text,
        ionic=True,
        steps=1,
        moments_muB=moments,
        total_moment_muB=None if moments is None else float(np.linalg.norm(moments.sum(axis=0))),
        version=version[1] if version else "",
    )


def finished(folder: Path) -> bool:
    """Whether VASP came to its own end in this folder: after it, it prints its timing, and VASP 6 a long profile."""
    path = folder / "OUTCAR"
    return path.is_file() and _END in path.read_text(errors="replace")


def _outcar(folder: Path) -> Outcar:
    path = folder / "OUTCAR"
    if not path.is_file():
        raise OutputError(f"{path}: missing, VASP wrote nothing")
    if not finished(folder):
        raise OutputError(f"{path}: cut off, VASP's closing report of timings is missing")
    try:
        return Outcar(str(path))
    except (ValueError, IndexError, KeyError, AttributeError, TypeError) as error:
        raise OutputError(f"{path}: not an OUTCAR that can be read ({error})") from error


def _vasprun(folder: Path) -> Vasprun:
    path = folder / "vasprun.xml"
    if not path.is_file():
        raise OutputError(f"{path}: missing")
    try:
        with warnings.catch_warnings():
            # Whether it converged becomes the status.
            warnings.filterwarnings("ignore", ".*is an unconverged VASP run", category=UnconvergedVASPWarning)
            run = Vasprun(str(path), parse_dos=False, parse_eigen=False, parse_potcar_file=False)
    except SyntaxError as error:  # what the XML parsers raise, that of Python and lxml
        raise OutputError(f"{path}: cut off or damaged ({error})") from error
    except (ValueError, IndexError, KeyError, AttributeError, TypeError) as error:
        raise OutputError(f"{path}: not a vasprun.xml that can be read ({error})") from error
    if not run.ionic_steps or not run.ionic_steps[-1].get("electronic_steps"):
        raise OutputError(f"{path}: no finished ionic step")
    return run


def _moments(outcar: Outcar, sites: int) -> np.ndarray | None:
    """Site moments of LORBIT: (site,) where they are numbers, (site, 3) where they are vectors."""
    totals = [site["tot"] for site in outcar.magnetization]
    if not totals or len(totals) != sites:
        return None
    if isinstance(totals[0], float):
        return np.array(totals)
    return np.array([np.asarray(moment.moment, dtype=float) for moment in totals])


def _plain(structure: Structure) -> Structure:
    return Structure(structure.lattice, [site.specie.symbol for site in structure], structure.frac_coords)


@dataclass(frozen=True, eq=False)
class Constraint:
    """The last report on constrained moments in an OSZICAR.

    `penalty_eV` is part of the total energy; `held_muB` (site, 3) are the smoothed moments that the penalty acts on,
    `moments_muB` (site, 3) those of the whole spheres.
    """

    penalty_eV: float
    held_muB: np.ndarray
    moments_muB: np.ndarray


def read_constraint(folder: Path, sites: int) -> Constraint:
    """Read the report of I_CONSTRAINED_M.

    Raises
    ------
    OutputError
        If the OSZICAR has none for this number of sites.
    """
    path = folder / "OSZICAR"
    lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
    energies = [found for line in lines if (found := re.search(r"E_p\s*=\s*(\S+)", line))]
    starts = [k for k, line in enumerate(lines) if line.split()[:3] == ["ion", "MW_int", "M_int"]]
    if not energies or not starts:
        raise OutputError(f"{path}: no report on constrained moments")
    try:
        rows = np.array([line.split()[1:7] for line in lines[starts[-1] + 1 : starts[-1] + 1 + sites]], dtype=float)
        penalty = float(energies[-1][1])
    except ValueError as error:
        raise OutputError(f"{path}: report on constrained moments: {error}") from error
    if rows.shape != (sites, 6):
        raise OutputError(f"{path}: report on constrained moments has {len(rows)} sites, expected {sites}")
    return Constraint(penalty, rows[:, :3], rows[:, 3:])
