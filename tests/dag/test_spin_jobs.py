"""Which jobs the data, the fits and the uses of magnetic potentials need."""

import pytest
import yaml
from support import ROOT

from lodestone import config

STAGES = ("prepare_calculations", "run_calculations", "collect_calculations")
LABELLING = {*STAGES, "check_calculations", "build_spin_orderings", "build_spin_snapshots", "build_spin_held"}
DEFAULTS = ROOT / "config" / "config.yaml"


@pytest.fixture
def planned(tmp_path):
    """Return a function: options of a run of the study with other keys, and what the config then says."""

    def options(program, **keys):
        path = tmp_path / "variant.yaml"
        calculations = {"abinit": {"command": str(program)}}
        variant = {"results_dir": "results/spin_jobs", "spin_potential": keys}
        path.write_text(yaml.safe_dump({**variant, "electronic_structure": {"calculations": calculations}}))
        section = config.load(DEFAULTS, path)["spin_potential"]
        return ("--configfile", DEFAULTS, path, "--", "spin_potential"), section

    return options


@pytest.fixture
def installed(tmp_path):
    """A program that is there; a dry run does not start it."""
    path = tmp_path / "stand_in"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def expected(section):
    """Number of jobs of each rule from the labels on."""
    folds, ensembles, uses = section["cross_validation"], section["ensembles"], section["uses"]
    batches, kinds = section["fit"]["batches"], len(ensembles["magnetic_sizes"]) * len(ensembles["weights"])
    return {
        "collect_spin_data": 1,
        "fit_spin_folds": len(folds["weights"]) * min(batches, folds["folds"]),
        "fit_spin_ensemble": kinds * min(batches, ensembles["members"]),
        "check_spin_potentials": kinds,
        "simulate_spin_dynamics": len(section["dynamics"]["solutes"]) * uses["members"],
        "compute_spin_exchange": uses["members"],
        "learn_spin_potential": section["learning"]["repeats"],
    }


def test_shipped_labels_are_fitted_and_used_without_a_calculation(workflow, planned):
    options, section = planned("no_such_program")
    assert section["source"] == "shipped" and section["recomputed"] > 0
    counts = workflow.scheduled(*options)
    wanted = expected(section)
    assert {name: counts.get(name, 0) for name in wanted} == wanted
    assert not (LABELLING | {"build_spin_points"}) & set(counts)


def test_some_shipped_labels_are_computed_anew_where_the_program_is(workflow, planned, installed):
    options, section = planned(installed)
    counts = workflow.scheduled(*options)
    assert {counts[name] for name in (*STAGES, "check_calculations", "build_spin_points")} == {1}
    assert not [name for name in LABELLING if name.startswith("build_spin_") and name in counts]
    wanted = expected(section)
    assert {name: counts.get(name, 0) for name in wanted} == wanted


def test_files_of_the_user_are_taken_and_none_is_computed_anew_where_none_is_asked_for(
    workflow, planned, installed, tmp_path
):
    mine, missing = tmp_path / "mine.extxyz", tmp_path / "missing.cfg"
    mine.touch()
    files = {"source": "files", "recomputed": 0}
    options, section = planned(installed, **files, files=[str(mine)])
    counts, wanted = workflow.scheduled(*options), expected(section)
    assert {name: counts.get(name, 0) for name in wanted} == wanted
    assert not (LABELLING | {"build_spin_points"}) & set(counts)
    options, _ = planned(installed, **files, files=[str(mine), str(missing)])
    printed = workflow.run("--dry-run", "--cores", 1, *options, check=False)
    assert "Missing input files for rule collect_spin_data" in printed
    assert str(missing) in printed and str(mine) not in printed


def test_labels_of_this_run_are_fitted_in_the_batches_of_the_config(workflow, planned):
    keys = {
        "cross_validation": {"folds": 4, "weights": [0.0, 0.1]},
        "fit": {"batches": 3},
        "ensembles": {"members": 2},
        "uses": {"members": 2},
    }
    options, section = planned("no_such_program", source="computed", data={"batches": 6}, **keys)
    counts, wanted = workflow.scheduled(*options), expected(section)
    # No more batches than there are fits.
    assert (wanted["fit_spin_folds"], wanted["fit_spin_ensemble"]) == (2 * 3, 2 * wanted["check_spin_potentials"])
    assert {name: counts.get(name, 0) for name in wanted} == wanted
    assert {counts[name] for name in STAGES} == {1 + 1 + 6}


def test_batches_are_those_of_the_config(workflow, tmp_path):
    path = tmp_path / "variant.yaml"
    path.write_text(yaml.safe_dump({"spin_potential": {"data": {"batches": 12}}}))
    counts = workflow.scheduled("--configfile", "config/config.yaml", path, "--", "spin_potential_data")
    # One of orderings, a quarter as many of snapshots as of crystals with held moments.
    assert {counts[name] for name in STAGES} == {1 + 3 + 12}
    assert counts["check_calculations"] == 3
    assert counts["build_spin_orderings"] == counts["build_spin_snapshots"] == counts["build_spin_held"] == 1


def test_the_paper_s_size_is_planned(workflow):
    counts = workflow.scheduled("--configfile", "config/paper/spin_potential.yaml", "--", "spin_potential_data")
    assert {counts[name] for name in STAGES} == {1 + 64 + 256}


def test_what_a_potential_asks_for_is_computed_and_the_study_does_not_wait_for_it(workflow, planned, installed):
    options, section = planned(installed, asked={"batches": 3}, recomputed=0)
    assert "ask_spin_labels" not in workflow.scheduled(*options)
    counts = workflow.scheduled(*options[:-1], "spin_potential_asked")
    assert {counts[name] for name in STAGES} == {3}
    assert counts["ask_spin_labels"] == counts["collect_spin_asked"] == counts["check_calculations"] == 1
    assert counts["fit_spin_ensemble"] == min(section["fit"]["batches"], section["ensembles"]["members"])


def test_other_studies_need_none_of_it(workflow):
    counts = workflow.scheduled("--configfile", "config/test.yaml", "--", "electronic_structure")
    assert not [name for name in counts if name.startswith("build_spin_")]
