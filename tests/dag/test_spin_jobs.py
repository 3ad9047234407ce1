"""Which jobs the data of magnetic potentials needs."""

import yaml

STAGES = ("prepare_calculations", "run_calculations", "collect_calculations")


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


def test_other_studies_need_none_of_it(workflow):
    counts = workflow.scheduled("--configfile", "config/test.yaml", "--", "electronic_structure")
    assert not [name for name in counts if name.startswith("build_spin_")]
