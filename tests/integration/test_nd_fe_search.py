"""The Nd-Fe search at toy size, from the shipped data to the report."""

import re

import pytest
import yaml

from lodestone.artifacts.graph_model import GraphModel
from lodestone.artifacts.interstitials import Interstitials
from lodestone.artifacts.labelled_set import LabelledSet
from lodestone.artifacts.population import Population
from lodestone.artifacts.relaxed_candidates import RelaxedCandidates
from lodestone.artifacts.screening import Screening
from lodestone.artifacts.transfer import TEST, Transfer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
HEAD = {"fc.weight", "fc.bias"}


@pytest.fixture(scope="module")
def study(workflow, tmp_path_factory):
    """Run the study and its report once; returns the results folder and the command line."""
    path = tmp_path_factory.mktemp("config") / "study.yaml"
    one_model = {"calculations": {"chgnet": {"models": ["0.3.0", "r2scan"]}, "force_tolerance_eV_A": 0.1}}
    section = {"results_dir": "results/toy", "studies": ["nd_fe_search"], "electronic_structure": one_model}
    path.write_text(yaml.safe_dump(section))
    options = ["--profile", "profiles/local", "--cores", 2, "--configfile", "config/test.yaml", path]
    workflow.run(*options, timeout=1000)
    return workflow.root / "results/toy", options


def test_the_report_has_every_section_and_names_the_back_end(study):
    results, _ = study
    page = (results / "report.html").read_text()
    for heading in ("Models, before and after", "The genetic search", "Validation", "Light elements in voids"):
        assert heading in page
    assert "CHGNet" in page and "no DFT" in page


def test_labels_hold_no_crystal_twice_on_both_sides(study):
    root = study[0] / "nd_fe_search"
    training = LabelledSet.read(root / "labels/training.h5")
    transfer = Transfer.read(root / "transfer/0/properties.h5")
    assert set(training.names()) == set(transfer.names())
    sides = {}
    for name, split in zip(transfer.names(), transfer.split.tolist(), strict=True):
        assert sides.setdefault(name.partition("+")[0], split) == split
    assert set(sides.values()) == {0, TEST}
    published = LabelledSet.read(root / "labels/published.h5")
    compounds = [set(published.atomic_number[published.sites(k)].tolist()) for k in range(len(published))]
    assert {26, 60} not in compounds


def test_nothing_but_the_output_layer_moved(study):
    root = study[0] / "nd_fe_search/models"
    for target in ("properties", "force_field"):
        before = GraphModel.read(root / f"pretrained/{target}.h5").parameters()
        after = GraphModel.read(root / f"0/{target}.h5")
        for member in range(after.members):
            for name, values in after.parameters(member).items():
                same = values.tobytes() == before[name].tobytes()
                assert same or name in HEAD, name


def test_generations_follow_one_another_and_learn(study):
    root = study[0] / "nd_fe_search"
    populations = [Population.read(root / f"generations/{g}/population.h5") for g in range(3)]
    for g, one in enumerate(populations):
        assert one.generation == g and len(one.front()) >= 1
        known = set(one.id.tolist())
        assert set(one.parent[one.parent >= 0].tolist()) <= known
        relaxed = [RelaxedCandidates.read(path) for path in sorted((root / f"generations/{g}/relaxed").glob("*.h5"))]
        assert {int(i) for part in relaxed for i in part.id} <= known
    # The second version of the models learned from what the first generation could not judge.
    assert (root / "labels/learned1.h5").is_file()
    first, second = (Transfer.read(root / f"transfer/{version}/properties.h5") for version in (0, 1))
    assert len(second) > len(first)
    assert (second.split == TEST).sum() == (first.split == TEST).sum()


def test_the_back_end_judges_what_was_found(study):
    root = study[0] / "nd_fe_search"
    table = Screening.read(root / "screening.h5")
    assert table.kind.tolist().count(0) >= 1 and table.provenance.backend.startswith("CHGNet")
    found = Interstitials.read(root / "interstitials.h5")
    assert set(found.element.tolist()) <= {7}


def test_a_finished_study_has_nothing_to_do_and_leaves_no_ledgers(workflow, study):
    results, options = study
    assert "Nothing to be done" in workflow.run(*options)
    names = [
        path.name for path in (results / "nd_fe_search").rglob("*") if re.search(r"\.(part|checkpoint)$", path.name)
    ]
    assert names == []
