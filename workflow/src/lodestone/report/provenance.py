"""Where the numbers come from: every artifact with its hash, back end, seed and parents, and the software."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from lodestone import __version__
from lodestone.artifacts.hashing import settings_sha256
from lodestone.report.blocks import Block, Cell, Notice, Section, Table
from lodestone.report.inputs import ANCESTORS, Library, Record, changed_parents

PACKAGES = (
    "numpy", "scipy", "numba", "h5py", "torch", "scikit-learn", "pymoo", "matplotlib", "jinja2", "snakemake",
    "snakemake-executor-plugin-slurm",
)  # fmt: skip
FOLD_ABOVE = 12
SHORT = 12


def git_commit() -> str:
    """Commit of the checkout in which the report is rendered, with a remark if files differ from it."""
    commit = _git("rev-parse", "HEAD")
    if not commit:
        return "not a git checkout"
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return commit[:SHORT] + (" + uncommitted changes" if changed else "")


def _git(*arguments: str) -> str:
    """Ask git; empty if there is no git, no repository, or no answer in ten seconds."""
    try:
        answer = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip()


def provenance_section(library: Library, config: Mapping[str, Any], commit: str) -> Section:
    """Tables of all artifacts by input name, of the software, and the result of the parent check.

    Parameters
    ----------
    library : Library
        After all studies have read their artifacts.
    config : mapping
        The run's whole configuration; its hash is listed.
    commit : str
        As from `git_commit`.
    """
    missing = library.follow_parents()
    blocks: list[Block] = [_check(library, missing)]
    names = sorted(library.records, key=lambda name: name == ANCESTORS)
    blocks += [_artifacts(name, list(library.records[name].values())) for name in names]
    blocks.append(_software(config, commit))
    lead = (
        "Every figure and table above names its inputs; here is each of them, down to the bytes. An artifact records "
        "its seed, the hash of the settings that its job used, and the sha256 of every artifact that it was made from."
    )
    return Section("provenance", "Where the numbers come from", blocks, lead)


def _check(library: Library, missing: Sequence[str]) -> Notice:
    """Say whether every artifact was made from the files that lie there now."""
    records = library.all_records()
    stale = changed_parents(records)
    links = sum(len(record.provenance.parents) for record in records)
    if stale:
        pairs = "; ".join(f"`{child.artifact}` from an earlier `{parent.artifact}`" for child, parent in stale[:5])
        return Notice(f"{len(stale)} of {links} links to parents are broken: {pairs}. Run the workflow again.", "warn")
    absent = f" {len(missing)} ancestors have no file any more and could not be checked." if missing else ""
    return Notice(
        f"Checked while this page was made: {len(records)} artifacts, {links} recorded links from artifact to parent, "
        f"none broken.{absent}",
        "good" if not missing else "info",
    )


def _artifacts(name: str, records: Sequence[Record]) -> Table:
    """Table of the artifacts under one input name."""
    title = "Artifacts behind these, not read by the report" if name == ANCESTORS else f"`{name}`"
    rows = [_row(record) for record in sorted(records, key=lambda record: record.path)]
    return Table(
        ("artifact", "sha256", "back end", "seed", "settings", "algorithm", "lodestone", "parents"), rows, title,
        text_columns=(1, 2, 4), folded=len(rows) > FOLD_ABOVE, anchor=f"from-{name}",
    )  # fmt: skip


def _row(record: Record) -> tuple[Cell, ...]:
    made = record.provenance
    return (
        Cell(f"`{record.path}`"),
        Cell(f"`{record.sha256[:SHORT]}`"),
        Cell(made.backend),
        Cell(str(made.seed)),
        Cell(f"`{made.config_sha256[:SHORT]}`"),
        Cell(str(made.algorithm_version)),
        Cell(made.package_version),
        Cell(str(len(made.parents)), tone="" if made.parents else "muted"),
    )


def _software(config: Mapping[str, Any], commit: str) -> Table:
    """Versions of what rendered this page; the artifacts carry the package version that made them."""
    rows = [
        (Cell("git commit"), Cell(f"`{commit}`")),
        (Cell("configuration, sha256"), Cell(f"`{settings_sha256(config)}`")),
        (Cell("lodestone"), Cell(__version__)),
        (Cell("Python"), Cell(platform.python_version())),
    ]
    for name in PACKAGES:
        try:
            rows.append((Cell(name), Cell(version(name))))
        except PackageNotFoundError:
            rows.append((Cell(name), Cell("not installed", tone="muted")))
    return Table(
        ("what", "version"), rows, "Software", "Versions in the environment that rendered this page.", text_columns=(1,)
    )
