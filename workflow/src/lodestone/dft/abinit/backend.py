"""ABINIT as a back end: relax, static, spin-orbit anisotropy and exactly constrained atomic moments."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from lodestone import processes
from lodestone.dft.abinit import deck, ladder, results
from lodestone.dft.abinit.ladder import Climb
from lodestone.dft.abinit.output import OutputError, error_message
from lodestone.dft.abinit.potentials import DataSet, PotentialError, data_set
from lodestone.dft.backend import Backend, BackendError, left, read_failure
from lodestone.dft.calculation import (
    KINDS,
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
from lodestone.dft.spin_axes import cartesian

if TYPE_CHECKING:
    from pymatgen.core import Structure

OLDEST_VERSION = 9
# Left of the walltime for archiving what there is.
_MARGIN_S = 60.0
_RAW_SUFFIXES = (".json", ".abi", ".abo", ".log")


class Abinit(Backend):
    """One folder holds one deck, or one for each axis of an anisotropy, and those of the ladder beside them."""

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
        """Run the decks that have no finished output yet, and those of the ladder where moments are lost."""
        began = time.monotonic()
        for climb in self._climbs(folder, read_structure(folder), read_calculation(folder)):
            for attempt in range(len(ladder.LADDER)):
                path = climb.prepare(attempt)
                output = path.with_suffix(".abo")
                if not (output.is_file() and "Calculation completed" in output.read_text(errors="replace")):
                    output.unlink(missing_ok=True)
                    self._run_deck(path, left(resources, time.monotonic() - began))
                if not climb.path(attempt + 1).is_file() and not climb.goes_on():
                    break

    def _climbs(self, folder: Path, structure: Structure, calculation: Calculation) -> list[Climb]:
        """Return the prepared decks of a folder with what is asked of them."""
        intended = Intended.of(structure, calculation, float(self.options.get("lost_moment_muB", 0.3)))
        decks = ladder.prepared(folder)
        axes = [None] * len(decks) if calculation.kind != "anisotropy" else cartesian(structure, calculation)
        return [Climb(deck, intended, calculation, axis) for deck, axis in zip(decks, axes, strict=True)]

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
        start = read_structure(folder)
        ends = []
        for climb in self._climbs(folder, start, calculation):
            try:
                ends.append(results.end(climb, climb.outputs()))
            except (FileNotFoundError, OutputError) as error:
                return Result(status=Status.FAILED, message=_reason(climb, error))
        if calculation.kind == "anisotropy":
            return results.anisotropy(start, ends, calculation)
        return results.single(start, ends[0], calculation)

    def keep(self, folder: Path) -> list[Path]:
        """Decks, outputs and logs."""
        return sorted(path for path in folder.iterdir() if path.suffix in _RAW_SUFFIXES)


def _reason(climb: Climb, error: Exception) -> str:
    """Why there is no output of the last try: ABINIT's own words if it has any."""
    path = [climb.path(k) for k in range(len(ladder.LADDER)) if climb.path(k).is_file()][-1]
    log = path.with_suffix(".log")
    said = error_message(log.read_text(errors="replace")) if log.is_file() else ""
    found = f"no {path.with_suffix('.abo').name}" if isinstance(error, FileNotFoundError) else str(error)
    return f"ABINIT: {said or found}"
