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
    groups = {name: sorted(kept.values(), key=lambda r: r.path) for name, kept in library.records.items()}
    few = [name for name in groups if name != ANCESTORS and len(groups[name]) <= FOLD_ABOVE]
    rows = [row for name in few for row in _rows(name, groups[name])]
    blocks.append(_table(rows, "Artifacts read by this page"))
    for name in groups:
        if name not in few:
            title = "What these were made from" if name == ANCESTORS else f"`{name}`"
            rows = _rows(name, groups[name], group=name != ANCESTORS)
            blocks.append(_table(rows, title, folded=True, anchor=f"from-{name}"))
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
    absent = (
        f" {len(missing)} ancestors lie elsewhere or have no file any more and could not be checked." if missing else ""
    )
    return Notice(
        f"Checked while this page was made: {len(records)} artifacts, {links} recorded links from artifact to parent, "
        f"none broken.{absent}",
        "good" if not missing else "info",
    )


def _table(rows: Sequence[Sequence[Cell]], title: str, folded: bool = False, anchor: str = "") -> Table:
    heads = ("input", "artifact", "sha256", "back end", "seed", "settings", "algorithm", "lodestone", "parents")
    return Table(heads, rows, title, text_columns=(1, 2, 3, 5), folded=folded, anchor=anchor)


def _rows(name: str, records: Sequence[Record], group: bool = True) -> list[tuple[Cell, ...]]:
    """One row for each artifact; the first of a group carries its name, and the target for links if rows are shown."""
    rows: list[tuple[Cell, ...]] = []
    for i, record in enumerate(records):
        made = record.provenance
        first = (
            Cell(name, anchor=f"from-{name}" if len(records) <= FOLD_ABOVE else "") if group and i == 0 else Cell("")
        )
        rows.append(
            (
                first,
                Cell(f"`{record.path}`"),
                Cell(f"`{record.sha256[:SHORT]}`"),
                Cell(made.backend),
                Cell(str(made.seed)),
                Cell(f"`{made.config_sha256[:SHORT]}`"),
                Cell(str(made.algorithm_version)),
                Cell(made.package_version),
                Cell(str(len(made.parents)), tone="" if made.parents else "muted"),
            )
        )
    return rows


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
