"""What a run cost, from the benchmark files that Snakemake writes beside every job."""

from __future__ import annotations

import csv
import logging
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lodestone.paths import STUDIES
from lodestone.report.blocks import Cell, Section, Table

_GPU = re.compile(r"\b(gpu|cuda)\b", re.IGNORECASE)


@dataclass
class RuleCost:
    """Sums over the jobs of one rule; NaN where Snakemake measured nothing."""

    rule: str
    jobs: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_MB: float = field(default=math.nan)

    def add(self, row: Mapping[str, str]) -> None:
        """Add one row of a benchmark file."""
        wall, cpu, memory = (_number(row.get(key)) for key in ("s", "cpu_time", "max_rss"))
        self.jobs += 1
        self.wall_s += 0.0 if math.isnan(wall) else wall
        # Jobs shorter than the sampling interval have no CPU time: they used at most their wall time.
        self.cpu_s += cpu if not math.isnan(cpu) else (0.0 if math.isnan(wall) else wall)
        self.peak_MB = memory if math.isnan(self.peak_MB) else max(self.peak_MB, 0.0 if math.isnan(memory) else memory)


def _number(text: str | None) -> float:
    """Parse a benchmark value; Snakemake writes NA or - for what it could not measure."""
    return math.nan if text in (None, "", "-", "NA") else float(text)


def rule_of(path: Path) -> str:
    """Name of the rule that a benchmark file belongs to: the first part of its path that names no folder of studies."""
    parts = list(path.with_suffix("").parts)
    while len(parts) > 1 and parts[0] in (*STUDIES, "benchmarks", "report"):
        del parts[0]
    return parts[0]


def read_benchmarks(folder: str | Path, log: logging.Logger) -> list[RuleCost]:
    """Sum up benchmark files by rule: all ``.tsv`` below a folder that lie in a folder named ``benchmarks``.

    Raises
    ------
    ValueError
        A file is not a Snakemake benchmark; the message names it.
    """
    costs: dict[str, RuleCost] = {}
    for path in sorted(Path(folder).rglob("*.tsv")):
        if "benchmarks" not in path.parts:
            continue
        rule = rule_of(path.relative_to(folder))
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
        for row in rows:
            try:
                costs.setdefault(rule, RuleCost(rule)).add(row)
            except ValueError as error:
                raise ValueError(f"{path}: not a Snakemake benchmark file ({error})") from error
    log.info("benchmarks of %d rules in %s", len(costs), folder)
    return list(costs.values())


def gpu_seconds(cost: RuleCost, backends: Sequence[str]) -> float:
    """Wall time of a rule whose artifacts say that a GPU computed them: one GPU is held for as long as the job runs."""
    return cost.wall_s if any(_GPU.search(backend) for backend in backends) else 0.0


def cost_section(
    costs: Sequence[RuleCost], backends_of: Callable[[str], Sequence[str]], order: Sequence[str]
) -> Section:
    """Table of jobs, time and memory per rule with its sums.

    Parameters
    ----------
    costs : sequence of RuleCost
        As read from the benchmark files.
    backends_of : callable
        Back ends of the artifacts that a rule writes.
    order : sequence of str
        Rules in the order in which the table lists them; others follow by name.
    """
    place = {rule: i for i, rule in enumerate(order)}
    listed = sorted(costs, key=lambda cost: (place.get(cost.rule, len(place)), cost.rule))
    longest = max((cost.wall_s for cost in listed), default=0.0) or 1.0
    rows = [_row(cost, gpu_seconds(cost, backends_of(cost.rule)), cost.wall_s / longest) for cost in listed]
    peak = max((cost.peak_MB for cost in listed if not math.isnan(cost.peak_MB)), default=math.nan)
    total = RuleCost(
        "all rules", sum(c.jobs for c in listed), sum(c.wall_s for c in listed), sum(c.cpu_s for c in listed), peak
    )
    rows.append(_row(total, sum(gpu_seconds(c, backends_of(c.rule)) for c in listed), 0.0))
    table = Table(
        ("rule", "jobs", "wall time, summed", "core-hours", "GPU-hours", "peak memory of a job"),
        rows,
        "Cost of each rule",
        "From Snakemake's benchmark files, one per job. Wall times of jobs that ran side by side add up, so the run "
        "itself took less. Core-hours are measured CPU time; GPU-hours are the wall time of the jobs whose "
        "artifacts name a GPU as back end. The peak memory is the largest resident set of any one job. Of a job that "
        "was killed and resumed, only the last attempt counts.",
    )
    lead = (
        f"{total.jobs} jobs, {duration(total.wall_s)} of wall time in all, {hours(total.cpu_s)} core-hours, "
        f"{memory(peak)} at the most in one job."
    )
    if not costs:
        return Section("cost", "What it cost", (), "No benchmark files were found.")
    return Section("cost", "What it cost", (table,), lead)


def _row(cost: RuleCost, gpu_s: float, bar: float) -> tuple[Cell, ...]:
    return (
        Cell(f"`{cost.rule}`" if " " not in cost.rule else cost.rule),
        Cell(str(cost.jobs)),
        Cell(duration(cost.wall_s), bar=bar),
        Cell(hours(cost.cpu_s)),
        Cell(hours(gpu_s) if gpu_s else "–", tone="" if gpu_s else "muted"),
        Cell(memory(cost.peak_MB)),
    )


def duration(seconds: float) -> str:
    """Write a time span as people say it."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def hours(seconds: float) -> str:
    """Write seconds as hours with two leading figures."""
    value = seconds / 3600
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}" if value >= 0.001 else "< 0.001"


def memory(megabytes: float) -> str:
    """Write a memory size."""
    if math.isnan(megabytes):
        return "not measured"
    return f"{megabytes / 1024:.2f} GB" if megabytes >= 1024 else f"{megabytes:.0f} MB"
