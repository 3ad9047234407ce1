"""Which jobs the Nd-Fe search needs, as its switches stand; the drawing of its rules in the report."""

import re

import pytest
import yaml

from lodestone import config
from lodestone.report import nd_fe_search

STAGES = ("prepare_calculations", "run_calculations", "collect_calculations")
ANISOTROPY = ("select_anisotropy_labels", "pretrain_anisotropy")
KKR = ("prepare_kkr", "run_kkr", "collect_kkr", "compute_curie")


@pytest.fixture
def scheduled(workflow, tmp_path):
    """Return a function: the jobs of the study with other keys, and another section on exchange."""

    def jobs(exchange=None, **keys):
        path = tmp_path / "variant.yaml"
        electronic = {"electronic_structure": {"exchange": exchange}} if exchange else {}
        path.write_text(yaml.safe_dump({"results_dir": "results/nd_fe_jobs", "nd_fe_search": keys, **electronic}))
        options = ("--configfile", "config/test.yaml", path, "--", "nd_fe_search")
        return workflow.scheduled(*options, timeout=120)

    return jobs


def test_models_are_trained_here(scheduled):
    counts = scheduled()
    once = ("select_published_labels", "pretrain_properties", "build_pretraining_set", "pretrain_force_field")
    assert {counts[name] for name in once} == {1}
    assert "load_model" not in counts
    # Properties and force field, as they were specialised first and after the one round of learning.
    assert counts["transfer_model"] == 4


@pytest.mark.parametrize("source", ["zoo", "files"])
def test_models_come_ready(scheduled, source):
    counts = scheduled(pretraining={"source": source})
    assert counts["load_model"] == 3
    trained = {"select_published_labels", "pretrain_properties", "build_pretraining_set", "pretrain_force_field"}
    assert not trained & set(counts)
    # Neither the crystals that a force field is trained on before, nor anything of them, is computed.
    assert counts["check_calculations"] == scheduled()["check_calculations"] - 1
    assert counts["collect_labels"] == 2
    assert counts["transfer_model"] == 6


@pytest.mark.parametrize("rounds", [0, 1, 3])
def test_rounds_of_learning_bring_models_and_labels(scheduled, rounds):
    counts = scheduled(learning={"rounds": rounds}, search={"max_generations": 4})
    assert counts.get("pick_uncertain", 0) == rounds
    assert counts["transfer_model"] == 2 * (rounds + 1)
    assert counts["collect_labels"] == 2 + rounds  # training, pretraining, and one set a round
    assert (counts["breed_candidates"], counts["rank_population"]) == (5, 5)


def test_generations_and_batches_are_the_jobs_of_the_search(scheduled):
    counts = scheduled(search={"max_generations": 6, "batches": 3})
    assert (counts["breed_candidates"], counts["relax_candidates"], counts["rank_population"]) == (7, 21, 7)


def test_no_interstitials_no_job_for_them(scheduled):
    with_them, without = scheduled(), scheduled(interstitials={"elements": []})
    assert (with_them["build_interstitials"], with_them["derive_interstitials"]) == (1, 1)
    assert not {"build_interstitials", "derive_interstitials"} & set(without)
    # Nitrogen needs its molecule: sets of fillings and of gases, relaxation and final energies.
    assert with_them["check_calculations"] - without["check_calculations"] == 2


def test_a_published_relaxer_needs_no_force_field_of_ours(scheduled):
    ours, chgnet = scheduled(), scheduled(search={"relaxer": "chgnet"}, learning={"rounds": 0})
    assert ours["relax_candidates"] == chgnet["relax_candidates"]
    assert chgnet["derive_screening"] == 1


def test_couplings_of_the_search_by_rank(scheduled):
    validation = {"candidates": 3, "references": True, "exchange": 2}
    counts = scheduled(exchange={"source": "akaikkr"}, validation=validation)
    # Two finds, NdFe15 and bcc iron.
    assert {counts[name] for name in KKR} == {4}
    assert (counts["select_coupled"], counts["derive_screening"]) == (1, 1)
    # The user's own crystals are no part of this study.
    assert not {"build_structure_set", "read_exchange", "derive_material"} & set(counts)
    counts = scheduled(exchange={"source": "akaikkr"}, validation={**validation, "references": False})
    assert {counts[name] for name in KKR} == {3}


