"""One batch of calculations from crystals to results, in three stages that are jobs of their own.

`prepare` writes input files into an archive, `run` runs them and archives the raw output, `collect` reads it: a
better parser never repeats a calculation. `run` keeps a ledger, so that a job killed at any moment goes on at its first
unfinished calculation, in the folder that it left.
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lodestone.artifacts.ledger import Ledger
from lodestone.dft.archives import extract, files_under, write_archive
from lodestone.dft.backend import Backend
from lodestone.dft.calculation import Calculation, Resources, Result, Status, read_structure, write_item
from lodestone.dft.packing import Item
from lodestone.paths import ledger as ledger_path

if TYPE_CHECKING:
    from pymatgen.core import Structure

BATCH_FILE = "batch.json"
MARKER_FILE = "key"


@dataclass(frozen=True)
class Start:
    """A crystal before its calculation; `status` is REFUSED or SKIPPED, with a reason, for one that is not run."""

    index: int
    name: str
    structure: Structure
    status: Status | None = None
    message: str = ""


def share(count: int, batch: str, batches: int) -> range:
    """Numbers of the items of one of `batches` batches, of nearly equal size; a batch may be empty."""
    which = int(batch)
    if not 0 <= which < batches:
        raise ValueError(f"batch {batch}: found {which}, allowed: 0 to {batches - 1}")
    return range(which * count // batches, (which + 1) * count // batches)


def item_folder(index: int) -> str:
    """Name of the folder of one calculation."""
    return f"{index:06d}"


def prepare(starts: Sequence[Start], calculation: Calculation, backend: Backend, archive: str | Path) -> None:
    """Write the inputs of a batch into an archive."""
    files: dict[str, Path | bytes] = {}
    listed = []
    for start in starts:
        # One at a time, so that tens of thousands of small files never reach the disk.
        with tempfile.TemporaryDirectory(prefix="lodestone-") as scratch:
            folder = Path(scratch) / item_folder(start.index)
            write_item(start.structure, calculation, folder)
            if start.status is None:
                backend.prepare(start.structure, calculation, folder)
            written = [path for path in folder.rglob("*") if path.is_file()]
            files |= {f"{folder.name}/{path.relative_to(folder).as_posix()}": path.read_bytes() for path in written}
        status = "READY" if start.status is None else start.status.name
        listed.append({"index": start.index, "name": start.name, "status": status, "message": start.message})
    files[BATCH_FILE] = json.dumps({"items": listed, "backend": backend.name}, indent=1).encode() + b"\n"
    write_archive(archive, files)


def run(
    inputs: str | Path, raw: str | Path, backend: Backend, resources: Resources, key: str, log: logging.Logger
) -> int:
    """Run what is unfinished of a batch and archive the raw output; returns how many calculations were run now.

    Parameters
    ----------
    inputs, raw : path
        Archives. Work goes on in a folder beside `raw`.
    backend : Backend
        What runs.
    resources : Resources
        What it may use.
    key : str
        Hash of the inputs and of all that the output depends on; work of another key is dropped.
    log : logging.Logger
        Told about each calculation.

    Notes
    -----
    Folder and ledger stay: a job killed after it has written `raw` loses that file to Snakemake, which trusts no output
    of an unfinished job. `clean` removes them, once `raw` is known to be whole.
    """
    work = _work(raw)
    _unpack(Path(inputs), work, key, log)
    items = [item for item in json.loads((work / BATCH_FILE).read_text())["items"] if item["status"] == "READY"]
    folders = {work / item_folder(item["index"]): item for item in items}
    with Ledger(ledger_path(str(raw)), key, log=log) as ledger:
        waiting = [folder for folder, item in folders.items() if item["index"] not in ledger.done]
        log.info("%d of %d calculations to run with %s", len(waiting), len(folders), backend.label)
        began = time.monotonic()
        for folder in backend.run_batch(waiting, resources):
            item = folders[folder]
            ledger.append(item["index"], {"finished": np.ones(1, np.uint8)})
            log.info("%s is done, %.0f s after the start", item["name"], time.monotonic() - began)
        files: dict[str, Path | bytes] = {BATCH_FILE: work / BATCH_FILE}
        for folder in work.iterdir():
            if folder.is_dir():
                files |= files_under(folder, backend.keep(folder), folder.name)
        write_archive(raw, files)
    return len(waiting)


def clean(raw: str | Path) -> None:
    """Remove the work folder and the ledger of a batch whose raw output is whole."""
    Path(ledger_path(str(raw))).unlink(missing_ok=True)
    shutil.rmtree(_work(raw), ignore_errors=True)


def _work(raw: str | Path) -> Path:
    """Folder in which a batch is run."""
    return Path(f"{raw}.work")


def _unpack(inputs: Path, work: Path, key: str, log: logging.Logger) -> None:
    """Put the inputs into the work folder unless it belongs to them already, with what a killed job left."""
    marker = work / MARKER_FILE
    if marker.is_file() and marker.read_text() == key:
        log.info("going on in %s", work)
        return
    shutil.rmtree(work, ignore_errors=True)
    extract(inputs, work)
    # Written last: a folder with the marker is complete.
    marker.write_text(key)


def collect(raw: str | Path, calculation: Calculation, backend: Backend) -> Iterator[Item]:
    """Read the results of a batch off its raw output, one after the other."""
    with tempfile.TemporaryDirectory(prefix="lodestone-") as scratch:
        extract(raw, Path(scratch))
        listed = json.loads((Path(scratch) / BATCH_FILE).read_text())["items"]
        for entry in listed:
            folder = Path(scratch) / item_folder(entry["index"])
            yield Item(
                entry["index"], entry["name"], read_structure(folder), _result(entry, folder, calculation, backend)
            )


def _result(entry: Mapping[str, Any], folder: Path, calculation: Calculation, backend: Backend) -> Result:
    """Read the result of one calculation, or the status that it had before it could be run."""
    if entry["status"] != "READY":
        return Result(status=Status[entry["status"]], message=entry["message"])
    return backend.collect(folder, calculation)
