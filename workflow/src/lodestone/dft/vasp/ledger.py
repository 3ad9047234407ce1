"""What has been done in the folder of one calculation: `run.json`, rewritten whole after every run.

A run that is on disk but not in the ledger was killed.
"""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

LEDGER_FILE = "run.json"


@dataclass(frozen=True)
class Record:
    """One run of one step.

    Attributes
    ----------
    step, attempt : str, int
        Which run, and which rung of the ladder of start moments.
    state : str
        ``kept`` (finished, with its moments), ``vanished`` (finished, and every start ended without moments),
        ``lost``, ``flipped``, ``failed`` or ``walltime``.
    message : str
        What went wrong.
    corrections : list of str
        What custodian changed.
    jobs : int
        Number of jobs that ran out of time over it.
    """

    step: str
    attempt: int
    state: str
    message: str = ""
    corrections: list[str] = field(default_factory=list)
    jobs: int = 0

    @property
    def good(self) -> bool:
        """Whether the next step may start from it."""
        return self.state in ("kept", "vanished")

    @property
    def folder(self) -> str:
        """Where the run is, below the calculation's folder."""
        return run_folder(self.step, self.attempt)


def run_folder(step: str, attempt: int) -> str:
    """Folder of a run below the calculation's folder."""
    return f"{step}/run_{attempt}"


def read(folder: Path) -> list[Record]:
    """Return the records of a calculation, oldest first; none if it has not been run."""
    path = folder / LEDGER_FILE
    return [Record(**values) for values in json.loads(path.read_text())] if path.is_file() else []


def add(folder: Path, record: Record) -> None:
    """Append a record, durably; it replaces an earlier one of the same run."""
    kept = [old for old in read(folder) if old.folder != record.folder]
    text = json.dumps([dataclasses.asdict(item) for item in [*kept, record]], indent=1) + "\n"
    temporary = folder / f"{LEDGER_FILE}.part"
    with temporary.open("w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(folder / LEDGER_FILE)


def last(records: list[Record], step: str) -> Record | None:
    """Return the newest record of a step."""
    return next((record for record in reversed(records) if record.step == step), None)