def test_gpaw_without_lanthanides(scheduled):
    keys = {"minority": "Y", "validation": {"candidates": 1, "exchange": 1}}
    counts = scheduled(exchange={"source": "gpaw"}, **keys)
    assert {counts[name] for name in ("prepare_gpaw", "run_gpaw", "collect_gpaw", "compute_curie")} == {2}


def test_no_couplings_unless_asked_for(scheduled):
    assert not {"select_coupled", *KKR} & set(scheduled())


def test_the_paper_is_planned_with_couplings(workflow):
    counts = workflow.scheduled("--configfile", "config/paper/nd_fe_search.yaml", "--", "nd_fe_search", timeout=300)
    assert {counts[name] for name in KKR} == {12}
    assert (counts["relax_candidates"], counts["pick_uncertain"], counts["load_model"]) == (244, 3, 3)


def test_anisotropy_is_learned_once_where_it_is_an_objective(scheduled):
    assert not {*ANISOTROPY} & set(scheduled())
    counts = scheduled(search={"objectives": ["formation_energy", "magnetisation", "anisotropy"]})
    assert {counts[name] for name in ANISOTROPY} == {1}


# A generation follows the one before, and what is computed later goes through the rules of what was computed first.
AGAIN = {
    ("rank_population", "rank_population"),
    ("rank_population", "breed_candidates"),
    ("collect_calculations", "prepare_calculations"),
    *(
        (late, stage)
        for late in ("select_candidates", "pick_uncertain", "build_interstitials")
        for stage in ("check_calculations", "prepare_calculations", "collect_calculations")
    ),
}
# Of other sources of models, with couplings, or with anisotropy among the objectives.
ELSEWHERE = {*ANISOTROPY, "load_model", "select_coupled", *KKR, "prepare_gpaw", "run_gpaw", "collect_gpaw"}


def test_report_draws_the_graph_that_snakemake_runs(workflow, tmp_path):
    path = tmp_path / "alone.yaml"
    path.write_text("studies: [nd_fe_search]\n")
    printed = workflow.run("--rulegraph", "dot", "--configfile", "config/config.yaml", path)
    names = dict(re.findall(r'(\d+)\[label ?= ?"(\w+)"', printed))
    edges = {(names[a], names[b]) for a, b in re.findall(r"(\d+) -> (\d+)", printed) if names[b] != "all"}
    drawn = {(before, rule.name) for rule in nd_fe_search.RULES for before in rule.after}
    # By name of their set and not of its file do finds and fillings come to their tables.
    drawn -= {("select_candidates", "derive_screening"), ("build_interstitials", "derive_interstitials")}
    assert {(a, b) for a, b in drawn if not {a, b} & ELSEWHERE} == edges - AGAIN
    assert edges >= AGAIN


@pytest.mark.parametrize(
    "section, key",
    [
        ({"search": {"min_atoms": 30, "max_atoms": 20}}, "search.min_atoms"),
        ({"search": {"min_minority_fraction": 0.4, "max_minority_fraction": 0.3}}, "search.min_minority_fraction"),
        (
            {"search": {"min_atoms": 6, "max_atoms": 7, "min_minority_fraction": 0.3, "max_minority_fraction": 0.32}},
            "search.max_minority_fraction",
        ),
        ({"search": {"objectives": ["magnetisation", "uncertainty"]}}, "search.objectives"),
        ({"search": {"relaxer": "calculator"}}, "search.calculator"),
        ({"search": {"calculator_arguments": "{not json}"}}, "search.calculator_arguments"),
        ({"learning": {"rounds": 5, "every": 5}}, "learning.rounds"),
        ({"pretraining": {"cutoff_A": 4.0, "three_body_cutoff_A": 4.5}}, "pretraining.three_body_cutoff_A"),
        ({"majority": "Nd"}, "majority"),
        ({"minority": "Xx"}, "minority"),
    ],
)
def test_contradictions_are_refused_with_the_path_of_the_key(section, key):
    with pytest.raises(config.ConfigError, match=rf"nd_fe_search\.{key}: found"):
        config.validate({"nd_fe_search": section})
