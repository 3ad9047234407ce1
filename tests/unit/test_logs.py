"""Logs hold what happened, uncaught exceptions included; progress is right on a terminal and in a log."""

from __future__ import annotations

import io
import logging
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings

import pytest

from lodestone.logs import Progress, duration, job_log


def run(tmp_path, body):
    """Run a job in its own process; returns it with the text of its log."""
    path = tmp_path / "logs" / "job.log"
    code = f"from lodestone.logs import job_log\nwith job_log({str(path)!r}) as log:\n" + textwrap.indent(body, "    ")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return done, path.read_text()


def test_what_is_logged_is_in_the_file(tmp_path):
    done, text = run(tmp_path, "log.info('drawing %d', 3)\nlog.warning('one is missing')")
    assert done.returncode == 0
    assert re.search(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d INFO    drawing 3$", text, re.M)
    assert "WARNING one is missing" in text
    assert "one is missing" in done.stderr  # what matters is shown at once
    assert "drawing" not in done.stderr


def test_an_uncaught_exception_is_in_the_file(tmp_path):
    done, text = run(tmp_path, "log.info('start')\nraise ValueError('no such grain')")
    assert done.returncode == 1
    assert "CRITICAL stopped by ValueError" in text
    assert "Traceback" in text
    assert text.rstrip().endswith("ValueError: no such grain")
    assert done.stderr.count("Traceback") == 1  # Python's own


def test_an_exception_in_a_thread_is_in_the_file(tmp_path):
    body = "import threading\nt = threading.Thread(target=lambda: 1 / 0, name='worker 3')\nt.start()\nt.join()"
    _, text = run(tmp_path, body)
    assert "worker 3 stopped by ZeroDivisionError" in text
    assert "Traceback" in text


def test_warnings_and_loggers_of_the_package_are_in_the_file(tmp_path):
    body = "import logging, warnings\nwarnings.warn('odd')\nlogging.getLogger('lodestone.artifacts.ledger').info('cut')"
    _, text = run(tmp_path, body)
    assert "UserWarning: odd" in text
    assert "INFO    cut" in text


def test_exit_codes_pass_through(tmp_path):
    done, text = run(tmp_path, "raise SystemExit(3)")
    assert done.returncode == 3
    assert "ERROR   stopped: exit code 3" in text


def test_a_polite_end_runs_what_has_to_be_closed(tmp_path):
    """What Slurm sends before it kills: the log says so, and `finally` blocks run."""
    code = textwrap.dedent(f"""
        import time
        from lodestone.logs import job_log
        with job_log({str(tmp_path / "a.log")!r}):
            try:
                print("ready", flush=True)
                time.sleep(60)
            finally:
                print("closed", flush=True)
    """)
    job = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert job.stdout.readline() == "ready\n"
    job.send_signal(signal.SIGTERM)
    out, _ = job.communicate(timeout=30)
    assert (job.returncode, out) == (128 + signal.SIGTERM, "closed\n")
    assert "asked to stop by SIGTERM (time limit or cancelled)" in (tmp_path / "a.log").read_text()


def test_everything_is_put_back(tmp_path):
    log = logging.getLogger("lodestone")
    before = (log.handlers[:], log.level, log.propagate, signal.getsignal(signal.SIGTERM), threading.excepthook)
    show = warnings.showwarning
    for _ in range(2):
        with job_log(tmp_path / "a.log") as inner:
            inner.info("once")
    assert (log.handlers[:], log.level, log.propagate, signal.getsignal(signal.SIGTERM), threading.excepthook) == before
    assert warnings.showwarning is show
    assert (tmp_path / "a.log").read_text().count("once") == 1


def test_without_a_file_everything_goes_to_stderr(capsys):
    with job_log() as log:
        log.info("here")
    assert "INFO    here" in capsys.readouterr().err


def test_outside_the_main_thread(tmp_path):
    def job():
        with job_log(tmp_path / "a.log") as log:
            log.info("from a thread")

    thread = threading.Thread(target=job)
    thread.start()
    thread.join()
    assert "from a thread" in (tmp_path / "a.log").read_text()


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.INFO, logger="progress")
    return logging.getLogger("progress")


