"""ABINIT as a back end: relax, static, spin-orbit anisotropy and exactly constrained atomic moments."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from lodestone import processes
from lodestone.dft.abinit import deck
from lodestone.dft.abinit.output import Output, OutputError, error_message, read_output
from lodestone.dft.abinit.potentials import DataSet, PotentialError, data_set
from lodestone.dft.backend import Backend, BackendError, read_failure
from lodestone.dft.calculation import (
    KINDS,
    Calculation,
    Problem,
    Resources,
    Result,
    Status,
    read_structure,
    start_moments,
)
from lodestone.dft.spin_axes import cartesian

if TYPE_CHECKING:
    from pymatgen.core import Structure

OLDEST_VERSION = 9
# Left of the walltime for archiving what there is.
_MARGIN_S = 60.0
_RAW_SUFFIXES = (".json", ".abi", ".abo", ".log")


class Abinit(Backend):
    """One folder holds one deck, or one for each axis of an anisotropy."""

    name: ClassVar[str] = "abinit"
    kinds: ClassVar[tuple[str, ...]] = KINDS

    @property
    def command(self) -> str:
        """The executable."""
        return str(self.options.get("command", "abinit"))

    @property
    def potential_folder(self) -> str:
        """Folder of the PAW data sets."""
        return str(self.options.get("potential_folder", "/usr/share/abinit/psp/Pseudodojo_paw_pbe_standard"))

    @property
    def label(self) -> str:
        """Code, functional and kind of potentials."""
        return "ABINIT PBE (PAW)"

    def check(
        self, structures: Mapping[str, Structure], calculation: Calculation, *, runs_here: bool = False
    ) -> list[Problem]:
        """Refuse elements without a data set, settings that ABINIT has not, and a missing executable."""
        problems = []
        if calculation.smearing not in deck.SMEARINGS:
            allowed = ", ".join(deck.SMEARINGS)
            problems.append(Problem("", f"ABINIT: smearing {calculation.smearing}, allowed: {allowed}"))
        if runs_here:
            problems += self._program()
        for name, structure in structures.items():
            symbols = {element.symbol for element in structure.elements}
            problems += [Problem(name, f"ABINIT: {error}") for error in self._missing(symbols)]
        return problems

    def _program(self) -> list[Problem]:
        """Say if the executable is missing or too old."""
        path = shutil.which(self.command)
        if path is None:
            return [Problem("", f"ABINIT: found no executable {self.command} (config: calculations.abinit.command)")]
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60, check=False)
        version = re.match(r"(\d+)\.", done.stdout.strip())
        if version is None or int(version[1]) < OLDEST_VERSION:
            found = done.stdout.strip()[:40] or "no version"
            return [Problem("", f"{path} --version: found {found}, allowed: ABINIT {OLDEST_VERSION} or later")]
        return []

    def _missing(self, symbols: set[str]) -> list[str]:
        """Say which elements have no usable data set."""
        reasons = []
        for symbol in sorted(symbols):
            try:
                data_set(self.potential_folder, symbol)
            except PotentialError as error:
                reasons.append(str(error))
        return reasons

    def prepare(self, structure: Structure, calculation: Calculation, folder: Path) -> None:
        """Write one deck, or one for each axis."""
        moments = start_moments(structure, calculation)
        sets = self._data_sets(structure)
        if calculation.kind != "anisotropy":
            (folder / "run.abi").write_text(deck.write_deck(structure, calculation, moments, sets))
            return
        for number, axis in enumerate(cartesian(structure, calculation)):
            text = deck.write_deck(structure, calculation, moments, sets, axis.tolist())
            (folder / f"axis{number}.abi").write_text(text)

    def _data_sets(self, structure: Structure) -> dict[str, DataSet]:
        """Read the data sets of all elements of a crystal."""
        return {e.symbol: data_set(self.potential_folder, e.symbol) for e in structure.elements}

    def run(self, folder: Path, resources: Resources) -> None:
        """Run the decks that have no finished output yet."""
        for path in sorted(folder.glob("*.abi")):
            output = path.with_suffix(".abo")
            if output.is_file() and "Calculation completed" in output.read_text(errors="replace"):
                continue
            output.unlink(missing_ok=True)
            self._run_deck(path, resources)

    def _run_deck(self, path: Path, resources: Resources) -> None:
        """Run ABINIT on one deck; its own errors are left to `collect`."""
        log = path.with_suffix(".log")
        command = [*resources.launch(self.command), path.name]
        limit = max(1.0, resources.walltime_s - _MARGIN_S) if resources.walltime_s else None
        threads = str(resources.threads)
        environment = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        try:
            with (
                log.open("w") as stream,
                processes.running(
                    command,
                    cwd=path.parent,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                ) as process,
            ):
                process.wait(limit)
        except FileNotFoundError as error:
            raise BackendError(f"ABINIT: found no executable {error.filename}") from error
        except subprocess.TimeoutExpired as error:
            raise BackendError(f"ABINIT: {path.name} was stopped after {limit:.0f} s", Status.WALLTIME) from error

    def collect(self, folder: Path, calculation: Calculation) -> Result:
        """Read all outputs of a folder."""
        failed = read_failure(folder)
        if failed is not None:
            return failed
        outputs = []
        for path in sorted(folder.glob("*.abi")):
            try:
                outputs.append(read_output(path.with_suffix(".abo").read_text(errors="replace")))
            except (FileNotFoundError, OutputError) as error:
                return Result(status=Status.FAILED, message=_reason(path, error))
        start = read_structure(folder)
        if calculation.kind == "anisotropy":
            return _anisotropy(start, outputs, calculation)
        return _single(start, outputs[0], calculation)

    def keep(self, folder: Path) -> list[Path]:
        """Decks, outputs and logs."""
        return sorted(path for path in folder.iterdir() if path.suffix in _RAW_SUFFIXES)


def _reason(path: Path, error: Exception) -> str:
    """Why there is no output: ABINIT's own words if it has any."""
    log = path.with_suffix(".log")
    said = error_message(log.read_text(errors="replace")) if log.is_file() else ""
    found = f"no {path.with_suffix('.abo').name}" if isinstance(error, FileNotFoundError) else str(error)
    return f"ABINIT: {said or found}"


