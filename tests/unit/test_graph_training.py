"""Trainings: gradients, learning, resuming, splits."""

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from graph_crystals import PROVENANCE, bcc, labelled, network, tiny, trained_force_field
from graph_worker import train

from lodestone.artifacts.labelled_set import LabelledSet
from lodestone.graph_models import derivatives, elements, graphs, losses
from lodestone.graph_models.errors import ModelError
from lodestone.graph_models.optimiser import AdamW, learning_rate
from lodestone.graph_models.predictor import Predictor
from lodestone.graph_models.samples import Samples, folds_of, split_groups
from lodestone.graph_models.training import TrainingSettings, pretrain_regression

LOG = logging.getLogger("test")
HERE = Path(__file__).parent
PROPERTIES = ("formation_energy_eV_per_atom", "moment_muB_per_atom")


def regression(labels, epochs, **settings):
    return pretrain_regression(
        labels, PROPERTIES, tiny(force_field=False, outputs=2),
        TrainingSettings(epochs=epochs, device="cpu", **settings), seed=1, checkpoint_path=None, log=LOG,
        provenance=PROVENANCE,
    )  # fmt: skip


def test_gradient_of_a_force_field_is_that_of_second_order():
    """The central difference against torch's derivative of the derivative, in double precision."""
    samples = Samples.of(labelled(8, elements=(26, 60)), ["energy_eV_per_atom"])
    samples.exists[2], samples.has_forces[3] = False, False
    weights, rows, cpu = losses.Weights(1, 1, 0.3, 0.4, 0.5, 0.03), np.arange(6), torch.device("cpu")
    net = network(seed=2)
    loss = losses.ForceField(samples, samples.value[:, 0] + 7, weights, net, cpu)
    value = loss.train(net, rows)
    found = torch.cat([p.grad.flatten() for p in net.module.parameters() if p.grad is not None])
    exact = network(seed=2, dtype=torch.float64)
    exact.compiled = False
    expected = second_order(exact, samples, weights, rows)
    expected.backward()
    expected = float(expected.detach())
    gradient = torch.cat([p.grad.flatten() for p in exact.module.parameters() if p.grad is not None])
    assert value == pytest.approx(expected, rel=1e-5)
    assert value == pytest.approx(loss.measure(net, rows), rel=1e-5)
    assert float((found - gradient).norm() / gradient.norm()) < 1e-3


def second_order(net, samples, weights, rows):
    batch = graphs.build([samples.geometries[k] for k in rows], net.architecture.graph, torch.float64)
    edge = batch.edge.requires_grad_(True)
    energy = net(batch.with_edges(edge)).derived_eV
    (gradient,) = torch.autograd.grad(energy.sum(), edge, create_graph=True)
    labels = torch.from_numpy(np.concatenate([samples.forces_eV_A[k] for k in rows]))
    f = losses.huber((derivatives.site_forces(gradient, batch) - labels) / weights.force_scale_eV_A).sum(1)
    stress = torch.from_numpy(samples.stress_eV_A3[rows])
    s = losses.huber((derivatives.virial(edge, gradient, batch) - stress) / weights.stress_scale_eV_A3).sum((1, 2)) / 9
    target = torch.from_numpy(samples.value[rows, 0] + 7)
    e = losses.huber((energy / batch.counts - target) / weights.energy_scale_eV)
    f = torch.zeros_like(e).index_add(0, batch.crystal, f) / (3 * batch.counts)
    pushed, known = (torch.from_numpy(flag[rows].astype(float)) for flag in (samples.has_forces, samples.exists[:, 0]))
    return (weights.energy * known * e + pushed * (weights.force * f + weights.stress * s)).mean()


def test_a_regression_learns_what_depends_on_the_composition():
    labels = labelled(60)
    model = regression(labels, 12, batch_size=8, learning_rate=5e-3)
    assert model.train_loss[-1] < 0.2 * model.train_loss[0]
    assert model.best_epoch == int(np.argmin(model.validation_loss)) + 1
    assert model.training["train_crystals"] + model.training["validation_crystals"] == 60
    said = Predictor(model, "cpu")(Samples.of(labels, PROPERTIES).geometries)
    error = np.abs(said.column(PROPERTIES[1]) - labels.moment_muB_per_atom)[labels.has_moment_label == 1]
    assert error.mean() < 0.15 and not any(said.failure)


def test_a_force_field_learns_and_gives_total_energies():
    model, labels = trained_force_field()
    assert model.train_loss[-1] < 0.6 * model.train_loss[0]
    assert set(model.element) == {26, 27} and model.is_force_field
    value = Predictor(model, "cpu")(Samples.of(labels, ["energy_eV_per_atom"]).geometries).value[:, 0]
    assert np.abs(value - labels.energy_eV / labels.site_counts()).mean() < 0.1


