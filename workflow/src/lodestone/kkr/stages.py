"""Preparing, running and collecting AkaiKKR for one crystal; an archive goes from each stage to the next."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.exchange import Exchange
from lodestone.artifacts.structure_set import StructureSet
from lodestone.dft.archives import extract, files_under, write_archive
from lodestone.kkr import deck, refusal, run
from lodestone.kkr.exchange import from_akaikkr
from lodestone.kkr.output import read_output
from lodestone.kkr.output_types import AkaiKKROutput
from lodestone.magnetism.units import RYDBERG_MEV

CRYSTAL = "crystal.json"
MARKER = ".inputs"


def prepare(
    crystals: StructureSet, name: str, settings: Mapping[str, Any], archive: str | Path, found: bool = False
) -> None:
    """Write the inputs of one crystal into an archive.

    Parameters
    ----------
    crystals : StructureSet
        Among them the one.
    name : str
        Of the crystal.
    settings : mapping
        Config section ``akaikkr``.
    archive : path
        Where to.
    found : bool
        Whether a search found the crystal: what is wrong with it is written into the archive and stops nothing.

    Raises
    ------
    DeckError
        If the crystal cannot be computed.
    ValueError
        If there is no crystal of this name.
    """
    try:
        structure = refusal.named(crystals, name)
        alloys = {
            one["element"]: {part["element"]: part["share"] for part in one["becomes"]} for one in settings["alloys"]
        }
        decks = deck.chain(deck.from_structure(structure, settings, name, alloys), settings["cutoff_A"])
    except ValueError as problem:
        if not found:
            raise
        refusal.write(archive, crystals, name, str(problem))
        return
    files: dict[str, Path | bytes] = {f"{step}.in": one.text().encode() for step, one in decks.items()}
    files[CRYSTAL] = json.dumps(structure.as_dict(), sort_keys=True).encode()
    write_archive(archive, files)


def execute(
    inputs: str | Path,
    raw: str | Path,
    settings: Mapping[str, Any],
    key: str,
    limits: tuple[int, float],
    log: logging.Logger,
) -> None:
    """Run the chain of one crystal and archive what it printed.

    Parameters
    ----------
    inputs, raw : path
        Archives; work goes on in a folder beside `raw`, where a killed job left off.
    settings : mapping
        ``command``, ``mixing`` and ``restarts`` of the config section ``akaikkr``.
    key : str
        Hash of all that the output depends on; work of another key is dropped.
    limits : (int, float)
        OpenMP threads, and time in s.
    log : logging.Logger
        Told about every run.
    """
    work = Path(f"{raw}.work")
    marker = work / MARKER
    if not (marker.is_file() and marker.read_text() == key):
        shutil.rmtree(work, ignore_errors=True)
        extract(inputs, work)
        marker.write_text(key)
    if not refusal.is_in(work):
        run.run_chain(work, settings["command"], settings["mixing"], settings["restarts"], *limits, log)
    kept = [path for path in work.iterdir() if path.suffix in (".in", ".log", ".json")]
    write_archive(raw, files_under(work, kept, "kkr"))


def collect(raw: str | Path, name: str, provenance: Provenance) -> Exchange:
    """Exchange artifact of one crystal; whatever went wrong is its status."""
    with tempfile.TemporaryDirectory(prefix="lodestone-") as scratch:
        extract(raw, Path(scratch))
        folder = Path(scratch) / "kkr"
        if refusal.is_in(folder):
            return refusal.read(folder, name, provenance)
        done = run.attempts(folder)
        outputs = {one.step: _read(folder / one.output) for one in done if one.ended == "done"}
        status, message = _status(done)
        if status != Status.CONVERGED:
            return _failed(folder, name, status, message, provenance, outputs.get("go"))
        try:
            fields = outputs.get("tc")
            more = {"message": message, "printed_field_Tc_K": (fields.Tc_K or 0.0) if fields else 0.0}
            return from_akaikkr(outputs["j"], name, provenance, **more)
        except ValueError as problem:
            return _failed(folder, name, Status.FAILED, str(problem), provenance, outputs.get("go"))


def clean(raw: str | Path) -> None:
    """Remove the work folder of a crystal whose raw output is whole."""
    shutil.rmtree(f"{raw}.work", ignore_errors=True)


def _read(path: Path) -> AkaiKKROutput:
    return read_output(path)


def _status(done: list[run.Attempt]) -> tuple[Status, str]:
    """How a crystal's chain ended, and in words what it took."""
    tale = "; ".join(f"{one.output}: {one.ended} {one.message}".strip() for one in done if one.ended != "done")
    if any(one.step == "j" and one.ended == "done" for one in done):
        return Status.CONVERGED, tale
    if done and done[-1].ended == "walltime":
        return Status.WALLTIME, tale
    # The step that came to nothing is the last; every step before it has one run that is done.
    gave_up = all(one.ended == "not converged" for one in done if one.step == done[-1].step)
    return (Status.NOT_CONVERGED if gave_up and done else Status.FAILED), tale


def _failed(
    folder: Path,
    name: str,
    status: Status,
    message: str,
    provenance: Provenance,
    go: AkaiKKROutput | None,
) -> Exchange:
    """Artifact of a crystal without couplings: its geometry, and its energy if the first step gave one."""
    from pymatgen.core import Structure

    structure = Structure.from_dict(json.loads((folder / CRYSTAL).read_text()))
    energy = go.total_energy_Ry if go is not None else None
    energy_eV = None if energy is None else energy * RYDBERG_MEV * 1e-3
    return refusal.without_couplings(structure, name, status, message, provenance, energy_eV)
