"""The whole study at its test size on this machine: complete, repeatable, and nothing done twice."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lodestone.artifacts.loops import Loops

pytestmark = pytest.mark.timeout(1500)
TEST_SIZE = ["--profile", "profiles/local", "--cores", 2, "--configfile", "config/test.yaml"]


def digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def finished(workflow):
    """The clone after a full run at the test size, and what Snakemake printed."""
    return workflow.root / "results/test", workflow.run(*TEST_SIZE, timeout=1200)


@pytest.mark.slow
def test_a_full_run_ends_with_a_report(finished):
    results, printed = finished
    assert re.search(r"\d+ of \d+ steps \(100%\) done", printed)
    page = (results / "report.html").read_text()
    assert "Demagnetisation curves" in page
    assert not re.findall(r'(?:src|href)="https?://', page), "the page loads nothing from elsewhere"


@pytest.mark.slow
def test_nothing_is_left_beside_the_results(finished):
    results, _ = finished
    stray = [path for path in results.rglob("*") if path.suffix in (".ledger", ".checkpoint") or path.name[0] == "."]
    assert stray == []


@pytest.mark.slow
def test_the_figures_of_the_run_are_printed_as_json(finished, workflow):
    results, _ = finished
    script = workflow.root / "tests/benchmarks/figures.py"
    done = subprocess.run([sys.executable, script, results, "no-such-file"], capture_output=True, text=True, check=True)
    now = json.loads(done.stdout)["now"]
    assert now["micromagnetics"]["curves"] == 12
    assert set(now["learning"]) == {"x_component", "double_angle", "mean", "gradient_boosting", "cnn"}
    assert now["cost"]["compute_loops"]["jobs"] == 2


@pytest.mark.slow
def test_a_second_run_has_nothing_to_do(finished, workflow):
    assert "Nothing to be done" in workflow.run(*TEST_SIZE, timeout=120)


@pytest.mark.slow
def test_one_rule_is_rerun_alone_with_the_same_bytes(finished, workflow):
    results, _ = finished
    path = results / "hysteresis/loops/001.h5"
    before, written = digest(path), path.stat().st_mtime_ns
    other = (results / "hysteresis/loops/000.h5").stat().st_mtime_ns
    target = "results/test/hysteresis/loops/001.h5"
    printed = workflow.run(*TEST_SIZE, "--force", "--allowed-rules", "compute_loops", "--", target, timeout=300)
    assert "1 of 1 steps (100%) done" in printed
    assert path.stat().st_mtime_ns > written
    assert digest(path) == before
    assert (results / "hysteresis/loops/000.h5").stat().st_mtime_ns == other


@pytest.mark.slow
def test_batches_and_cores_change_nothing(finished, workflow, tmp_path):
    results, _ = finished
    variant = tmp_path / "batches.yaml"
    variant.write_text("results_dir: results/rebatched\nhysteresis: {loops: {batch_size: 12}}\n")
    target = "results/rebatched/hysteresis/loops/000.h5"
    workflow.run("--cores", 1, "--configfile", "config/test.yaml", variant, "--", target, timeout=300)
    joined = Loops.read(workflow.root / target)
    parts = [Loops.read(results / f"hysteresis/loops/{batch}.h5") for batch in ("000", "001")]
    for name in ("index", "magnetisation", "status", "evaluations"):
        together = getattr(joined, name)
        assert together.tobytes() == b"".join(getattr(part, name).tobytes() for part in parts), name


@pytest.mark.slow
def test_the_log_of_a_failed_job_names_the_file_and_is_shown(finished, workflow, tmp_path):
    results, _ = finished
    dataset = results / "hysteresis/dataset.h5"
    whole = dataset.read_bytes()
    dataset.write_bytes(whole[: len(whole) // 2])
    target = "results/test/hysteresis/baselines/mean.h5"
    try:
        printed = workflow.run(
            *TEST_SIZE, "--force", "--allowed-rules", "train_baseline", "--", target, check=False, timeout=300
        )
        assert "dataset.h5" in printed and "ArtifactError" in printed
    finally:
        dataset.write_bytes(whole)