def test_a_killed_training_ends_with_the_same_bytes(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(HERE), "OMP_NUM_THREADS": "1"}

    command = [sys.executable, str(HERE / "graph_worker.py"), str(tmp_path / "state"), "2"]
    killed = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    train(tmp_path / "state").write(tmp_path / "resumed.h5")
    train(None).write(tmp_path / "whole.h5")
    assert (tmp_path / "resumed.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


def test_elements_by_least_squares():
    rng = np.random.default_rng(0)
    share = np.zeros((30, 119))
    share[:, 26] = rng.uniform(size=30)
    share[:, 60] = 1 - share[:, 26]
    value = (share[:, 26] * -8 + share[:, 60] * -4)[:, None]
    mean, table = elements.fit(share, value, np.ones((30, 1), bool))
    np.testing.assert_allclose(mean + share @ table, value, atol=1e-5)
    assert not table[[5, 27]].any()
    fold = np.arange(30) % 3
    assert elements.choose_penalty(share, value, np.ones((30, 1), bool), fold) == min(elements.PENALTIES)
    noise = rng.normal(size=(30, 1))
    assert elements.choose_penalty(share, noise, np.ones((30, 1), bool), fold) > 0.1


def test_groups_stay_whole():
    group, rows = np.arange(100) // 4, np.arange(10, 100)
    first, second = split_groups(group, rows, 0.2, 1, "transfer")
    assert not set(group[first]) & set(group[second]) and len(first) + len(second) == 90
    assert abs(len(second) - 18) <= 3
    fold = folds_of(group, rows, 5, 1, "transfer")
    assert all(len(set(fold[group[rows] == g])) == 1 for g in np.unique(group[rows]))
    assert np.bincount(fold).max() - np.bincount(fold).min() <= 4
    assert split_groups(group, rows, 0.0, 1, "transfer")[1].size == 0
    assert len(split_groups(np.array([0, 0, 1]), np.arange(3), 0.01, 1, "transfer")[1]) == 1


@pytest.mark.parametrize("seed", range(5))
def test_test_groups_cover_the_range_of_their_strata(seed):
    group, rows = np.arange(60) // 2, np.arange(60)
    value = np.random.default_rng(seed).permutation(30).astype(float)[group]
    first, second = split_groups(group, rows, 0.2, seed, "transfer", strata=value)
    assert len(second) == 12 and not set(group[first]) & set(group[second])
    assert np.array_equal(np.sort(value[second][::2]) // 5, np.arange(6))
    assert not np.array_equal(second, split_groups(group, rows, 0.2, seed + 5, "transfer", strata=value)[1])


def test_adam_moves_what_it_is_told_and_nothing_else():
    net = network(seed=5)
    before = {name: p.detach().clone() for name, p in net.module.named_parameters()}
    optimiser = AdamW(net.module, ["fc.weight", "fc.bias"], 1e-2)
    net(graphs.build([bcc(1)], net.architecture.graph)).value.sum().backward()
    optimiser.step(1e-2)
    moved = [name for name, p in net.module.named_parameters() if not torch.equal(p, before[name])]
    assert moved == ["fc.weight", "fc.bias"]
    with pytest.raises(ModelError, match="parameters to train"):
        AdamW(net.module, ["fc.colour"], 0.0)
    rates = [learning_rate(k, 100, 1.0) for k in range(100)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == 1.0 and rates[-1] < 1e-3


def test_what_cannot_be_trained_is_refused():
    labels = labelled(6)
    with pytest.raises(ModelError, match="learning_rate: found -1"):
        TrainingSettings(learning_rate=-1)
    with pytest.raises(ModelError, match="architecture: found 1 outputs, expected 2"):
        pretrain_regression(
            labels, PROPERTIES, tiny(force_field=False), TrainingSettings(), seed=1, checkpoint_path=None, log=LOG,
            provenance=PROVENANCE,
        )  # fmt: skip
    with pytest.raises(ModelError, match="a loss of (nan|inf)"):
        regression(labels, 3, learning_rate=1e30)
    with pytest.raises(ModelError, match="target: found 'colour'"):
        Samples.of(labels, ["colour"])
    without = LabelledSet.of(
        lattices=[np.eye(3) * 3], atomic_numbers=[[26]], fractional=[np.zeros((1, 3))], names=["a"], columns={},
        labels_from="none", provenance=PROVENANCE,
    )  # fmt: skip
    with pytest.raises(ModelError, match="labels moment_muB_per_atom: found no crystal that has one"):
        Samples.of(without, ["moment_muB_per_atom"])
