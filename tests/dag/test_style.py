"""`make lint`, tool by tool: style, format, types, spelling, and Snakemake's own advice."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
CHECKS = {
    "ruff": ["ruff", "check", "--no-cache", "."],
    "ruff-format": ["ruff", "format", "--check", "--no-cache", "."],
    "snakefmt": ["snakefmt", "--check", "Snakefile", "rules"],
    "mypy": ["mypy"],
    "codespell": ["codespell"],
}


def run(command):
    """Run a tool on the working tree; returns its exit status and what it printed."""
    done = subprocess.run(
        [BIN / command[0], *command[1:]],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=300,
    )
    return done.returncode, done.stdout


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", sorted(CHECKS))
def test_tool_has_nothing_to_say(name):
    status, printed = run(CHECKS[name])
    assert status == 0, printed


def test_snakemake_lint_has_nothing_to_say(workflow):
    assert "your workflow is in a good condition" in workflow.run("--lint")


def test_files_and_functions_are_short():
    long = [path for path in ROOT.glob("workflow/src/**/*.py") if len(path.read_text().splitlines()) > 300]
    long += [path for path in (ROOT / "rules").glob("*.smk") if len(path.read_text().splitlines()) > 300]
    assert long == []


def test_lock_pins_every_dependency_once():
    lines = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if not line.startswith("#")]
    names = [line.partition("==")[0].lower().replace("_", "-") for line in lines]
    assert all("==" in line and "+" not in line for line in lines)
    assert len(names) == len(set(names))
    project = (ROOT / "pyproject.toml").read_text()
    declared = project.partition("dependencies = [")[2].partition("]")[0]
    wanted = {entry.split('"')[1].split("=")[0].split(">")[0] for entry in declared.splitlines() if '"' in entry}
    assert wanted <= set(names)


def test_environments_pin_what_the_lock_pins():
    locked = dict(
        line.lower().replace("_", "-").split("==")
        for line in (ROOT / "requirements.lock").read_text().splitlines()
        if "==" in line
    )
    for path in (ROOT / "envs").glob("*.yaml"):
        pinned = [line.strip(" -") for line in path.read_text().splitlines() if "==" in line]
        assert pinned
        for entry in pinned:
            name, version = entry.split("==")
            assert locked[name] == version, f"{path.name}: {entry}"


def test_every_folder_of_tests_is_run():
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    folders = {str(path.parent.relative_to(ROOT)) for path in (ROOT / "tests").rglob("test_*.py")}
    assert folders == set(options["testpaths"])
