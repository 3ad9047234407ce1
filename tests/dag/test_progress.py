"""The forecast that a person sees: jobs done, jobs running, time left."""

import pytest
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry
from snakemake_logger_plugin_lodestone import Forecast


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_says_nothing_about_the_time_before_a_job_has_finished(clock):
    forecast = Forecast({"draw": 2}, clock)
    forecast.start(1, "draw", "000")
    clock.now += 5
    assert forecast.remaining_s() is None
    assert forecast.line() == "0 of 2 jobs in 5.0 s; running: draw 000 (5.0 s)"


def test_one_job_at_a_time_takes_what_its_rule_took(clock):
    forecast = Forecast({"draw": 3}, clock)
    forecast.start(1, "draw")
    clock.now += 10
    forecast.finish(1)
    assert forecast.remaining_s() == pytest.approx(20)
    assert forecast.line() == "1 of 3 jobs in 10 s, about 20 s left"


def test_two_jobs_at_a_time_halve_what_is_left(clock):
    forecast = Forecast({"draw": 4}, clock)
    for job in (1, 2):
        forecast.start(job, "draw")
    clock.now += 10
    for job in (1, 2):
        forecast.finish(job)
    assert forecast.remaining_s() == pytest.approx(10)


def test_a_new_rule_counts_as_the_average_job_and_running_jobs_count_their_age(clock):
    forecast = Forecast({"draw": 1, "train": 2}, clock)
    forecast.start(1, "draw")
    clock.now += 10
    forecast.finish(1)
    forecast.start(2, "train")
    clock.now += 4
    assert forecast.remaining_s() == pytest.approx(16)


def test_a_failed_job_is_still_to_be_done(clock):
    forecast = Forecast({"draw": 1}, clock)
    forecast.start(1, "draw")
    clock.now += 3
    forecast.forget(1)
    assert forecast.line() == "0 of 1 jobs in 3.0 s"


def test_many_running_jobs_are_summed_up(clock):
    forecast = Forecast({"draw": 6}, clock)
    for job in range(6):
        forecast.start(job, "draw", f"{job:03d}")
    assert forecast.line().endswith("draw 003 (0.0 s) and 2 more")


def test_snakemake_finds_the_plugin():
    assert "lodestone" in LoggerPluginRegistry().plugins


def test_a_run_prints_the_forecast(workflow):
    target = "results/forecast/warm_caches.txt"
    config = ["--configfile", "config/test.yaml", "--config", "results_dir=results/forecast"]
    printed = workflow.run("--profile", "profiles/local", "--cores", 1, *config, "--", target, timeout=300)
    assert "--- 1 of 1 jobs in" in printed
