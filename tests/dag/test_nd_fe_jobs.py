"""Jobs of the Nd-Fe search: as many as the switches ask for, and no more after a change of one key."""

import pytest
import yaml


@pytest.fixture
def planned(workflow, tmp_path):
    """Return a function: the number of jobs of each rule for the test config with keys of the section changed."""

    def scheduled(**section):
        path = tmp_path / "variant.yaml"
        path.write_text(yaml.safe_dump({"nd_fe_search": section}))
        return workflow.scheduled("--configfile", "config/test.yaml", path, "--", "nd_fe_search", timeout=120)

    return scheduled


def test_models_trained_here(planned):
    counts = planned()
    assert counts["pretrain_properties"] == counts["pretrain_force_field"] == counts["select_published_labels"] == 1
    # Two models, each specialised at the start and after the only round of learning.
    assert counts["transfer_model"] == 4 and counts["pick_uncertain"] == 1
    assert counts["breed_candidates"] == counts["rank_population"] == 3
    assert counts["relax_candidates"] == 3 * 2
    assert "load_model" not in counts


@pytest.mark.parametrize("source", ["zoo", "files"])
def test_models_that_come_ready_need_no_training(planned, source):
    counts = planned(pretraining={"source": source})
    assert counts["load_model"] == 3 and counts["transfer_model"] == 6
    assert not {"pretrain_properties", "pretrain_force_field", "build_pretraining_set"} & set(counts)


def test_rounds_of_learning_add_versions(planned):
    counts = planned(learning={"rounds": 3, "every": 1}, search={"max_generations": 4})
    assert counts["pick_uncertain"] == 3 and counts["transfer_model"] == 8
    without = planned(learning={"rounds": 0})
    assert "pick_uncertain" not in without and without["transfer_model"] == 2


def test_no_elements_no_interstitials(planned):
    counts = planned(interstitials={"elements": []})
    assert not {"build_interstitials", "derive_interstitials"} & set(counts)


def test_another_relaxer_needs_no_force_field_to_relax(workflow, tmp_path):
    path = tmp_path / "variant.yaml"
    path.write_text(yaml.safe_dump({"nd_fe_search": {"search": {"relaxer": "chgnet"}}}))
    target = "results/test/nd_fe_search/generations/0/relaxed/000.h5"
    counts = workflow.scheduled("--configfile", "config/test.yaml", path, "--", target, timeout=120)
    assert not {"pretrain_force_field", "transfer_model"} & set(counts)


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
    from lodestone import config

    with pytest.raises(config.ConfigError, match=rf"nd_fe_search\.{key}: found"):
        config.validate({"nd_fe_search": section})
