"""Logs of jobs, and progress inside long batches, for a terminal and for log files."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

_FORMAT = logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", datefmt="%Y-%m-%d %H:%M:%S")
_LOG_INTERVAL_S = 10.0
_LIVE_INTERVAL_S = 0.2
_RATE_WINDOW_S = 120.0


@contextmanager
def job_log(path: str | Path | None = None, name: str = "lodestone") -> Iterator[logging.Logger]:
    """Log one job to its file; an exception that leaves the block is logged with its traceback and goes on.

    Python's warnings go to the log as well. A polite end (SIGTERM: a time limit, a cancelled job) is logged and leaves
    the block as `SystemExit`, so that files are closed and temporary ones removed. Warnings and errors are shown on
    stderr too.

    Parameters
    ----------
    path : path, optional
        Log file, overwritten; its folder is made. None: stderr only, everything.
    name : str
        Name of the logger; loggers below it (``lodestone.artifacts.ledger``) write to the same file.
    """
    log = logging.getLogger(name)
    before = log.level, log.propagate
    handlers = _handlers(path)
    log.setLevel(logging.INFO)
    log.propagate = False
    warnings_log = logging.getLogger("py.warnings")
    for handler in handlers:
        log.addHandler(handler)
        warnings_log.addHandler(handler)
    logging.captureWarnings(True)
    try:
        with _terminated(log), _threads(log):
            yield log
    except SystemExit as stop:
        log.log(logging.INFO if not stop.code else logging.ERROR, "stopped: exit code %s", stop.code)
        raise
    except BaseException as error:
        log.critical("stopped by %s", type(error).__name__, exc_info=True)
        raise
    finally:
        logging.captureWarnings(False)
        for handler in handlers:
            log.removeHandler(handler)
            warnings_log.removeHandler(handler)
            if isinstance(handler, logging.FileHandler):
                handler.close()
        log.setLevel(before[0])
        log.propagate = before[1]


def _handlers(path: str | Path | None) -> list[logging.Handler]:
    """Stderr, and the file if there is one."""
    stderr = logging.StreamHandler(sys.stderr)
    stderr.setFormatter(_FORMAT)
    if path is None:
        return [stderr]
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    file = logging.FileHandler(path, mode="w", encoding="utf-8")
    file.setFormatter(_FORMAT)
    # Snakemake shows the log of a job that failed; its traceback need not stand there twice.
    stderr.setLevel(logging.WARNING)
    stderr.addFilter(lambda record: record.exc_info is None)
    return [file, stderr]


@contextmanager
def _terminated(log: logging.Logger) -> Iterator[None]:
    """Turn SIGTERM into a logged `SystemExit`; only the main thread may."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _frame: FrameType | None) -> None:
        log.error("asked to stop by %s (time limit or cancelled)", signal.Signals(number).name)
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _threads(log: logging.Logger) -> Iterator[None]:
    """Log exceptions that end a thread."""
    before = threading.excepthook

    def report(args: Any) -> None:
        thread = args.thread.name if args.thread else "a thread"
        log.critical("%s stopped by %s", thread, args.exc_type.__name__, exc_info=args.exc_value)

    threading.excepthook = report
    try:
        yield
    finally:
        threading.excepthook = before


class Progress:
    """How far a long batch is, how fast it goes and how long it takes.

    On a terminal one live line; in the log a line at most every ten seconds and one at the end.

    Parameters
    ----------
    total : int
        Items of the batch.
    unit : str
        What they are, in the plural ("loops").
    log : logging.Logger
        Where lines go.
    done : int
        Items that a former run finished; they do not count for the rate.
    terminal : text stream, optional
        Where the live line goes, if it is a terminal; by default stderr.
    clock : callable
        Seconds; for tests.
    """

    def __init__(
        self,
        total: int,
        unit: str,
        log: logging.Logger,
        done: int = 0,
        *,
        terminal: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.total, self.unit, self.done = total, unit, done
        self._log, self._clock = log, clock
        self._terminal = terminal if terminal is not None else sys.stderr
        self._live = self._terminal.isatty()
        self._first = done
        self._start = self._last_log = clock()
        self._last_live = float("-inf")
        self._recent: deque[tuple[float, int]] = deque([(self._start, done)])
        self._mutex = threading.Lock()
        self._width = 0
        if done:
            log.info("%d of %d %s were done already", done, total, unit)

    def update(self, n: int = 1) -> None:
        """Count `n` more items; safe to call from several threads."""
        with self._mutex:
            self.done += n
            now = self._clock()
            self._recent.append((now, self.done))
            while len(self._recent) > 2 and now - self._recent[1][0] > _RATE_WINDOW_S:
                self._recent.popleft()
            finished = self.done >= self.total
            if self._live and (finished or now - self._last_live >= _LIVE_INTERVAL_S):
                self._last_live = now
                self._show(self.line(now), finished)
            if finished:
                self._log.info("%s", self._summary(now))
            elif now - self._last_log >= _LOG_INTERVAL_S:
                self._last_log = now
                self._log.info("%s", self.line(now))

    @property
    def rate(self) -> float:
        """Items per second over the last two minutes; 0 before the first item."""
        (then, before), (now, done) = self._recent[0], self._recent[-1]
        return (done - before) / (now - then) if now > then else 0.0

    def line(self, now: float | None = None) -> str:
        """State in words: ``40 of 160 loops (25 %), 1.1 loops/s, 1 min 49 s left``."""
        text = f"{self.done} of {self.total} {self.unit} ({100 * self.done // max(self.total, 1)} %)"
        if self.rate > 0:
            text += f", {_speed(self.rate, self.unit)}, {duration((self.total - self.done) / self.rate)} left"
        return text

    def _summary(self, now: float) -> str:
        """Last line: the whole time of this run."""
        took = now - self._start
        new = self.done - self._first
        speed = f", {_speed(new / took, self.unit)}" if took > 0 and new else ""
        return f"{self.done} of {self.total} {self.unit} done in {duration(took)}{speed}"

    def _show(self, text: str, finished: bool) -> None:
        """Overwrite the live line."""
        self._terminal.write("\r" + text.ljust(self._width) + ("\n" if finished else ""))
        self._terminal.flush()
        self._width = len(text)


def duration(seconds: float) -> str:
    """Time in words of at most two units, such as ``1 min 49 s``."""
    total = round(seconds)
    if total < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{total} s"
    days, hours, minutes = total // 86400, total // 3600 % 24, total // 60 % 60
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {total % 60} s"


def _speed(rate: float, unit: str) -> str:
    """Rate per second, or per minute or hour where that reads better."""
    for factor, name in ((1, "s"), (60, "min")):
        if rate * factor >= 0.95:
            return f"{rate * factor:.3g} {unit}/{name}"
    return f"{rate * 3600:.3g} {unit}/h"
