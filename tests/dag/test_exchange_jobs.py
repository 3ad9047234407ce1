"""Which jobs couplings from files need, and which those that AkaiKKR or GPAW computes."""

import pytest
import yaml


@pytest.fixture
def scheduled(workflow, tmp_path):
    """Return a function: the jobs of the study with other keys in the section on exchange."""

    def jobs(**keys):
        path = tmp_path / "variant.yaml"
        path.write_text(yaml.safe_dump({"results_dir": "results/exchange", "electronic_structure": {"exchange": keys}}))
        return workflow.scheduled("--configfile", "config/test.yaml", path, "--", "electronic_structure")

    return jobs


def test_files_are_read(scheduled):
    counts = scheduled()
    assert (counts["read_exchange"], counts["compute_curie"]) == (1, 1)
    assert "run_kkr" not in counts


def test_akaikkr_runs_for_every_crystal_named(scheduled):
    counts = scheduled(source="akaikkr", crystals=["Fe", "NdFe5"])
    assert {counts[name] for name in ("prepare_kkr", "run_kkr", "collect_kkr", "compute_curie")} == {2}
    assert "read_exchange" not in counts


def test_gpaw_runs_for_every_crystal_named(scheduled):
    counts = scheduled(source="gpaw", crystals=["Fe", "YCo5"])
    assert {counts[name] for name in ("prepare_gpaw", "run_gpaw", "collect_gpaw", "compute_curie")} == {2}
    assert not {"read_exchange", "run_kkr"} & set(counts)


def test_no_crystal_no_job(scheduled):
    assert "compute_curie" not in scheduled(files=[])