def work(progress, clock, items, seconds):
    for _ in range(items):
        clock.now += seconds
        progress.update()


def test_a_log_gets_a_line_every_ten_seconds(log, caplog):
    clock = Clock()
    progress = Progress(100, "loops", log, terminal=io.StringIO(), clock=clock)
    work(progress, clock, 39, 0.8)
    assert caplog.messages == [
        "13 of 100 loops (13 %), 1.25 loops/s, 1 min 10 s left",
        "26 of 100 loops (26 %), 1.25 loops/s, 59 s left",
        "39 of 100 loops (39 %), 1.25 loops/s, 49 s left",
    ]
    work(progress, clock, 61, 0.001)
    assert caplog.messages[-1] == "100 of 100 loops done in 31 s, 3.2 loops/s"
    assert len(caplog.messages) == 4


def test_a_terminal_gets_one_live_line(log):
    clock, terminal = Clock(), Terminal()
    progress = Progress(4, "loops", log, terminal=terminal, clock=clock)
    work(progress, clock, 4, 1.0)
    lines = terminal.getvalue().split("\r")
    assert lines[0] == ""
    assert lines[1] == "1 of 4 loops (25 %), 1 loops/s, 3.0 s left"
    assert lines[-1].rstrip(" \n") == "4 of 4 loops (100 %), 1 loops/s, 0.0 s left"
    assert terminal.getvalue().count("\n") == 1
    assert all(len(a.rstrip("\n")) <= len(b.rstrip("\n")) for a, b in zip(lines, lines[1:], strict=False))  # overwrites


def test_a_terminal_is_not_flooded(log):
    clock, terminal = Clock(), Terminal()
    work(Progress(1000, "loops", log, terminal=terminal, clock=clock), clock, 1000, 0.001)
    assert terminal.getvalue().count("\r") < 10


def test_no_live_line_without_a_terminal(log):
    clock, stream = Clock(), io.StringIO()
    work(Progress(4, "loops", log, terminal=stream, clock=clock), clock, 4, 1.0)
    assert stream.getvalue() == ""


def test_items_of_a_former_run_do_not_count_for_the_rate(log, caplog):
    clock = Clock()
    progress = Progress(100, "loops", log, done=60, terminal=io.StringIO(), clock=clock)
    assert caplog.messages == ["60 of 100 loops were done already"]
    assert progress.line() == "60 of 100 loops (60 %)"
    work(progress, clock, 10, 2.0)
    assert progress.line() == "70 of 100 loops (70 %), 30 loops/min, 1 min 0 s left"
    work(progress, clock, 30, 2.0)
    assert caplog.messages[-1] == "100 of 100 loops done in 1 min 20 s, 30 loops/min"


def test_the_rate_is_that_of_the_last_two_minutes(log):
    """A slow start (compiling) must not spoil the estimate for hours."""
    clock = Clock()
    progress = Progress(10_000, "loops", log, terminal=io.StringIO(), clock=clock)
    work(progress, clock, 1, 600.0)
    assert progress.rate == pytest.approx(1 / 600)
    work(progress, clock, 200, 1.0)
    assert progress.rate == pytest.approx(1.0, rel=0.01)  # the window starts between two items


def test_threads_may_count(log):
    progress = Progress(4000, "loops", log, terminal=io.StringIO())
    threads = [threading.Thread(target=lambda: [progress.update() for _ in range(1000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert progress.done == 4000


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.6, "1 min 0 s"),
        (109, "1 min 49 s"),
        (3600, "1 h 0 min"),
        (90061, "1 d 1 h"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_slow_rates_are_per_hour(log):
    clock = Clock()
    progress = Progress(10, "loops", log, terminal=io.StringIO(), clock=clock)
    work(progress, clock, 1, 120.0)
    assert progress.line() == "1 of 10 loops (10 %), 30 loops/h, 18 min 0 s left"


def test_an_empty_batch(log, caplog):
    progress = Progress(0, "loops", log, terminal=io.StringIO(), clock=time.monotonic)
    assert progress.line() == "0 of 0 loops (0 %)"
    assert caplog.messages == []