def _single(start: Structure, output: Output, calculation: Calculation) -> Result:
    """Make the result of a calculation with one deck."""
    status, message = Status.CONVERGED, ""
    if not output.electrons_converged:
        steps = calculation.max_electronic_steps
        status, message = Status.NOT_CONVERGED, f"the electrons did not converge in {steps} steps"
    elif calculation.kind == "relax" and not output.ions_converged:
        steps = calculation.max_ionic_steps
        status, message = Status.NOT_CONVERGED, f"forces or stress above the tolerance after {steps} steps"
    forces = None
    if calculation.kind == "constrained" and output.dE_dm_eV_muB is not None:
        free = np.array([site.specie.symbol in calculation.free_elements for site in start])
        forces = np.where(free, np.nan, -output.dE_dm_eV_muB)
    return Result(
        status=status,
        message=message,
        structure=_final(start, output),
        energy_eV=output.energy_eV,
        forces_eV_A=output.forces_eV_A,
        stress_eV_A3=output.stress_eV_A3,
        moments_muB=output.moments_muB,
        total_moment_muB=float(output.total_moment_muB[0]),
        magnetic_forces_eV_muB=forces,
        **_hubbard(start, calculation),
        steps=output.steps,
        extras={"energies_eV": output.energies_eV},
    )


def _anisotropy(start: Structure, outputs: list[Output], calculation: Calculation) -> Result:
    """Make the result of one calculation for each axis; the moments are those along the last."""
    bad = [k for k, output in enumerate(outputs) if not output.electrons_converged]
    message = f"the electrons did not converge along axes {', '.join(str(k + 1) for k in bad)}" if bad else ""
    last = outputs[-1]
    return Result(
        status=Status.NOT_CONVERGED if bad else Status.CONVERGED,
        message=message,
        structure=_final(start, last),
        energy_eV=min(output.energy_eV for output in outputs),
        moments_muB=last.moments_muB,
        total_moment_muB=float(np.linalg.norm(last.total_moment_muB)),
        axis_energies_eV=tuple(output.energy_eV for output in outputs),
        **_hubbard(start, calculation),
        extras={"total_moments_muB": [output.total_moment_muB.tolist() for output in outputs]},
    )


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
