"""The Nd-Fe search of the default run, from the shipped data to the report."""

import re

import pytest

from lodestone import config
from lodestone.artifacts.graph_model import GraphModel
from lodestone.artifacts.interstitials import Interstitials
from lodestone.artifacts.labelled_set import LabelledSet
from lodestone.artifacts.population import Population
from lodestone.artifacts.relaxed_candidates import RelaxedCandidates
from lodestone.artifacts.screening import Screening
from lodestone.artifacts.transfer import TEST, Transfer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2700)]
GENERATIONS = 1 + config.defaults()["nd_fe_search"]["search"]["max_generations"]
HEAD = {"fc.weight", "fc.bias"}


@pytest.fixture(scope="module")
def root(default_run):
    """The study's folder after `make demo`."""
    return default_run / "nd_fe_search"


def test_the_report_has_every_section_and_names_the_back_end(root):
    page = (root.parent / "report.html").read_text()
    for heading in ("Models, before and after", "The genetic search", "Validation", "Light elements in voids"):
        assert heading in page
    assert "CHGNet" in page and "no DFT" in page


def test_labels_hold_no_crystal_twice_on_both_sides(root):
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


def test_nothing_but_the_output_layer_moved(root):
    for target in ("properties", "force_field"):
        before = GraphModel.read(root / f"models/pretrained/{target}.h5").parameters()
        after = GraphModel.read(root / f"models/0/{target}.h5")
        for member in range(after.members):
            for name, values in after.parameters(member).items():
                same = values.tobytes() == before[name].tobytes()
                assert same or name in HEAD, name


def test_generations_follow_one_another_and_learn(root):
    populations = [Population.read(root / f"generations/{g}/population.h5") for g in range(GENERATIONS)]
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


def test_the_back_end_judges_what_was_found(root):
    table = Screening.read(root / "screening.h5")
    assert table.kind.tolist().count(0) >= 1 and table.provenance.backend.startswith("CHGNet")
    found = Interstitials.read(root / "interstitials.h5")
    assert set(found.element.tolist()) <= {5, 6, 7, 8, 9}


def test_a_finished_study_leaves_no_ledgers(root):
    names = [path.name for path in root.rglob("*") if re.search(r"\.(part|checkpoint)$", path.name)]
    assert names == []
