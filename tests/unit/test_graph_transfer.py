"""Transfer: what moves, what is learned, what the intervals hold."""

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from graph_crystals import PROVENANCE, bcc, force_field, labelled, network, random_crystal, tiny

from lodestone.artifacts.transfer import Transfer
from lodestone.graph_models import bodies, derivatives, ensemble, graphs, heads, mechanics
from lodestone.graph_models.deep_transfer import remove_checkpoints
from lodestone.graph_models.errors import ModelError
from lodestone.graph_models.evaluator import Evaluator
from lodestone.graph_models.losses import Weights
from lodestone.graph_models.model import HEAD, model_of, select_target, with_heads
from lodestone.graph_models.predictor import Predictor
from lodestone.graph_models.samples import Samples
from lodestone.graph_models.transfer import TransferSettings, specialise

LOG = logging.getLogger("test")
CPU = torch.device("cpu")
TARGETS = [["formation_energy_eV_per_atom", "eV"], ["moment_muB_per_atom", "mu_B"]]


def properties_model(seed=0, names=TARGETS):
    net = network(force_field=False, outputs=len(names), seed=seed)
    return model_of(
        net, force_field=False, targets=names, source="here", labels_from="none", provenance=PROVENANCE
    )  # fmt: skip


def transferred(model, labels, **settings):
    return specialise(
        model, labels, TransferSettings(device="cpu", **settings), seed=1, checkpoint_path=None, log=LOG,
        provenance=PROVENANCE,
    )  # fmt: skip


@pytest.fixture(scope="module")
def of_properties():
    model, labels = properties_model(), labelled(60, elements=(26, 60))
    return model, labels, *transferred(model, labels)


@pytest.fixture(scope="module")
def of_forces():
    """Labels of a force field that differs in its head alone: what a transfer of the head has to find."""
    model, labels = force_field(), labelled(30, elements=(26, 60))
    weight, bias = (model.parameters()[name] for name in HEAD)
    turned = np.random.default_rng(5).normal(size=weight.shape).astype(np.float32)
    teacher = with_heads(model, [(turned, bias + 1)])
    samples = Samples.of(labels, ["energy_eV_per_atom"])
    said = Evaluator(teacher, "cpu")(samples.geometries)
    labels = replace(
        labels,
        energy_eV=np.array([result.energy_eV for result in said]),
        force_eV_A=np.concatenate([result.forces_eV_A for result in said]),
        stress_eV_A3=np.stack([result.stress_eV_A3 for result in said]),
    )
    return model, labels, *transferred(model, labels, ensemble=3, force_equations=400)


@pytest.mark.parametrize("case", ["of_properties", "of_forces"])
def test_nothing_but_the_head_moves(case, request):
    start, _, after, transfer = request.getfixturevalue(case)
    old = start.parameters()
    for member in range(after.members):
        for name, parameter in after.parameters(member).items():
            same = np.array_equal(parameter.view(np.uint32), old[name].view(np.uint32))
            assert same != (name in HEAD), name
    assert after.moved == list(HEAD) and transfer.scope == "head"


def test_properties_become_better_on_crystals_that_were_not_seen(of_properties):
    _, labels, _, transfer = of_properties
    for name, _ in TARGETS:
        found = transfer.metrics[name]
        assert found["after"]["test"]["r2"] > 0.9 > found["before"]["test"]["r2"]
        assert found["after"]["test"]["mae"] < found["before"]["test"]["mae"]
        assert np.isfinite(found["out_of_fold"]["train"]["mae"])
    assert set(transfer.group[transfer.split == 0]).isdisjoint(transfer.group[transfer.split == 1])
    assert np.isnan(transfer.out_of_fold[transfer.split == 1]).all()
    assert np.isfinite(transfer.out_of_fold[transfer.split == 0]).all()
    assert (transfer.split == 1).sum() == 12 and transfer.metrics["moment_muB_per_atom"]["after"]["test"]["count"] < 12


@pytest.mark.parametrize("case", ["of_properties", "of_forces"])
def test_the_model_says_what_the_transfer_says(case, request, tmp_path):
    _, labels, after, transfer = request.getfixturevalue(case)
    samples = Samples.of(labels, transfer.target_names)
    said = Predictor(after, "cpu")(samples.geometries)
    order = [samples.names.index(name) for name in transfer.names()]
    np.testing.assert_allclose(said.value[order], transfer.after, atol=2e-5)
    np.testing.assert_allclose(said.sigma[order], transfer.sigma, atol=2e-5)
    np.testing.assert_allclose(transfer.after - transfer.lower, said.half_width[order], atol=2e-4)
    transfer.write(tmp_path / "t.h5")
    assert Transfer.read(tmp_path / "t.h5").metrics == transfer.metrics


