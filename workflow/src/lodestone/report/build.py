"""Render the report of a run: one HTML page with everything in it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lodestone import __version__
from lodestone.artifacts.atomic import replacing
from lodestone.report.blocks import Block, Figure, Section, Study
from lodestone.report.cost import RuleCost, cost_section, duration, read_benchmarks
from lodestone.report.inputs import Library
from lodestone.report.page import to_html
from lodestone.report.provenance import git_commit, provenance_section
from lodestone.report.rulegraph import Rule, draw, merged
from lodestone.report.sections import study_module


def render(
    paths: Mapping[str, str | Path | Sequence[str | Path]],
    benchmarks_dir: str | Path,
    config: Mapping[str, Any],
    output: str | Path,
    log: logging.Logger,
) -> None:
    """Write the report.

    Parameters
    ----------
    paths : mapping of name to path or sequence of paths
        Artifacts under the names that the study modules document. Stages that were not run may be absent.
    benchmarks_dir : path
        Folder below which Snakemake's benchmark files lie, such as the results folder; may be absent.
    config : mapping
        The run's configuration, validated; its ``studies`` are reported in that order.
    output : path
        The HTML file, replaced whole or not at all.
    log : logging.Logger
        Told what is read and written.

    Raises
    ------
    ArtifactError
        A named artifact is absent, damaged or of another type; the message names the file.
    ValueError
        A study that the report does not know, or a benchmark file that is none.
    """
    costs = read_benchmarks(benchmarks_dir, log)
    library = Library(paths, log, costs)
    studies: list[Study] = []
    rules: list[Rule] = []
    for name in config["studies"]:
        module = study_module(name)
        study = module.compose(library, config, log)
        if study is None:
            log.info("study %s: nothing was run, nothing to report", name)
            continue
        studies.append(study)
        rules = merged([*rules, *module.RULES])
    page = _page(library, studies, rules, costs, config)
    with replacing(output) as temporary:
        Path(temporary).write_text(page, encoding="utf-8")
    log.info("wrote %s, %.1f MB", output, len(page.encode()) / 1e6)


def _page(
    library: Library,
    studies: Sequence[Study],
    rules: Sequence[Rule],
    costs: Sequence[RuleCost],
    config: Mapping[str, Any],
) -> str:
    """Add what concerns the whole run and fill the template."""
    commit = git_commit()
    outputs = {rule.name: rule.output for rule in rules}
    run_sections = [
        cost_section(costs, lambda rule: library.backends(outputs.get(rule, "")), list(outputs)),
        *([_workflow(rules, costs)] if rules else []),
        provenance_section(library, config, commit),
    ]
    chips = [("lodestone", __version__), ("commit", commit), ("seed", str(config["seed"]))]
    return to_html(studies, run_sections, chips, ", ".join(config["studies"]) or "no study")


def _workflow(rules: Sequence[Rule], costs: Sequence[RuleCost]) -> Section:
    """Draw the rule graph, each rule with its jobs and their time."""
    notes = {c.rule: f"{c.jobs} {'job' if c.jobs == 1 else 'jobs'} · {duration(c.wall_s)}" for c in costs}
    figure: Block = Figure(
        draw(rules, notes),
        "Rules and what flows between them",
        "An arrow says that a rule reads what another one wrote; dependencies that follow from others are left out. "
        "Under each name: jobs of this run and their wall time, summed.",
    )
    return Section("workflow", "The workflow", (figure,))
