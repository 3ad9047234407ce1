"""Every rule says what it does, logs, measures itself, and asks for what it needs; the report draws the same graph."""

import re
from pathlib import Path

import pytest

from lodestone.report import hysteresis

ROOT = Path(__file__).parents[2]
RULE_LINES, SNAKEFILE_LINES, SCRIPT_LINES = 30, 80, 60  # limits of the architecture
TARGETS = {
    "all",
    "hysteresis",
    "electronic_structure",
    "nd_fe_search",
    "spin_potential",
    "spin_potential_data",
    "spin_potential_asked",
}


def rules_of(path):
    """Source of every rule of a file by name, without the rules derived with `use rule`."""
    text = path.read_text()
    found = re.split(r"\n(?=(?:use )?rule |if |else|include:|localrules:|def )", text)
    return {re.match(r"rule (\w+):", part)[1]: part.rstrip() for part in found if part.startswith("rule ")}


RULES = {
    name: text
    for path in [ROOT / "Snakefile", *sorted((ROOT / "rules").glob("*.smk"))]
    for name, text in rules_of(path).items()
}
JOBS = sorted(set(RULES) - TARGETS)


@pytest.mark.parametrize("name", sorted(RULES))
def test_docstring_ends_with_the_wildcards_used(name):
    docstring = re.search(r'"""(.*?)"""', RULES[name], re.DOTALL)[1]
    said = re.search(r"Wildcards used: ([\w, ]+)\s*$", docstring)[1].strip().split(", ")
    logged = re.findall(r'"\{(\w+)\}"', RULES[name].partition("log:")[2].partition("benchmark:")[0])
    assert said == (logged or ["none"])


@pytest.mark.parametrize("name", JOBS)
@pytest.mark.parametrize(
    "part",
    ["output:", "log:", "benchmark:", "conda:", "threads:", "mem_mb=mem_mb(", "runtime=minutes(", "message:"],
)
def test_rule_has_every_part(name, part):
    assert part in RULES[name]


# Four rules read nothing.
@pytest.mark.parametrize(
    "name", sorted(set(RULES) - {"warm_caches", "download_structures", "load_model", "build_spin_orderings"})
)
def test_rule_names_its_inputs(name):
    assert re.search(r"\n    input:\n        (\w+=|\*\*)", RULES[name])


@pytest.mark.parametrize("name", JOBS)
def test_rule_and_its_script_are_short(name):
    assert len(RULES[name].splitlines()) <= RULE_LINES
    script = ROOT / "scripts" / f"{name}.py"
    assert f'"../scripts/{script.name}"' in RULES[name]
    assert len(script.read_text().splitlines()) <= SCRIPT_LINES


@pytest.mark.parametrize("name", JOBS)
def test_numbers_of_a_rule_carry_an_algorithm_version(name):
    assert re.search(r"algorithm=\d+,", RULES[name])


def test_snakefile_is_short_and_parsing_is_light():
    assert len((ROOT / "Snakefile").read_text().splitlines()) <= SNAKEFILE_LINES
    parsed = "".join(path.read_text() for path in [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")])
    assert not re.findall(r"import (?:torch|h5py|numpy|numba|pandas|scipy)\b", parsed)


def test_list_rules_prints_the_docstrings(workflow):
    printed = workflow.run("--list-rules")
    for name in RULES:
        assert re.search(rf"^{name} \(\w", printed, re.MULTILINE), name
    assert printed.count("Wildcards used:") >= len(RULES)


def test_resources_grow_with_the_attempt():
    text = (ROOT / "rules" / "common.smk").read_text()
    helpers = {}
    exec(text[text.index("def mem_mb") : text.index("def torch_environment")], helpers)
    for grow in (helpers["mem_mb"](300), helpers["minutes"](300)):
        assert [grow(None, attempt) for attempt in (1, 2, 3)] == [300, 600, 1200]
    # Few partitions allow more than a day, and no job that asks for more gets one.
    assert [helpers["minutes"](720)(None, attempt) for attempt in (1, 2, 3, 4)] == [720, 1440, 1440, 1440]
    assert [helpers["gpus"](device) for device in ("auto", "cpu", "gpu")] == [0, 0, 1]


def test_report_draws_the_graph_that_snakemake_runs(workflow):
    printed = workflow.run("--rulegraph", "dot", "--configfile", "config/test.yaml")  # this study alone
    names = dict(re.findall(r'(\d+)\[label ?= ?"(\w+)"', printed))
    edges = {(names[a], names[b]) for a, b in re.findall(r"(\d+) -> (\d+)", printed)}
    drawn = {(before, rule.name) for rule in hysteresis.RULES for before in rule.after}
    assert drawn == {(a, b) for a, b in edges if b != "all"}
