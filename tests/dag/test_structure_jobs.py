"""Where the crystals come from decides which jobs are planned."""

import pytest
import yaml


@pytest.fixture
def planned(workflow, tmp_path):
    """Return a function: what a dry run of the structure set prints for these keys, and the jobs of each rule."""

    def plan(check=True, **structures):
        path = tmp_path / "variant.yaml"
        results = tmp_path / "results"
        changes = {"results_dir": str(results), "electronic_structure": {"structures": structures}}
        path.write_text(yaml.safe_dump(changes))
        target = results / "electronic_structure" / "structures" / "crystals.h5"
        arguments = ["--configfile", "config/test.yaml", path, "--", target]
        if not check:
            return workflow.run("--dry-run", "--cores", 1, *arguments, check=False)
        return workflow.scheduled(*arguments)

    return plan


def test_prototypes_need_nothing_but_the_snapshot(planned):
    assert planned(source="prototypes") == {"build_structure_set": 1}


def test_the_materials_project_is_asked_in_a_job_of_its_own(planned):
    assert planned(source="materials_project") == {"build_structure_set": 1, "download_structures": 1}


def test_a_missing_file_is_named_before_anything_runs(planned, tmp_path):
    printed = planned(check=False, source="files", files=[str(tmp_path / "none.cif")])
    assert "Missing input files for rule build_structure_set" in printed
    assert "none.cif" in printed


def test_names_that_snakemake_would_misread_are_named(planned, tmp_path):
    crystals = tmp_path / "crystals"
    crystals.mkdir()
    for name in ("Nd{x}Fe5.cif", "Fe #1 é.cif"):
        (crystals / name).write_text("")
    printed = planned(check=False, source="files", files=[str(crystals)])
    assert "Nd{x}Fe5.cif, allowed: names without braces" in printed
    (crystals / "Nd{x}Fe5.cif").unlink()
    assert planned(source="files", files=[str(crystals)]) == {"build_structure_set": 1}
