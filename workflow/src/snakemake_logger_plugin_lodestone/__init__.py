"""Snakemake logger plugin: after every job, what is done, what runs, and about how long the rest takes.

Used by the profiles (``logger: lodestone``); it adds a line to Snakemake's own output and changes nothing else.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from logging import LogRecord
from typing import Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from lodestone.logs import duration

SHOWN = 4  # running jobs named on the line


class Forecast:
    """Foretells the time that is left, from the jobs that have finished.

    A job yet to come takes as long as those of its rule took, or as long as the average job if its rule is new; work
    left is shared by as many jobs at a time as there were so far.

    Parameters
    ----------
    counts : mapping of rule to number of jobs
        What the run has to do.
    clock : callable
        Seconds; for tests.
    """

    def __init__(self, counts: Mapping[str, int], clock: Callable[[], float] = time.monotonic) -> None:
        self.left = dict(counts)
        self.total = sum(counts.values())
        self.done = 0
        self._clock = clock
        self._began = clock()
        self._running: dict[int, tuple[str, str, float]] = {}
        self._spent: dict[str, list[float]] = {}

    def start(self, job: int, rule: str, wildcards: str = "") -> None:
        """Note that a job runs."""
        self._running[job] = (rule, wildcards, self._clock())

    def finish(self, job: int) -> None:
        """Note that a job has finished."""
        rule, _, since = self._running.pop(job, ("", "", self._clock()))
        if rule:
            self._spent.setdefault(rule, []).append(self._clock() - since)
            self.left[rule] = max(0, self.left.get(rule, 1) - 1)
        self.done += 1

    def forget(self, job: int) -> None:
        """Note that a job has failed; it may be started again."""
        self._running.pop(job, None)

    def remaining_s(self) -> float | None:
        """Seconds that are left; None before the first job has finished."""
        every = [seconds for spent in self._spent.values() for seconds in spent]
        elapsed = self._clock() - self._began
        if not every or elapsed <= 0:
            return None
        typical = {rule: sum(spent) / len(spent) for rule, spent in self._spent.items()}
        average = sum(every) / len(every)
        work = sum(count * typical.get(rule, average) for rule, count in self.left.items())
        under_way = [(rule, self._clock() - since) for rule, _, since in self._running.values()]
        work -= sum(min(age, typical.get(rule, average)) for rule, age in under_way)
        at_a_time = max(1.0, (sum(every) + sum(age for _, age in under_way)) / elapsed)
        return max(0.0, work) / at_a_time

    def line(self) -> str:
        """State in words: ``12 of 46 jobs in 1 min 20 s, about 4 min 10 s left; running: compute_loops 002 (45 s)``."""
        text = f"{self.done} of {self.total} jobs in {duration(self._clock() - self._began)}"
        left = self.remaining_s()
        if left is not None and self.done < self.total:
            text += f", about {duration(left)} left"
        names = [
            f"{' '.join([rule, wildcards]).strip()} ({duration(self._clock() - since)})"
            for rule, wildcards, since in self._running.values()
        ]
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        return text + (f"; running: {', '.join(names[:SHOWN])}{more}" if names else "")


class LogHandler(LogHandlerBase):
    """Follows the events of a run; see the module."""

    def __post_init__(self) -> None:
        """Wait for the run to begin."""
        self._forecast: Forecast | None = None
        self._known: dict[int, tuple[str, str]] = {}

    def emit(self, record: LogRecord) -> None:
        """Follow one event."""
        if not getattr(self.common_settings, "dryrun", False):
            self._follow(getattr(record, "event", None), vars(record))

    def _follow(self, event: Any, said: Mapping[str, Any]) -> None:
        if event == LogEvent.RUN_INFO:
            counts = {rule: int(count) for rule, count in said["stats"].items() if rule != "total"}
            self._forecast = Forecast(counts)
        if self._forecast is None:
            return
        if event == LogEvent.JOB_INFO:
            self._known[said["jobid"]] = (said["rule_name"], " ".join(map(str, (said["wildcards"] or {}).values())))
            self._forecast.start(said["jobid"], *self._known[said["jobid"]])
        elif event == LogEvent.JOB_ERROR:
            self._forecast.forget(said["jobid"])
        elif event == LogEvent.JOB_FINISHED:
            self._forecast.finish(said["job_id"])
        elif event == LogEvent.PROGRESS:
            print(f"--- {self._forecast.line()}", file=sys.stderr, flush=True)

    @property
    def writes_to_stream(self) -> bool:
        """No: Snakemake would leave out its own output; the line is printed beside it."""
        return False

    @property
    def writes_to_file(self) -> bool:
        """No file."""
        return False

    @property
    def has_filter(self) -> bool:
        """Whether records are chosen here: all are wanted."""
        return True

    @property
    def has_formatter(self) -> bool:
        """Lines are made here."""
        return True

    @property
    def needs_rulegraph(self) -> bool:
        """No graph is drawn."""
        return False
