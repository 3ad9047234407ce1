"""Published models: what is read, and what is refused."""

import json
import pickle
import socket

import numpy as np
import pytest
import torch
from graph_crystals import PROVENANCE, bcc, network, random_crystal, tiny
from test_graph_neighbours import alignn_graph

from lodestone.graph_models import classic, zoo
from lodestone.graph_models.errors import ModelError
from lodestone.graph_models.evaluator import Evaluator
from lodestone.graph_models.library import alignn
from lodestone.graph_models.predictor import Predictor


@pytest.fixture(autouse=True)
def single_precision():
    torch.set_default_dtype(torch.float32)


def published(folder, net, **changes):
    """Write a model the way alignn does."""
    folder.mkdir(parents=True, exist_ok=True)
    graph = net.architecture.graph
    config = {
        "cutoff": graph.two_body_cutoff_A,
        "three_body_cutoff": graph.three_body_cutoff_A,
        "max_neighbors": graph.max_neighbours,
        "atom_features": "cgcnn",
        "target": "formation_energy_peratom",
        "model": json.loads(net.config.model_dump_json()),
        **changes,
    }
    (folder / "config.json").write_text(json.dumps(config))
    torch.save(net.module.state_dict(), folder / "best_model.pt")
    return folder


def test_a_published_force_field_gives_its_published_numbers(tmp_path):
    net = network(tiny(smooth=False))
    model = zoo.load_path(published(tmp_path, net, target="energy_per_atom"), PROVENANCE)
    crystal = bcc(1)
    (found,) = Evaluator(model, "cpu")([crystal])
    said = net.module((*alignn_graph(crystal, net.architecture.graph), torch.tensor(crystal.lattice_A)))
    assert found.energy_eV == pytest.approx(2 * float(said["out"].detach()[0]), abs=1e-4)
    np.testing.assert_allclose(found.forces_eV_A, said["grad"].detach().numpy(), atol=1e-4)
    assert model.is_force_field and model.source == f"path:{tmp_path}"
    model.write(tmp_path / "m.h5")
    assert not model.architecture["smooth_messages"]


def test_a_published_regression(tmp_path):
    net = network(tiny(force_field=False, smooth=False, neighbours_kept=12))
    model = zoo.load_path(published(tmp_path / "a", net), PROVENANCE)
    assert model.targets == [["formation_energy_eV_per_atom", "eV"]]
    crystals = [random_crystal(3, 1), random_crystal(4, 2)]
    said = Predictor(model, "cpu")(crystals).value[:, 0]
    for crystal, value in zip(crystals, said, strict=True):
        expected = net.module((*alignn_graph(crystal, net.architecture.graph), torch.tensor(crystal.lattice_A)))
        assert value == pytest.approx(float(expected["out"].detach()[0]), abs=1e-4)
    weights = tmp_path / "a" / "best_model.pt"
    state = {f"module.{name}": tensor for name, tensor in torch.load(weights).items() if name != "_species_table"}
    torch.save({"model": state}, weights)
    settings = json.loads((tmp_path / "a" / "config.json").read_text())
    (tmp_path / "a" / "config.json").write_text(json.dumps({k: v for k, v in settings.items() if k != "target"}))
    named = zoo.load_path(weights, PROVENANCE, target=["K1", "MJ / m3"])
    assert named.targets == [["K1", "MJ / m3"]] and np.array_equal(named.parameter, model.parameter)


def test_a_name_of_the_zoo_is_read_from_the_cache(tmp_path):
    published(tmp_path / "magmom_oszicar_radius", network(tiny(force_field=False, smooth=False)), target="target")
    model = zoo.load_zoo("magmom_oszicar_radius", PROVENANCE, cache_dir=tmp_path)
    assert model.source == "zoo:magmom_oszicar_radius" and model.targets == [["moment_muB_per_cell", "mu_B"]]


def test_without_a_connection_the_error_says_what_to_do(tmp_path, monkeypatch):
    def offline(*_, **__):
        raise socket.gaierror("no name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", offline)
    with pytest.raises(ModelError, match="no download .* expected a connection, or a folder with config.json"):
        zoo.load_zoo("formation_energy_peratom_radius", PROVENANCE, cache_dir=tmp_path)
    with pytest.raises(ModelError, match="found no such name, expected one such as formation_energy"):
        zoo.load_zoo("formation_energy_of_mine", PROVENANCE, cache_dir=tmp_path)


class Malicious:
    def __reduce__(self):
        return (print, ("code ran",))


