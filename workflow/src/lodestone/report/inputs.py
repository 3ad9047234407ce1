"""The artifacts that a report is made from, each read once, with a record of where its numbers come from."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lodestone.artifacts.base import Artifact, Provenance
from lodestone.artifacts.hashing import file_sha256
from lodestone.artifacts.io import read_provenance
from lodestone.paths import STUDIES, artifact_name
from lodestone.report.blocks import Origin
from lodestone.report.cost import RuleCost

Kind = TypeVar("Kind", bound=Artifact)
# Name under which artifacts are listed that the report does not read but that others were made from.
ANCESTORS = "ancestors"
ARTIFACT_SUFFIX = ".h5"
AS_IT_CAME = Provenance(backend="a file as it came", seed=0, config_sha256="", package_version="")


@dataclass(frozen=True)
class Record:
    """One artifact behind the report: which file, which bytes, and who made it from what."""

    path: str
    sha256: str
    provenance: Provenance

    @property
    def artifact(self) -> str:
        """Name by which other artifacts record this one as a parent."""
        return artifact_name(self.path)


class Library:
    """Named inputs of the report.

    Parameters
    ----------
    paths : mapping of name to path or sequence of paths
        Inputs under the names that the studies ask for. A name may be missing or empty: that stage was not run.
    log : logging.Logger
        Told about every artifact that is read.
    costs : sequence of RuleCost
        What each rule cost, for studies that quote a cost beside a result.

    Notes
    -----
    Reading is strict: an artifact that is named but absent, damaged or of the wrong type raises the error of
    `Artifact.read`, which names the file.
    """

    def __init__(
        self,
        paths: Mapping[str, str | Path | Sequence[str | Path]],
        log: logging.Logger,
        costs: Sequence[RuleCost] = (),
    ) -> None:
        self.paths = {
            name: [str(given)] if isinstance(given, str | Path) else [str(path) for path in given]
            for name, given in paths.items()
        }
        self.log = log
        self.costs = {cost.rule: cost for cost in costs}
        self.records: dict[str, dict[str, Record]] = {}

    def has(self, *names: str) -> bool:
        """Whether any of the names has an artifact."""
        return any(self.paths.get(name) for name in names)

    def count(self, name: str) -> int:
        """Count the artifacts under a name."""
        return len(self.paths.get(name, []))

    def each(self, name: str, kind: type[Kind]) -> Iterator[Kind]:
        """Read the artifacts under one name one after the other, so that many never lie in memory together."""
        for path in self.paths.get(name, []):
            artifact = kind.read(path)
            kept = self.records.setdefault(name, {})
            if path not in kept:
                self.log.info("read %s (%s)", path, name)
                kept[path] = Record(path, file_sha256(path), artifact.provenance)
            yield artifact

    def all(self, name: str, kind: type[Kind]) -> list[Kind]:
        """Read all artifacts under one name."""
        return list(self.each(name, kind))

    def one(self, name: str, kind: type[Kind]) -> Kind | None:
        """Read the only artifact under a name; None if the stage was not run.

        Raises
        ------
        ValueError
            More than one file has the name.
        """
        if self.count(name) > 1:
            raise ValueError(f"report input {name}: found {self.count(name)} files, expected one")
        return next(self.each(name, kind), None)

    def origins(self, *names: str) -> tuple[Origin, ...]:
        """Describe the inputs behind a figure, as far as they have been read."""
        return tuple(
            Origin(name, len(self.records[name]), self.backends(name)) for name in names if name in self.records
        )

    def backends(self, name: str) -> tuple[str, ...]:
        """List what computed the artifacts under a name, each back end once."""
        return tuple(dict.fromkeys(r.provenance.backend for r in self.records.get(name, {}).values()))

    def all_records(self) -> list[Record]:
        """Every artifact on record."""
        return [record for kept in self.records.values() for record in kept.values()]

    def follow_parents(self) -> list[str]:
        """Put on record the artifacts from which those that were read were made, as far as their files exist.

        Returns
        -------
        list of str
            Names of ancestors without a file, such as those deleted after use.
        """
        known = {record.artifact for record in self.all_records()}
        missing, waiting = [], self.all_records()
        while waiting:
            child = waiting.pop()
            root = child.path.removesuffix(child.artifact)
            for name in sorted(set(child.provenance.parents) - known):
                known.add(name)
                path = _lies_at(root, name)
                if path is None:
                    missing.append(name)
                    continue
                # Raw outputs and downloads are parents too; they do not say where they came from.
                made = read_provenance(path) if path.endswith(ARTIFACT_SUFFIX) else AS_IT_CAME
                record = Record(path, file_sha256(path), made)
                self.records.setdefault(ANCESTORS, {})[path] = record
                waiting.append(record)
        return sorted(missing)


def _lies_at(root: str, name: str) -> str | None:
    """Path of a parent: in the folder of its child's study, or of another study of the same run."""
    others = [f"{Path(root).parent / study}/" for study in STUDIES] if Path(root).name in STUDIES else []
    return next((folder + name for folder in (root, *others) if Path(folder + name).is_file()), None)


def changed_parents(records: Sequence[Record]) -> list[tuple[Record, Record]]:
    """Find artifacts made from another version of a file than the one that lies there now, as (child, parent)."""
    named = {record.artifact: record for record in records}
    return [
        (child, named[name])
        for child in records
        for name, sha256 in child.provenance.parents.items()
        if name in named and named[name].sha256 != sha256
    ]
