"""The result of one calculation, from its ledger and the raw output of its runs."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pymatgen.core import Structure
from pymatgen.io.vasp.inputs import Incar

from lodestone.dft.calculation import Calculation, Result, Status, start_moments
from lodestone.dft.moments import remark
from lodestone.dft.vasp import ledger, outputs, potentials, sets
from lodestone.dft.vasp.chain import along_axis
from lodestone.dft.vasp.ledger import Record
from lodestone.dft.vasp.outputs import OutputError, StepOutput
from lodestone.dft.vasp.steps import PENALTIES_EV_MUB2, Step

_STATUS = {
    "lost": Status.LOST_MOMENT,
    "flipped": Status.FLIPPED_MOMENT,
    "failed": Status.FAILED,
    "walltime": Status.WALLTIME,
}
# A moment further than this from its target was not held: the penalty's error is then of the size of the effect.
HELD_WITHIN_MUB = 0.1


# Tags that may differ between runs whose energies are subtracted: they say how to get to the minimum, not where it is.
PATH_TAGS = {
    *("ALGO", "AMIN", "AMIX", "AMIX_MAG", "BMIX", "BMIX_MAG", "IMIX", "ISEARCH", "ISTART", "KPAR", "MAGMOM", "NCORE"),
    *("NELM", "NELMDL", "NELMIN", "NPAR", "SAXIS", "TIME"),
}


def differing_tags(runs: list[Path]) -> list[str]:
    """Tags in which the INCARs of runs differ although their energies will be subtracted."""
    tags = [dict(Incar.from_file(run / "INCAR")) for run in runs]
    names = set().union(*tags) - PATH_TAGS
    return sorted(name for name in names if any(tag.get(name) != tags[0].get(name) for tag in tags))


@dataclass(frozen=True, eq=False)
class Collector:
    """Reads one calculation's folder; `structure` is the crystal that was prepared."""

    folder: Path
    calculation: Calculation
    structure: Structure
    steps: list[Step]

    def result(self) -> Result:
        """Return what came out; whatever VASP may have written is a status with a message, never an error."""
        records = ledger.read(self.folder)
        for step in self.steps:
            record = ledger.last(records, step.name)
            if record is None or self._killed(step, record):
                return self._unfinished(step, records)
            if not record.good:
                return self._ended_badly(step, record, records)
        try:
            return self._complete(records)
        except (OutputError, OSError) as error:
            return Result(Status.FAILED, self._below(str(error)), extras=self._extras(records))

    def _complete(self, records: list[Record]) -> Result:
        if self.calculation.kind == "anisotropy":
            return self._anisotropy(records)
        if self.calculation.kind == "constrained":
            return self._constrained(records)
        record = ledger.last(records, self.steps[-1].name)
        assert record is not None
        return self._values(Status.CONVERGED, "", self._read(record), records)

    def _anisotropy(self, records: list[Record]) -> Result:
        kept = self._kept(records)
        runs = [self.folder / record.folder for record in kept]
        status, message = Status.CONVERGED, ""
        if different := differing_tags(runs[1:]):
            status = Status.NOT_CONVERGED
            message = f"energies of the directions cannot be compared: {', '.join(different)} corrected for some only"
        result = self._values(status, message, self._read(kept[0]), records)
        axes = [self._read(record, collinear=False) for record in kept[1:]]
        spins = {
            step.name: None if axis.moments_muB is None else self._sorted(axis.moments_muB).tolist()
            for step, axis in zip(self.steps[1:], axes, strict=True)
        }
        return dataclasses.replace(
            result,
            axis_energies_eV=tuple(axis.energy_eV for axis in axes),
            extras={**result.extras, "moments_along_saxis_muB": spins},
        )

    def _constrained(self, records: list[Record]) -> Result:
        last = self._kept(records)[-1]
        output = self._read(last, collinear=False)
        report = outputs.read_constraint(self.folder / last.folder, len(self.structure))
        held = self._sorted(report.held_muB)[:, 2]
        free = np.array([site.specie.symbol in self.calculation.free_elements for site in self.structure])
        target = start_moments(self.structure, self.calculation)
        away = np.where(free, 0.0, held - target)
        # E = E_0 + lambda sum (m - m_0)^2 is at its minimum, so that -dE_0/dm = 2 lambda (m - m_0).
        forces = np.where(free, np.nan, 2 * PENALTIES_EV_MUB2[-1] * away)
        status, message = Status.CONVERGED, ""
        if np.abs(away).max(initial=0.0) > HELD_WITHIN_MUB:
            site = int(np.argmax(np.abs(away)))
            status = Status.NOT_CONVERGED
            message = f"constraint not held: site {site + 1} has {held[site]:.3f} mu_B, wanted {target[site]:.3f}"
        result = self._values(status, message, output, records)
        return dataclasses.replace(
            result,
            structure=self.structure.copy(),
            energy_eV=output.energy_eV - report.penalty_eV,
            moments_muB=held,
            total_moment_muB=float(self._sorted(report.moments_muB)[:, 2].sum()),
            magnetic_forces_eV_muB=forces,
            extras={
                **result.extras,
                "penalty_eV": report.penalty_eV,
                "sphere_moments_muB": self._sorted(report.moments_muB)[:, 2].tolist(),
            },
        )

    def _ended_badly(self, step: Step, record: Record, records: list[Record]) -> Result:
        status, message = _STATUS[record.state], f"{step.name}: {record.message}"
        if record.state in ("lost", "flipped"):
            tried = [r for r in records if r.step == step.name and r.state in ("lost", "flipped")]
            best = self._lowest(tried)
            if best is None:
                return Result(status, message, extras=self._extras(records))
            message += f" ({len(tried)} starts; the values are those of the lowest energy, {best[0].folder})"
            return self._values(status, message, best[1], records)
        try:
            output = self._read(record, collinear=step.executable == "std")
        except OutputError as error:
            reason = f"{message}; {self._below(str(error))}" if record.message != str(error) else message
            return Result(status, reason, extras=self._extras(records))
        if status is Status.FAILED and not output.converged:
            status = Status.NOT_CONVERGED
            what = "electrons" if not output.electronic else "geometry"
            message = f"{step.name}: {what} not converged in {output.steps} ionic steps; {record.message}"
        return self._values(status, message, output, records)

    def _read(self, record: Record, *, collinear: bool = True) -> StepOutput:
        return outputs.read(self.folder / record.folder, collinear=collinear, sites=len(self.structure))

    def _lowest(self, records: list[Record]) -> tuple[Record, StepOutput] | None:
        """Return the readable run of lowest energy, for a ladder on which none kept its moments."""
        found = []
        for record in records:
            with contextlib.suppress(OutputError):
                found.append((record, self._read(record)))
        return min(found, key=lambda pair: pair[1].energy_eV, default=None)

    def _unfinished(self, step: Step, records: list[Record]) -> Result:
        # The suffix is that of a folder whose input was still being written.
        runs = sorted(path for path in (self.folder / step.name).glob("run_*") if not path.suffix)
        if not runs:
            return Result(Status.FAILED, f"{step.name}: never started", extras=self._extras(records))
        try:
            outputs.read(runs[-1], collinear=step.executable == "std")
            reason = "the job was killed just as VASP had ended"
        except OutputError as error:
            reason = self._below(str(error))
        message = f"{step.name}: killed while it ran; {reason}"
        return Result(Status.FAILED, message, extras=self._extras(records))

    def _killed(self, step: Step, record: Record) -> bool:
        """Whether a later try of the step was begun and not recorded."""
        later = (self.folder / ledger.run_folder(step.name, record.attempt + 1)).is_dir()
        return record.state in ("lost", "flipped") and later

    def _values(self, status: Status, message: str, output: StepOutput, records: list[Record]) -> Result:
        structure = None
        if output.structure is not None:
            back = np.argsort(sets.order(self.structure))
            structure = Structure.from_sites([output.structure[int(k)] for k in back])
        elements = {site.specie.symbol for site in self.structure}
        hubbard = self.calculation.hubbard(elements)
        moments = None if output.moments_muB is None else along_axis(self._sorted(output.moments_muB))
        return Result(
            status=status,
            message=message,
            structure=structure,
            energy_eV=output.energy_eV,
            forces_eV_A=None if output.forces_eV_A is None else self._sorted(output.forces_eV_A),
            stress_eV_A3=output.stress_eV_A3,
            moments_muB=moments,
            total_moment_muB=output.total_moment_muB,
            run_type="GGA+U" if hubbard else "GGA",
            hubbard_U_eV=hubbard,
            potentials={element: potentials.symbol(element, self.calculation.potentials) for element in elements},
            steps=output.steps,
            extras={
                **self._extras(records),
                **(remark(moments, self._note(records)) if status is Status.CONVERGED else {}),
                "energy_at_zero_smearing_eV": output.energy_0_eV,
                "vasp_version": output.version,
            },
        )

    def _note(self, records: list[Record]) -> str:
        return next((f"{r.step}: {r.message}" for r in records if r.state == "vanished"), "")

    def _kept(self, records: list[Record]) -> list[Record]:
        """Return the good record of every step, in the order of the steps."""
        found = [ledger.last(records, step.name) for step in self.steps]
        return [record for record in found if record is not None]

    def _sorted(self, values: np.ndarray) -> np.ndarray:
        """Values by site (site, ...) in the crystal's order, given in the POSCAR's."""
        sorted_values = np.empty_like(values)
        sorted_values[sets.order(self.structure)] = values
        return sorted_values

    def _extras(self, records: list[Record]) -> Mapping[str, Any]:
        runs = [{"run": r.folder, "state": r.state, "corrections": list(r.corrections)} for r in records]
        return {"runs": runs}

    def _below(self, message: str) -> str:
        return message.replace(f"{self.folder}/", "")
