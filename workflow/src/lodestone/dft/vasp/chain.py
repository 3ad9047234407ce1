"""Run the steps of one calculation, each from the geometry, charge and moments of the one before.

Every finished run is recorded at once, so that a job that was killed goes on at the run in which it was killed. A run
whose moments were lost or turned round starts again, one rung of the ladder further.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lodestone.dft.backend import BackendError
from lodestone.dft.calculation import Calculation, Status
from lodestone.dft.moments import Intended, Try, agree_on_none, vanished_note
from lodestone.dft.vasp import ledger, outputs, staging, watch
from lodestone.dft.vasp.ledger import Record
from lodestone.dft.vasp.moments import LADDER
from lodestone.dft.vasp.options import VaspOptions
from lodestone.dft.vasp.outputs import OutputError, StepOutput
from lodestone.dft.vasp.potentials import PotentialError
from lodestone.dft.vasp.staging import Start
from lodestone.dft.vasp.steps import Step
from lodestone.dft.vasp.watch import Ending

Execute = Callable[[Path, str], Ending]


@dataclass(frozen=True, eq=False)
class Chain:
    """The steps of one calculation in its folder.

    `intended` is the magnetic state that was asked for, in the order of the POSCAR; `execute` runs VASP in a folder,
    given ``std`` or ``ncl``.
    """

    folder: Path
    calculation: Calculation
    steps: list[Step]
    intended: Intended
    options: VaspOptions
    execute: Execute

    def run(self) -> None:
        """Run what has not been run; stops at the first step that does not end well, which the ledger then says."""
        start = Start(self.intended.moments_muB)
        for number, step in enumerate(self.steps):
            record = self._run_step(step, start)
            if not record.good:
                break
            if number + 1 < len(self.steps):
                start = self._next(step, record, start)
        needed = self._needed()
        for record in ledger.read(self.folder):
            staging.clean(self.folder / record.folder, needed.get(record.step, ()))

    def _run_step(self, step: Step, start: Start) -> Record:
        """Climb the ladder until the moments are kept; returns the last record."""
        rungs = LADDER if step.judged else LADDER[:1]
        for attempt in range(len(rungs)):
            records = [r for r in ledger.read(self.folder) if (r.step, r.attempt) == (step.name, attempt)]
            done = records and (records[0].good or records[0].state in ("lost", "flipped"))
            record = records[0] if done else self._run_once(step, attempt, start)
            if record.state not in ("lost", "flipped"):
                return record
        return self._concluded(step, record)

    def _concluded(self, step: Step, record: Record) -> Record:
        """Return the last record of a ladder on which no rung kept the moments.

        If all rungs agree that there are none, and nothing is known of a state that has some, that is the answer.
        """
        records = ledger.read(self.folder)
        tried = [old for old in records if old.step == step.name]
        known = self.intended.found or any(old.state == "kept" for old in records if old.step != step.name)
        if known or any(old.state != "lost" for old in tried):
            return record
        found = [self._read(self.folder / old.folder, step) for old in tried]
        tries = [Try(o.energy_eV, along_axis(o.moments_muB)) for o in found if o.moments_muB is not None]
        if len(tries) < len(LADDER) or not agree_on_none(tries):
            return record
        record = dataclasses.replace(record, state="vanished", message=vanished_note(len(tries)))
        ledger.add(self.folder, record)
        return record

    def _run_once(self, step: Step, attempt: int, start: Start) -> Record:
        source, run = self.folder / step.name, self.folder / ledger.run_folder(step.name, attempt)
        before = [old for old in ledger.read(self.folder) if (old.step, old.attempt) == (step.name, attempt)]
        if not run.is_dir():
            staging.stage(source, run, step, LADDER[attempt], start)
            ending = self._execute(source, run, step)
        elif not watch.end_orphan(run) and not before and self._has_converged(run, step):
            ending = Ending("finished")  # the job was killed between VASP's end and the entry in the ledger
        else:
            staging.resume(run)
            ending = self._execute(source, run, step)
        record = self._judged(step, attempt, run, ending)
        if record.state == "walltime":
            record = dataclasses.replace(record, jobs=1 + sum(old.jobs for old in before))
        ledger.add(self.folder, record)
        return record

    def _execute(self, source: Path, run: Path, step: Step) -> Ending:
        try:
            staging.complete(source, run, self.calculation, self.options.potentials)
            return self.execute(run, step.executable)
        except PotentialError as error:
            raise BackendError(str(error), Status.REFUSED) from error

    def _judged(self, step: Step, attempt: int, run: Path, ending: Ending) -> Record:
        state, message = ending.state, ending.message
        if state == "finished":
            state = "kept"
            try:
                output = self._read(run, step)
            except OutputError as error:
                state, message = "failed", _below(self.folder, str(error))
            else:
                if not output.converged:
                    state, message = "failed", "not converged"
                elif step.judged and output.moments_muB is not None and not self._is_without_moments(step):
                    verdict = self.intended.judge(along_axis(output.moments_muB))
                    state, message = verdict.state, verdict.message
        return Record(step.name, attempt, state, message, list(ending.corrections))

    def _is_without_moments(self, step: Step) -> bool:
        """Whether a step before this one found that the crystal has no moments."""
        return any(old.state == "vanished" for old in ledger.read(self.folder) if old.step != step.name)

    def _next(self, step: Step, record: Record, start: Start) -> Start:
        """Return what the step after this one starts from."""
        run = self.folder / record.folder
        if step.executable != "std":
            # Every direction starts from the collinear charge; a stiffer penalty from the softer one.
            return start if "SAXIS" in step.incar else Start(start.moments_muB, start.structure, start.bands, run)
        output = self._read(run, step)
        moments = output.moments_muB if output.moments_muB is not None else start.moments_muB
        return Start(moments, output.structure, output.bands, run)

    def _needed(self) -> dict[str, tuple[str, ...]]:
        """Files by step that a later, unfinished step still reads."""
        records = ledger.read(self.folder)
        finished = {record.step for record in records if record.good}
        left = tuple({name for step in self.steps if step.name not in finished for name in step.needs})
        return {step.name: left for step in self.steps}

    def _read(self, run: Path, step: Step) -> StepOutput:
        return outputs.read(run, collinear=step.executable == "std", sites=len(self.intended.elements))

    def _has_converged(self, run: Path, step: Step) -> bool:
        try:
            return self._read(run, step).converged
        except OutputError:
            return False


def along_axis(moments_muB: np.ndarray) -> np.ndarray:
    """Signed moments (site,) of collinear runs, or the components along SAXIS of vectors (site, 3)."""
    return moments_muB if moments_muB.ndim == 1 else moments_muB[:, 2]


def _below(folder: Path, message: str) -> str:
    """Paths in a message are told from the calculation's folder on: the folder itself is moved and archived."""
    return message.replace(f"{folder}/", "")