def test_the_head_behind_energies_forces_and_stresses_is_found(of_forces):
    _, labels, after, transfer = of_forces
    for kind in ("force_eV_A", "stress_eV_A3"):
        errors = [transfer.metrics["forces"][stage]["test"][kind]["mae"] for stage in ("before", "after")]
        assert errors[1] < 0.1 * errors[0]
    assert transfer.metrics["energy_eV_per_atom"]["after"]["test"]["r2"] > 0.99
    evaluated = Evaluator(after, "cpu")(Samples.of(labels, ["energy_eV_per_atom"]).geometries)
    rows = [int(name.split("-")[1]) for name in transfer.names()]
    np.testing.assert_allclose(
        np.concatenate([evaluated[k].forces_eV_A for k in rows]), transfer.force_after_eV_A, atol=1e-9
    )


@pytest.mark.parametrize("scope", ["last_layers", "full"])
def test_deeper_scopes_move_what_they_say(scope, tmp_path):
    start, labels = properties_model(), labelled(20, elements=(26, 60))
    settings = TransferSettings(scope=scope, epochs=2, folds=2, ensemble=2, device="cpu")
    state = tmp_path / "state"
    after, transfer = specialise(start, labels, settings, seed=1, checkpoint_path=state, log=LOG, provenance=PROVENANCE)
    old = start.parameters()
    moved = {n for k in range(after.members) for n, p in after.parameters(k).items() if not np.array_equal(p, old[n])}
    assert set(HEAD) <= moved <= set(after.moved)
    assert any(name.startswith("atom_embedding") for name in moved) == (scope == "full")
    assert after.members == 2
    again, _ = specialise(start, labels, settings, seed=1, checkpoint_path=state, log=LOG, provenance=PROVENANCE)
    np.testing.assert_array_equal(again.parameter, after.parameter)
    assert transfer.scope == scope and len(list(tmp_path.iterdir())) == 2
    remove_checkpoints(state)
    assert not list(tmp_path.iterdir())


def test_a_force_field_can_be_moved_as_a_whole():
    after, transfer = transferred(force_field(), labelled(8), scope="full", epochs=1, folds=2, ensemble=2)
    assert after.members == 2 and len(transfer.force_after_eV_A) == transfer.site_offset[-1] > 0


def test_a_moment_of_the_cell_becomes_one_per_atom():
    model = properties_model(names=[["moment_muB_per_cell", "mu_B"]])
    labels = labelled(30, elements=(26, 60))
    after, transfer = transferred(model, labels)
    assert after.targets == [["moment_muB_per_atom", "mu_B"]]
    samples = Samples.of(labels, ["moment_muB_per_atom"])
    cell = Predictor(model, "cpu")(samples.geometries).value[:, 0]
    order = [samples.names.index(name) for name in transfer.names()]
    np.testing.assert_allclose(transfer.before[:, 0], (cell / samples.site_counts)[order], atol=1e-6)
    assert transfer.metrics["moment_muB_per_atom"]["after"]["test"]["r2"] > 0.9


def test_further_sets_are_learned_from_but_not_tested_on():
    sets = [labelled(20, elements=(26, 60)), labelled(10, elements=(26, 60), seed=5)]
    _, transfer = transferred(properties_model(), sets)
    tested = [name for name, split in zip(transfer.names(), transfer.split, strict=True) if split]
    assert tested and all(name.startswith("s0-") for name in tested) and len(transfer) == 30


