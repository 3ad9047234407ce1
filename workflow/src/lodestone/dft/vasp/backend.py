"""VASP behind the interface of the back ends."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pymatgen.core import Structure

from lodestone.dft.backend import Backend, BackendError, write_failure
from lodestone.dft.calculation import (
    FAILURE_FILE,
    Calculation,
    Problem,
    Resources,
    Result,
    Status,
    read_calculation,
    read_structure,
    start_moments,
)
from lodestone.dft.vasp import potentials, sets, staging, watch
from lodestone.dft.vasp.chain import Chain
from lodestone.dft.vasp.collecting import Collector
from lodestone.dft.vasp.options import VaspOptions
from lodestone.dft.vasp.potentials import PotentialError
from lodestone.dft.vasp.steps import Step, plan


class Vasp(Backend):
    """VASP with PAW potentials, run under custodian; options as in `VaspOptions`."""

    name: ClassVar[str] = "vasp"
    kinds: ClassVar[tuple[str, ...]] = ("relax", "static", "anisotropy", "constrained")

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        super().__init__(options)
        self.settings = VaspOptions.from_mapping(self.options)

    @property
    def label(self) -> str:
        """What made the numbers."""
        return f"DFT (VASP, PAW {self.settings.potentials})"

    def check(
        self, structures: Mapping[str, Structure], calculation: Calculation, *, runs_here: bool = False
    ) -> list[Problem]:
        """See `Backend.check`.

        Where PMG_VASP_PSP_DIR is set, every potential has to be there; where it is not, input can still be prepared,
        with a POTCAR.spec, but not run here.
        """
        problems = self._programs(calculation) if runs_here else []
        reasons: dict[str, str] = {}
        for name, structure in structures.items():
            if not structure.is_ordered:
                problems.append(Problem(name, "sites with partial occupation: VASP needs ordered crystals"))
                continue
            if structure.charge:
                problems.append(Problem(name, f"charge {structure.charge:g}: charged crystals are not computed"))
            for element in sorted({site.specie.symbol for site in structure}):
                if element not in reasons:
                    reasons[element] = self._potential_problem(element, calculation, runs_here)
                if reasons[element]:
                    problems.append(Problem(name, reasons[element]))
            problems += self._targets(name, structure, calculation)
        return problems

    def prepare(self, structure: Structure, calculation: Calculation, folder: Path) -> None:
        """See `Backend.prepare`."""
        moments = start_moments(structure, calculation)
        crystal = sets.grouped(structure, moments)
        sets.write(crystal, calculation, self._plan(structure, calculation), Path(folder))

    def run(self, folder: Path, resources: Resources) -> None:
        """See `Backend.run`."""
        folder = Path(folder)
        (folder / FAILURE_FILE).unlink(missing_ok=True)
        calculation, structure = read_calculation(folder), read_structure(folder)
        moments = start_moments(structure, calculation)[sets.order(structure)]
        deadline = time.monotonic() + resources.walltime_s

        def execute(run: Path, executable: str) -> watch.Ending:
            left = max(deadline - time.monotonic(), 1.0) if resources.walltime_s else 0.0
            command = self.settings.command(executable, resources.mpi_tasks)
            same = calculation.kind == "anisotropy"
            return watch.execute(run, command, left, self.settings, same_smearing=same)

        Chain(folder, calculation, self._plan(structure, calculation), moments, self.settings, execute).run()

    def run_batch(self, folders: Sequence[Path], resources: Resources) -> Iterator[Path]:
        """See `Backend.run_batch`; what is not begun when the job's time is nearly up gets the status WALLTIME."""
        deadline = time.monotonic() + resources.walltime_s
        for folder in folders:
            left = deadline - time.monotonic()
            try:
                if resources.walltime_s and left < self.settings.walltime_buffer_s:
                    raise BackendError("not begun: the job's time was nearly up", Status.WALLTIME)
                self.run(folder, dataclasses.replace(resources, walltime_s=left if resources.walltime_s else 0.0))
            except BackendError as error:
                write_failure(folder, error.status, str(error))
            except Exception as error:  # one crystal never stops the others, whatever a parser stumbles over
                write_failure(folder, Status.FAILED, f"{type(error).__name__}: {error}")
            yield folder

    def collect(self, folder: Path, calculation: Calculation) -> Result:
        """See `Backend.collect`."""
        structure = read_structure(folder)
        return Collector(Path(folder), calculation, structure, self._plan(structure, calculation)).result()

    def keep(self, folder: Path) -> list[Path]:
        """See `Backend.keep`: no potentials, which are licensed, and no charge densities."""
        return [path for path in super().keep(folder) if path.name not in staging.NOT_KEPT]

    def _plan(self, structure: Structure, calculation: Calculation) -> list[Step]:
        return plan(calculation, structure.lattice.matrix, len(structure), self.settings)

    def _programs(self, calculation: Calculation) -> list[Problem]:
        """Name the executables that cannot be found."""
        executables = {"relax": ("std",), "static": ("std",), "anisotropy": ("std", "ncl"), "constrained": ("ncl",)}
        words = {self.settings.command(executable, 1)[0] for executable in executables[calculation.kind]}
        words |= {self.settings.program(executable)[0] for executable in executables[calculation.kind]}
        return [Problem("", f"no executable {word!r} on the PATH") for word in sorted(words) if not shutil.which(word)]

    def _potential_problem(self, element: str, calculation: Calculation, runs_here: bool) -> str:
        try:
            name = potentials.symbol(element, calculation.potentials)
            if runs_here or potentials.root() is not None:
                potentials.load(name, self.settings.potentials)
        except PotentialError as error:
            return str(error)
        return ""

    @staticmethod
    def _targets(name: str, structure: Structure, calculation: Calculation) -> list[Problem]:
        """VASP takes a target of zero for a moment that is free."""
        if calculation.kind != "constrained":
            return []
        held = np.array([site.specie.symbol not in calculation.free_elements for site in structure])
        zero = held & (start_moments(structure, calculation) == 0.0)
        return [Problem(name, f"site {k + 1}: VASP cannot hold a moment at zero") for k in np.flatnonzero(zero)]
