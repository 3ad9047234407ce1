"""Jobs of the electronic-structure study: as many as the switches ask for, planned in time."""

import resource

import pytest
import yaml

PLANNING_LIMIT_S = 60
STAGES = ("prepare_calculations", "run_calculations", "collect_calculations")


@pytest.fixture
def planned(workflow, tmp_path):
    """Return a function: the number of jobs of each rule for the test config with keys of `calculations` changed."""

    def scheduled(timeout=120, **calculations):
        path = tmp_path / "variant.yaml"
        path.write_text(yaml.safe_dump({"electronic_structure": {"calculations": calculations}}))
        options = ["--configfile", "config/test.yaml", path, "--", "electronic_structure"]
        return workflow.scheduled(*options, timeout=timeout)

    return scheduled


def test_three_thousand_calculations_are_planned_in_time(planned):
    def spent():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before = spent()
    counts = planned(timeout=900, batches=3000)
    # Seconds of the processor, which other work on the machine does not stretch.
    assert spent() - before < PLANNING_LIMIT_S
    assert {counts[stage] for stage in STAGES} == {3001}


def test_every_step_has_its_batches_and_elements_their_energies(planned):
    counts = planned(backend="abinit", steps=["relax", "static", "anisotropy"], batches=4, reference_batches=2)
    # Three steps of four batches, and two steps of two batches of the elements.
    assert {counts[stage] for stage in STAGES} == {16}
    assert (counts["check_calculations"], counts["derive_stability"], counts["derive_anisotropy"]) == (2, 1, 1)


def test_constrained_moments_need_no_elements(planned):
    counts = planned(backend="abinit", steps=["constrained"], batches=3)
    assert {counts[stage] for stage in STAGES} == {3}
    assert counts["check_calculations"] == 1
    assert "derive_stability" not in counts and "build_element_references" not in counts


def test_steps_that_a_fitted_model_cannot_do_are_refused(workflow, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("electronic_structure: {calculations: {steps: [relax, anisotropy]}}\n")
    printed = workflow.run("--dry-run", "--cores", 1, "--configfile", path, check=False)
    assert "electronic_structure.calculations.steps[1]: found anisotropy with backend chgnet" in printed