def test_pickled_code_does_not_run(tmp_path, capsys):
    folder = published(tmp_path, network(tiny(smooth=False)))
    (folder / "best_model.pt").write_bytes(pickle.dumps({"fc.weight": Malicious()}))
    with pytest.raises(ModelError, match="best_model.pt: found .*, expected a file of tensors"):
        zoo.load_path(folder, PROVENANCE)
    torch.save({"fc.weight": Malicious()}, folder / "best_model.pt")
    with pytest.raises(ModelError, match="best_model.pt: found pickled code"):
        zoo.load_path(folder, PROVENANCE)
    assert "code ran" not in capsys.readouterr().out


def test_damaged_files_are_refused_by_name(tmp_path):
    folder = published(tmp_path, network(tiny(smooth=False)))
    weights = folder / "best_model.pt"
    whole = weights.read_bytes()
    for damaged in (b"", b"no weights at all", whole[: len(whole) // 2], whole[:-200]):
        weights.write_bytes(damaged)
        with pytest.raises(ModelError, match="best_model.pt: found .*, expected a file of tensors"):
            zoo.load_path(folder, PROVENANCE)
    torch.save([1, 2], weights)
    with pytest.raises(ModelError, match="found a list, not tensors by name"):
        zoo.load_path(folder, PROVENANCE)
    weights.unlink()
    with pytest.raises(ModelError, match="best_model.pt: found no such file"):
        zoo.load_path(folder, PROVENANCE)
    (folder / "config.json").write_text("{")
    with pytest.raises(ModelError, match="config.json: found no JSON"):
        zoo.load_path(folder, PROVENANCE)
    (folder / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="found no section 'model'"):
        zoo.load_path(folder, PROVENANCE)
    with pytest.raises(ModelError, match="nowhere: found no such file or folder"):
        zoo.load_path(tmp_path / "nowhere", PROVENANCE)


def changed(name, tensor):
    def change(state):
        return {**state, name: tensor}

    return change


WRONG = {
    "no fc.bias and 0 others": lambda state: {n: t for n, t in state.items() if n != "fc.bias"},
    "fc.scale and 0 others too many": changed("fc.scale", torch.zeros(1)),
    r"fc.weight of shape \(1, 3\), expected \(1, 16\)": changed("fc.weight", torch.zeros(1, 3)),
    "numbers that are not finite": changed("fc.bias", torch.full((1,), torch.nan)),
    "centers other than those": changed("edge_embedding.0.centers", torch.zeros(80)),
    r"classic ALIGNN \(batch norms\)": changed("gcn_layers.0.bn_nodes.running_mean", torch.zeros(16)),
}


@pytest.mark.parametrize("message", WRONG)
def test_weights_of_another_model_are_refused(message, tmp_path):
    folder = published(tmp_path, network(tiny(smooth=False)))
    weights = folder / "best_model.pt"
    torch.save(WRONG[message](torch.load(weights)), weights)
    with pytest.raises(ModelError, match=message):
        zoo.load_path(folder, PROVENANCE)


def test_settings_of_another_model_are_refused(tmp_path):
    net = network(tiny(smooth=False))
    for name, message in (("alignn", "classic ALIGNN model"), ("alignn_atomwise_pure_smooth", "model name")):
        folder = published(tmp_path, net, model={**json.loads(net.config.model_dump_json()), "name": name})
        with pytest.raises(ModelError, match=message):
            zoo.load_path(folder, PROVENANCE)
    folder = published(tmp_path, net, atom_features="basic")
    with pytest.raises(ModelError, match="config.json: found model.atom_input_features: 92, expected"):
        zoo.load_path(folder, PROVENANCE)


def has_dgl():
    try:
        classic.require_dgl("x")
    except ModelError:
        return False
    return True


@pytest.mark.skipif(has_dgl(), reason="DGL is there")
def test_classic_models_say_that_they_need_dgl(tmp_path):
    with pytest.raises(ModelError, match=r"found no usable DGL .*, expected dgl 1.1.3"):
        classic.ClassicModel(tmp_path)


@pytest.mark.skipif(not has_dgl(), reason="an optional component: DGL is not there")
def test_classic_models_give_features_and_a_head(tmp_path):
    library = alignn("models.alignn")
    settings = {"name": "alignn", "alignn_layers": 1, "gcn_layers": 1, "hidden_features": 16, "atom_input_features": 92}
    module = library.ALIGNN(library.ALIGNNConfig(**settings)).eval()
    (tmp_path / "config.json").write_text(json.dumps({"model": settings, "cutoff": 8.0, "max_neighbors": 12}))
    torch.save({"model": module.state_dict()}, tmp_path / "best_model.pt")
    model = classic.ClassicModel(tmp_path)
    body = model.features([bcc(1), random_crystal(3, 1)])
    weight, bias = model.head
    np.testing.assert_allclose(body.features @ weight.T + bias, body.output, atol=1e-5)
