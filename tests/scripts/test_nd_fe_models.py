"""Scripts of the labels and models of the Nd-Fe search, called with a stand-in job at the test size."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from nd_fe_study import CHOOSING, PRETRAINING, TARGETS, TRANSFER, Study
from unit.graph_crystals import labelled, network, tiny

from lodestone.artifacts.base import ArtifactError
from lodestone.artifacts.graph_model import GraphModel
from lodestone.artifacts.labelled_set import LabelledSet
from lodestone.artifacts.transfer import TEST, Transfer
from lodestone.graph_models.errors import ModelError
from lodestone.graph_models.model import HEAD
from lodestone.structures.errors import StructureError

ONE_CRYSTAL = {"lattice": (3 * np.eye(3)).tolist(), "frac_coords": [[0, 0, 0], [0.5, 0.5, 0.5]]}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return Study(tmp_path_factory.mktemp("results"))


def moved(before, after):
    """Names of the parameters that differ."""
    first, second = before.parameters(), after.parameters()
    return {name for name in first if not np.array_equal(first[name], second[name])}


def test_published_labels_hold_what_was_asked_for_and_no_compound_of_the_two_elements(study):
    path, again = study.nf.labels("chosen"), study.nf.labels("again")
    log = study.choose(path)
    assert "40 crystals with labels by DFT of the Materials Project" in log
    found = LabelledSet.read(path)
    kinds = [set(found.atomic_number[found.sites(k)].tolist()) for k in range(len(found))]
    assert len(found) == 40 and found.site_counts().max() <= 4
    assert not any(len(kind) > 1 and kind <= {26, 60} for kind in kinds)
    assert not {"compound", "oxide"} & set(found.names()) and not any(8 in kind for kind in kinds)
    assert found.has_formation_energy.all() and found.has_moment_label.all() and not found.has_forces.any()
    LabelledSet.verify_parents(path, [study.published])
    study.choose(again)
    assert Path(again).read_bytes() == Path(path).read_bytes()
    study.choose(again, seed=8)
    assert LabelledSet.read(again).names() != found.names()


@pytest.mark.parametrize("script", ["select_published_labels", "select_anisotropy_labels"])
def test_a_file_in_which_no_crystal_fits_is_named(study, script, tmp_path):
    file, out = tmp_path / "alone.jsonl.gz", tmp_path / "never.h5"
    record = {"id": "a", "species": ["Nd", "Fe"], **ONE_CRYSTAL, **dict.fromkeys([*TARGETS, "anisotropy_MJ_m3"], 1.0)}
    file.write_bytes(gzip.compress(json.dumps(record).encode()))
    with pytest.raises(StructureError, match=r"alone\.jsonl\.gz: no crystal of up to 4 sites fits"):
        study.run(script, {"published": str(file)}, {"labels": str(out)}, settings=CHOOSING)
    assert "alone.jsonl.gz" in study.log(script).read_text() and not out.exists()


def test_a_training_gives_the_same_bytes_again_and_leaves_no_checkpoint(study):
    labels, again = study.nf.labels("published"), study.path("again.h5")
    start = study.start
    study.pretrain(labels, again)
    made = GraphModel.read(start)
    assert made.target_names == TARGETS and len(made.train_loss) == PRETRAINING["epochs"]
    assert made.task == "regression" and made.labels_from == LabelledSet.read(labels).labels_from
    assert Path(again).read_bytes() == Path(start).read_bytes()
    GraphModel.verify_parents(start, [labels])
    assert not Path(f"{again}.checkpoint").exists()


def test_the_wrong_kind_of_file_and_a_damaged_one_are_refused_by_name(study):
    labels, never, damaged = study.labels[0], study.path("never.h5"), Path(study.path("damaged.h5"))
    with pytest.raises(ArtifactError, match=r"properties\.h5: schema: found 'graph_model', expected 'labelled_set'"):
        study.pretrain(study.start, never)
    with pytest.raises(ArtifactError, match=r"training\.h5: schema: found 'labelled_set', expected 'graph_model'"):
        study.specialise(labels, [labels], version=8)
    whole = Path(study.start).read_bytes()
    for content in (b"", b"no model", whole[: len(whole) // 2]):
        damaged.write_bytes(content)
        with pytest.raises(ArtifactError, match=r"damaged\.h5: file: found"):
            study.specialise(str(damaged), [labels], version=8)
        assert "damaged.h5" in study.log("transfer_model").read_text()
    assert not Path(never).exists() and not Path(study.nf.model("properties", 8)).exists()


def test_the_head_alone_is_specialised_as_an_ensemble_with_the_same_bytes_each_time(study):
    before, after = GraphModel.read(study.start), GraphModel.read(study.model)
    assert moved(before, after) == set(HEAD) == set(after.moved)
    assert after.members == TRANSFER["ensemble"] and after.labels_from == "Morse pairs"
    assert after.coverage_level == TRANSFER["coverage_level"] and (after.interval_factor > 0).all()
    GraphModel.verify_parents(study.model, [study.start, study.labels[0]])
    found, known = Transfer.read(study.nf.transfer("properties", 0)), LabelledSet.read(study.labels[0])
    assert found.names() == known.names() and found.scope == "head"
    assert found.true[:, 0] == pytest.approx(known.formation_energy_eV_per_atom)
    errors = {stage: np.abs(getattr(found, stage) - found.true)[found.split != TEST] for stage in ("before", "after")}
    assert errors["after"][:, 0].mean() < errors["before"][:, 0].mean()
    whole = Path(study.model).read_bytes()
    study.specialise(study.start, study.labels[:1], version=0)
    assert Path(study.model).read_bytes() == whole


def test_a_later_version_learns_more_and_keeps_its_test_crystals(study):
    assert Path(study.model).exists()
    study.specialise(study.start, study.labels, version=1)
    old, new = (Transfer.read(study.nf.transfer("properties", version)) for version in (0, 1))
    tested = [{name for name, part in zip(t.names(), t.split, strict=True) if part == TEST} for t in (old, new)]
    assert tested[0] == tested[1] and len(tested[0]) > 0
    assert set(new.names()) - set(old.names()) == {f"s5-{k}" for k in range(4)}
    Transfer.verify_parents(study.nf.transfer("properties", 1), [study.start, *study.labels])


def test_too_few_labels_are_refused_with_the_number_of_groups(study):
    few = study.path("few.h5")
    labelled(4, elements=(26, 60)).write(few)
    with pytest.raises(ModelError, match="found 4 crystals in 2 groups, expected three groups at least"):
        study.specialise(study.start, [few], version=8)


def test_anisotropy_constants_are_learned_on_top_of_the_other_properties(study):
    labels, model, transfer = study.nf.labels("anisotropy"), study.nf.anisotropy_model(), study.nf.anisotropy_transfer()
    study.anisotropy(labels, model, transfer, count=30, scope="full")
    known, fitted, found = LabelledSet.read(labels), GraphModel.read(model), Transfer.read(transfer)
    assert len(known) == 30 and known.has_anisotropy.all() and not known.has_formation_energy.any()
    kinds = [frozenset(known.atomic_number[known.sites(k)].tolist()) for k in range(len(known))]
    assert frozenset({26, 60}) not in kinds
    assert len(set(kinds)) == len(set(known.group.tolist())) == len(set(zip(kinds, known.group.tolist(), strict=True)))
    assert fitted.targets == [["anisotropy_MJ_m3", "MJ / m3"]] and fitted.labels_from.endswith("Novamag")
    assert found.true[:, 0] == pytest.approx(known.anisotropy_MJ_m3) and (found.before == 0).all()
    assert moved(GraphModel.read(study.start), fitted) > set(HEAD) and np.abs(found.after).max() > 0
    GraphModel.verify_parents(model, [study.start, labels])
    assert not [path.name for path in study.root.rglob("*") if ".checkpoint" in path.name]


@pytest.fixture
def load_model(study, tmp_path):
    """Return a function that loads a file or folder as the model of a target."""

    def loaded(model, target="formation_energy", source="files"):
        out, settings = str(tmp_path / f"{target}.h5"), {"source": source, "model": str(model)}
        log = study.run("load_model", {}, {"model": out}, {"target": target}, settings=settings)
        return GraphModel.read(out), log

    return loaded


@pytest.fixture
def folder(tmp_path):
    """A model in files as ALIGNN writes them."""
    net = network(tiny(force_field=False, smooth=False))
    graph, model = net.architecture.graph, json.loads(net.config.model_dump_json())
    cutoffs = {"cutoff": graph.two_body_cutoff_A, "three_body_cutoff": graph.three_body_cutoff_A}
    config = {**cutoffs, "max_neighbors": None, "atom_features": "cgcnn", "target": "magmom_oszicar", "model": model}
    path = tmp_path / "model"
    path.mkdir()
    (path / "config.json").write_text(json.dumps(config))
    torch.save(net.module.state_dict(), path / "best_model.pt")
    return path


def test_a_model_of_files_is_what_its_settings_say_or_else_its_key(load_model, folder):
    moment, _ = load_model(folder, "moment")
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({k: v for k, v in settings.items() if k != "target"}))
    energy, log = load_model(folder)
    assert energy.targets == [["formation_energy_eV_per_atom", "eV"]] and energy.source == f"path:{folder}"
    assert moment.targets == [["moment_muB_per_cell", "mu_B"]]
    assert np.array_equal(energy.parameter, moment.parameter) and energy.provenance.parents == {}
    assert f"{folder}: formation_energy_eV_per_atom with {energy.parameter.shape[1]} parameters" in log


def test_files_that_are_no_model_are_refused_by_name_and_nothing_is_written(load_model, folder, study, tmp_path):
    weights = folder / "best_model.pt"
    whole = weights.read_bytes()
    for content in (b"", whole[: len(whole) // 2], Path(study.start).read_bytes()):
        weights.write_bytes(content)
        with pytest.raises(ModelError, match=r"best_model\.pt: found .*, expected a file of tensors"):
            load_model(folder)
        assert "best_model.pt" in study.log("load_model").read_text()
    with pytest.raises(ModelError, match=r"pretrained/config\.json: found no such file"):
        load_model(study.start)
    with pytest.raises(ModelError, match=r"nowhere: found no such file or folder, expected a folder with config\.json"):
        load_model(folder / "nowhere")
    with pytest.raises(ModelError, match="zoo model 'no_such_name': found no such name, expected one such as"):
        load_model("no_such_name", source="zoo")
    assert not (tmp_path / "formation_energy.h5").exists()


@pytest.mark.parametrize("target", ["force_field", "formation_energy"])
def test_a_model_of_something_else_than_its_key_says_is_refused(load_model, folder, target):
    """The files hold a regression of moments."""
    with pytest.raises(ModelError, match="magmom|moment|force field"):
        load_model(folder, target)
