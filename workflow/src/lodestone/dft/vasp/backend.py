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

from lodestone.dft.backend import Backend, BackendError, OutOfTime, read_failure, write_failure
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
from lodestone.dft.moments import Intended
from lodestone.dft.spin_axes import for_crystal
from lodestone.dft.vasp import ledger, potentials, sets, staging, watch
from lodestone.dft.vasp.chain import Chain
from lodestone.dft.vasp.collecting import Collector
from lodestone.dft.vasp.options import VaspOptions
from lodestone.dft.vasp.potentials import PotentialError
from lodestone.dft.vasp.steps import Step, plan

# Jobs that one relaxation may take before its status becomes WALLTIME.
JOBS_PER_RELAXATION = 3


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
        intended = Intended.of(structure, calculation, self.settings.lost_moment_muB, sets.order(structure))
        deadline = time.monotonic() + resources.walltime_s

        def execute(run: Path, executable: str) -> watch.Ending:
            left = max(deadline - time.monotonic(), 1.0) if resources.walltime_s else 0.0
            command = resources.launch(self.settings.command(executable))
            same = calculation.kind == "anisotropy"
            return watch.execute(run, command, left, self.settings, same_smearing=same)

        steps = self._plan(structure, calculation)
        Chain(folder, calculation, steps, intended, self.settings, execute).run()

    def run_batch(self, folders: Sequence[Path], resources: Resources) -> Iterator[Path]:
        """See `Backend.run_batch`.

        Raises
        ------
        OutOfTime
            If calculations are left when the time is up. What is unfinished is not yielded, so that the job goes on
            with it when it is run again.
        """
        limited = resources.walltime_s > 0
        deadline = time.monotonic() + resources.walltime_s
        for number, folder in enumerate(folders):
            left = deadline - time.monotonic() if limited else 0.0
            if limited and number and left < self.settings.walltime_buffer_s:
                raise self._out_of_time(len(folders) - number, len(folders))
            try:
                self.run(folder, dataclasses.replace(resources, walltime_s=left))
            except BackendError as error:
                write_failure(folder, error.status, str(error))
            except Exception as error:  # one crystal never stops the others, whatever a parser stumbles over
                write_failure(folder, Status.FAILED, f"{type(error).__name__}: {error}")
            if self._goes_on_later(folder, first=number == 0):
                raise self._out_of_time(len(folders) - number, len(folders))
            yield folder

    @staticmethod
    def _out_of_time(left: int, total: int) -> OutOfTime:
        return OutOfTime(
            f"time is up with {left} of {total} calculations unfinished; run the job again: it goes on there"
        )

    @staticmethod
    def _goes_on_later(folder: Path, *, first: bool) -> bool:
        """Whether another job may finish what ran out of time.

        A relaxation goes on from where it is; a run at one geometry starts again, which is of use only if it did not
        have a whole job to itself.
        """
        records = ledger.read(folder)
        if not records or records[-1].state != "walltime":
            return False
        return records[-1].jobs < JOBS_PER_RELAXATION if records[-1].step.startswith("relax") else not first

    def collect(self, folder: Path, calculation: Calculation) -> Result:
        """See `Backend.collect`."""
        recorded = read_failure(folder)
        if recorded is not None:
            return recorded
        structure = read_structure(folder)
        return Collector(Path(folder), calculation, structure, self._plan(structure, calculation)).result()

    def keep(self, folder: Path) -> list[Path]:
        """See `Backend.keep`: no potentials, which are licensed, and no charge densities."""
        return [path for path in super().keep(folder) if path.name not in staging.NOT_KEPT]

    def _plan(self, structure: Structure, calculation: Calculation) -> list[Step]:
        return plan(for_crystal(structure, calculation), structure.lattice.matrix, len(structure), self.settings)

    def _programs(self, calculation: Calculation) -> list[Problem]:
        """Name the executables that cannot be found."""
        executables = {"relax": ("std",), "static": ("std",), "anisotropy": ("std", "ncl"), "constrained": ("ncl",)}
        words = {self.settings.command(executable).split()[0] for executable in executables[calculation.kind]}
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