def test_equations_of_forces_are_exact():
    """All components one by one: the rows times the head are the network's forces and stresses."""
    net = network(seed=6)
    labels = labelled(4, elements=(26, 60))
    samples = Samples.of(labels, ["energy_eV_per_atom"])
    weights = Weights(1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
    rows = mechanics.equations(net, samples, np.arange(4), weights, 0, 1, CPU)
    head = net.module.fc.weight[0].detach().double().numpy()
    found = derivatives.evaluate(net, graphs.build(samples.geometries, net.architecture.graph))
    start = 0
    for k, count in enumerate(samples.site_counts):
        forces = found.forces_eV_A[start : start + count].double().numpy()
        start += count
        scale = 1 / np.sqrt(3 * count)
        np.testing.assert_allclose((rows.matrix[k] @ head)[: 3 * count], scale * forces.ravel(), atol=2e-4)
        np.testing.assert_allclose(rows.value[k][: 3 * count], scale * samples.forces_eV_A[k].ravel(), atol=2e-4)
        stress = found.stress_eV_A3[k].double().numpy()
        error = (rows.matrix[k] @ head - rows.value[k])[3 * count :]
        expected = ((stress - samples.stress_eV_A3[k]) ** 2).sum() / 9
        assert (error**2).sum() == pytest.approx(expected, rel=1e-2)


def test_heads_by_least_squares():
    rng = np.random.default_rng(1)
    inputs, truth = np.column_stack([rng.normal(size=(50, 4)), np.ones(50)]), np.array([1.0, -2, 0.5, 0, 3])
    equations = heads.Equations.of([row[None] for row in inputs], [row[None] @ truth for row in inputs])
    np.testing.assert_allclose(equations.solve(np.ones(50), np.zeros(5), 0.0), truth, atol=1e-6)
    held = equations.solve(np.ones(50), np.array([9.0, 9, 9, 9, 0]), 1e9)
    np.testing.assert_allclose(held[:4], 9, atol=1e-3)
    rows, priors = np.arange(50), {"far": np.full(5, 9.0), "zero": np.zeros(5)}
    chosen = heads.choose(equations, rows, rows % 5, rows, priors)
    assert chosen.strength < 1e-4 and abs(chosen.error) < 1e-6
    noise = heads.Equations.of([row[None] for row in inputs], list(rng.normal(size=(50, 1))))
    kept = heads.choose(noise, rows, rows % 5, rows, {"zero": np.zeros(5), "far": np.full(5, 9.0)})
    assert kept.prior_name == "zero" and kept.strength > 0.1
    weight = heads.bootstrap_weights(np.arange(50) // 2, np.arange(40), rng, 50)
    assert weight[40:].sum() == 0 and weight[0] == weight[1] and weight.sum() == 40


def test_intervals_hold_what_they_say():
    rng = np.random.default_rng(2)
    sigma = rng.uniform(0.1, 1.0, 4000)
    residual = rng.normal(size=4000) * sigma
    for level in (0.5, 0.9):
        factor, floor = ensemble.calibrate(residual[:2000], sigma[:2000], level)
        half = ensemble.half_width(sigma[2000:], factor, floor)
        covered = ensemble.coverage(residual[2000:], -half, half)
        assert covered["share"] == pytest.approx(level, abs=0.03)
    factor, floor = ensemble.calibrate(np.array([1.0, 2.0]), np.zeros(2), 0.9)
    assert factor * floor == pytest.approx(2.0)
    assert ensemble.calibrate(np.zeros(0), np.zeros(0), 0.9) == (0.0, 0.0)
    perfect = ensemble.errors(np.arange(4.0), np.arange(4.0))
    assert perfect == {"r2": 1.0, "mae": 0.0, "rmse": 0.0, "count": 4.0}


def test_one_output_of_several():
    model = properties_model()
    one = select_target(model, "moment_muB_per_atom")
    crystals = [random_crystal(3, 1), bcc(1)]
    both, single = (Predictor(m, "cpu")(crystals) for m in (model, one))
    np.testing.assert_allclose(single.value[:, 0], both.value[:, 1], atol=1e-6)
    with pytest.raises(ModelError, match="expected colour"):
        select_target(model, "colour")


def test_features_are_what_the_head_reads():
    model = properties_model(3)
    body = bodies.features(network(force_field=False, outputs=2, seed=3), [bcc(1), random_crystal(2, 2)], CPU)
    parameters = model.parameters()
    np.testing.assert_allclose(
        body.features @ parameters["fc.weight"].T + parameters["fc.bias"], body.output, atol=1e-6
    )


def test_what_cannot_be_transferred_is_refused():
    with pytest.raises(ModelError, match="scope: found 'tail', expected head, last_layers, full"):
        TransferSettings(scope="tail")
    with pytest.raises(ModelError, match="coverage_level: found 1.5"):
        TransferSettings(coverage_level=1.5)
    with pytest.raises(ModelError, match="three groups at least"):
        transferred(properties_model(), labelled(2))
    strange = labelled(8)
    numbers = strange.atomic_number.copy()
    numbers[strange.sites(3)] = 105
    with pytest.raises(ModelError, match="s0-3: found atomic number 105"):
        transferred(properties_model(), replace(strange, atomic_number=numbers))
    assert tiny().smooth_messages
