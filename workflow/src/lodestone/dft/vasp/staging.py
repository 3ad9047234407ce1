"""The folder of one VASP run: the prepared input, with what the runs before it found and what the potentials say."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pymatgen.core import Structure
from pymatgen.io.vasp.inputs import Incar, Poscar

from lodestone.dft.calculation import Calculation
from lodestone.dft.moments import Rung
from lodestone.dft.vasp import potentials, sets
from lodestone.dft.vasp.steps import Step

INPUTS = ("INCAR", "KPOINTS", "POSCAR")
# Licensed, or large and of no use once the next step has read them.
NOT_KEPT = ("POTCAR", "WAVECAR", "CHGCAR", "CHG", "PROCAR", "LOCPOT", "TMPCAR", "STOPCAR", "vasp.pid")


@dataclass(frozen=True, eq=False)
class Start:
    """What a run starts from: `moments_muB` (site,), and of the run before it the geometry, bands and folder."""

    moments_muB: np.ndarray
    structure: Structure | None = None
    bands: int = 0
    folder: Path | None = None


def stage(source: Path, run: Path, step: Step, rung: Rung, start: Start) -> None:
    """Make the folder of a run from the prepared folder of its step.

    The INCAR that was prepared is the one that is run, so that a person may have changed it; moments, bands and the
    rung's settings are laid over it.
    """
    temporary = run.with_name(run.name + ".part")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    for name in INPUTS:
        shutil.copyfile(source / name, temporary / name)
    tags = Incar.from_file(temporary / "INCAR")
    values = np.asarray(start.moments_muB) * rung.scale
    tags["MAGMOM"] = sets.magmom(values, vectors=step.vector_moments)
    tags.update(dict(rung.settings))
    if "LSORBIT" in tags and start.bands:
        tags["NBANDS"] = 2 * start.bands
    tags.write_file(temporary / "INCAR")
    if start.structure is not None:
        Poscar(start.structure).write_file(temporary / "POSCAR", significant_figures=12)
    for name in step.needs:
        if start.folder is not None and (start.folder / name).is_file():
            shutil.copyfile(start.folder / name, temporary / name)
    temporary.rename(run)


def complete(source: Path, run: Path, calculation: Calculation, functional: str) -> None:
    """Put the POTCAR in, and the settings that follow from it: a cutoff without a number, the spheres of constraints.

    Raises
    ------
    PotentialError
        If a potential is missing.
    """
    loaded = potentials.write_potcar(potentials.read_spec(source), functional, run)
    tags = Incar.from_file(run / "INCAR")
    if "ENCUT" not in tags:
        tags["ENCUT"] = round(max(item.enmax_eV for item in loaded) * calculation.cutoff_factor, 3)
    if "I_CONSTRAINED_M" in tags and "RWIGS" not in tags:
        tags["RWIGS"] = [item.rwigs_A for item in loaded]
    tags.write_file(run / "INCAR")


def resume(run: Path) -> None:
    """Let a killed relaxation go on from the last geometry that VASP wrote whole."""
    (run / "STOPCAR").unlink(missing_ok=True)
    path = run / "CONTCAR"
    if Incar.from_file(run / "INCAR").get("NSW", 0) == 0 or not path.is_file():
        return
    try:
        structure = Poscar.from_file(path, check_for_potcar=False, read_velocities=False).structure
    except (ValueError, IndexError):
        return
    Poscar(structure).write_file(run / "POSCAR", significant_figures=12)


def clean(run: Path, needed: tuple[str, ...]) -> None:
    """Remove what is not kept of a finished run, except files that the next step needs."""
    for name in NOT_KEPT:
        if name not in needed:
            (run / name).unlink(missing_ok=True)
