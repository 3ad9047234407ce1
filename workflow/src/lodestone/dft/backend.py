"""What a back end has to offer: checks before anything is submitted, then prepare, run and collect, each on its own."""

from __future__ import annotations

import dataclasses
import json
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from lodestone.dft.calculation import FAILURE_FILE, Calculation, Problem, Resources, Result, Status

if TYPE_CHECKING:
    from pymatgen.core import Structure


class BackendError(RuntimeError):
    """One calculation cannot go on; the others can. The message becomes the message of its status."""

    def __init__(self, message: str, status: Status = Status.FAILED) -> None:
        super().__init__(message)
        self.status = status


class OutOfTime(RuntimeError):
    """The job ends with calculations left; what is finished is on record, and a retry goes on."""


class Backend(ABC):
    """A code that computes energies of crystals.

    A folder belongs to one calculation of one crystal. Before `prepare` is called it holds the calculation and the
    structure as JSON (`lodestone.dft.calculation.read_calculation`, `read_structure`).

    Parameters
    ----------
    options : mapping
        The back end's own section of the config, such as ``calculations.abinit``.
    """

    name: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]]
    moments_are_signed: ClassVar[bool] = True

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        self.options = dict(options or {})

    @property
    def models(self) -> list[str]:
        """Names of the fitted models behind the energies, the main one first; none for DFT."""
        return []

    @property
    @abstractmethod
    def label(self) -> str:
        """What made the numbers, in words for artifacts and the report; never "DFT" for a fitted model."""

    @abstractmethod
    def check(
        self, structures: Mapping[str, Structure], calculation: Calculation, *, runs_here: bool = False
    ) -> list[Problem]:
        """Everything that would make these calculations fail and can be known before any of them runs.

        Parameters
        ----------
        structures : mapping of str to Structure
            Crystals by name (that of their file, where they come from one).
        runs_here : bool
            Whether the calculations will run on this machine, so that missing executables are problems too.
        """

    @abstractmethod
    def prepare(self, structure: Structure, calculation: Calculation, folder: Path) -> None:
        """Write the input files into `folder`. Must need neither the executable nor licensed files."""

    @abstractmethod
    def run(self, folder: Path, resources: Resources) -> None:
        """Run to the end and leave the raw output in `folder`.

        Called again on a folder in which a run was killed; it may go on from what it finds. Problems of this one
        calculation are raised as `BackendError`, or left to `collect` to be read off the output.
        """

    @abstractmethod
    def collect(self, folder: Path, calculation: Calculation) -> Result:
        """Read the raw output. Never raises for what the code may have written: that is a status."""

    def run_batch(self, folders: Sequence[Path], resources: Resources) -> Iterator[Path]:
        """Run several folders and yield each when it is finished, in any order; one that fails does not stop the rest.

        Back ends that compute many crystals at once override this.

        Raises
        ------
        OutOfTime
            If a calculation that did not have the whole time of the job runs out of it: the next job begins with it.
        """
        began = time.monotonic()
        for number, folder in enumerate(folders):
            try:
                self.run(folder, left(resources, time.monotonic() - began))
            except BackendError as error:
                if error.status is Status.WALLTIME and number > 0:
                    raise OutOfTime(f"{folder.name}: {error}; {number} calculations before it are done") from error
                write_failure(folder, error.status, str(error))
            yield folder

    def keep(self, folder: Path) -> list[Path]:
        """Files of a finished folder that go into the archive of raw output; all of them by default."""
        return sorted(path for path in folder.rglob("*") if path.is_file())


def left(resources: Resources, spent_s: float) -> Resources:
    """Resources with what is left of the time; at least a second, as 0 would stand for no limit."""
    if not resources.walltime_s:
        return resources
    return dataclasses.replace(resources, walltime_s=max(1.0, resources.walltime_s - spent_s))


def write_failure(folder: Path, status: Status, message: str) -> None:
    """Record in the folder itself that its run failed."""
    (folder / FAILURE_FILE).write_text(json.dumps({"status": status.name, "message": message}) + "\n")


def read_failure(folder: Path) -> Result | None:
    """Return the recorded failure of a folder, if there is one."""
    path = folder / FAILURE_FILE
    if not path.is_file():
        return None
    values = json.loads(path.read_text())
    return Result(status=Status[values["status"]], message=values["message"])
