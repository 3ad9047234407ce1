"""Where an artifact came from: back end, seed, settings and parents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lodestone import __version__
from lodestone.artifacts.errors import ArtifactError
from lodestone.artifacts.hashing import file_sha256, settings_sha256
from lodestone.paths import artifact_name

ParentPaths = Mapping[str, str | Path] | Iterable[str | Path]


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What it takes to trace an artifact to the job that made it.

    Attributes
    ----------
    backend : str
        What computed the numbers, in words for the report ("lodestone planar CPU").
    seed : int
        Seed of the run.
    config_sha256 : str
        Hash of the settings that the job used.
    parents : dict of str to str
        sha256 of every artifact that was read, by its name.
    algorithm_version : int
        Raised when the same inputs give other numbers than before.
    package_version : str
        Version of lodestone that wrote the artifact.
    """

    backend: str
    seed: int
    config_sha256: str
    parents: dict[str, str] = field(default_factory=dict)
    algorithm_version: int = 1
    package_version: str = __version__

    @classmethod
    def of(
        cls,
        backend: str,
        seed: int,
        settings: Mapping[str, Any],
        parent_paths: ParentPaths = (),
        algorithm_version: int = 1,
    ) -> Provenance:
        """Hash the settings and the parents' files.

        `parent_paths` are paths, named by `lodestone.paths.artifact_name`, or a mapping of names to paths.
        """
        hashes = {name: file_sha256(path) for name, path in named_parents(parent_paths).items()}
        return cls(
            backend=backend,
            seed=int(seed),
            config_sha256=settings_sha256(settings),
            parents=hashes,
            algorithm_version=int(algorithm_version),
        )

    @property
    def key(self) -> str:
        """Hash of all that the numbers depend on: the key of the ledger or checkpoint of the job."""
        inputs = [self.backend, self.seed, self.config_sha256, self.parents, self.algorithm_version]
        return settings_sha256({"inputs": inputs})


def named_parents(parent_paths: ParentPaths) -> dict[str, Path]:
    """Parents by name; two paths with one name are an error."""
    if isinstance(parent_paths, str | Path):
        parent_paths = [parent_paths]
    if isinstance(parent_paths, Mapping):
        return {str(name): Path(path) for name, path in parent_paths.items()}
    named: dict[str, Path] = {}
    for path in map(Path, parent_paths):
        name = artifact_name(path)
        if name in named and named[name] != path:
            raise ArtifactError(path, f"parent name {name!r}", f"also used by {named[name]}", "one path per name")
        named[name] = path
    return named


def compare_parents(where: str | Path, recorded: Mapping[str, str], parent_paths: ParentPaths) -> None:
    """Check that an artifact was made from exactly these files.

    Raises
    ------
    ArtifactError
        If a parent is not recorded, is recorded but not given, is absent, or has changed since.
    """
    given = named_parents(parent_paths)
    for name in sorted(set(given) | set(recorded)):
        if name not in recorded:
            raise ArtifactError(where, "missing parent", f"parents {sorted(recorded)}", f"{name} among them")
        if name not in given:
            raise ArtifactError(where, "parents", f"{name}, which is not an input", f"only {sorted(given)}")
        if not given[name].is_file():
            raise ArtifactError(where, f"parent {name}", f"no file {given[name]}", "the file it was made from")
        found = file_sha256(given[name])
        if found != recorded[name]:
            raise ArtifactError(where, f"parent {name}", f"sha256 {found} in {given[name]}", f"sha256 {recorded[name]}")
