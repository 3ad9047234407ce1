"""A material from electronic structure ties the two studies together; numbers leave them apart."""

import re

import pytest
import yaml


@pytest.fixture
def planned(workflow, tmp_path):
    """Return a function: what a dry run of a target prints with this material."""

    def printed(material, *options, target="hysteresis", **exchange):
        path = tmp_path / "variant.yaml"
        config = {"results_dir": "results/tied", "hysteresis": {"material": material}}
        config["electronic_structure"] = {"exchange": exchange}
        path.write_text(yaml.safe_dump(config))
        return ["--configfile", "config/test.yaml", path, *options, "--", target]

    return printed


def test_numbers_need_no_electronic_structure(workflow, planned):
    counts = workflow.scheduled(*planned({"mu0_Ms_T": 1.5}))
    assert not {"derive_material", "compute_curie", "read_exchange"} & set(counts)


def test_a_crystal_brings_its_jobs(workflow, planned):
    counts = workflow.scheduled(*planned({"from": "bcc_Fe", "fallback_K1_J_m3": 1e6}))
    assert {counts[name] for name in ("read_exchange", "compute_curie", "derive_material")} == {1}
    assert counts["compute_loops"] == 2
    assert "derive_anisotropy" not in counts  # the test config computes none


def test_every_job_that_needs_the_material_waits_for_it(workflow, planned):
    options = planned({"from": "bcc_Fe", "fallback_K1_J_m3": 1e6}, target="all")
    drawn = workflow.run("--rulegraph", "dot", *options)
    names = dict(re.findall(r'(\d+)\[label ?= ?"(\w+)"', drawn))
    after = {names[b] for a, b in re.findall(r"(\d+) -> (\d+)", drawn) if names[a] == "derive_material"}
    assert after == {"compute_loops", "collect_dataset", "morph_structures", "search_designs", "render_report"}


def test_a_computed_anisotropy_goes_into_the_material(workflow, tmp_path):
    path = tmp_path / "variant.yaml"
    section = {
        "calculations": {"backend": "abinit", "steps": ["static", "anisotropy"], "batches": 2},
        "exchange": {"source": "akaikkr", "crystals": ["NdFe5"]},
    }
    config = {"electronic_structure": section, "hysteresis": {"material": {"from": "NdFe5"}}}
    path.write_text(yaml.safe_dump(config))
    counts = workflow.scheduled("--configfile", "config/test.yaml", path, "--", "hysteresis", timeout=120)
    wanted = ("derive_anisotropy", "derive_material", "run_kkr", "compute_curie")
    assert {counts[name] for name in wanted} == {1}
    assert counts["run_calculations"] >= 4


def test_an_artifact_by_its_path_is_taken_as_it_is(workflow, planned):
    printed = workflow.run("-n", "--cores", 1, *planned({"from": "my/material.h5"}), check=False)
    assert "MissingInputException" in printed and "my/material.h5" in printed
    assert "derive_material" not in printed


def test_an_unknown_crystal_is_refused_by_key(workflow, planned):
    printed = workflow.run("-n", "--cores", 1, *planned({"from": "hcp_Co"}), check=False)
    told = "hysteresis.material.from: found hcp_Co, allowed: a crystal with exchange couplings (bcc_Fe) or a path"
    assert told in printed
