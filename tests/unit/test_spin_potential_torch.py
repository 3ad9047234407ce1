"""The batched engine of magnetic potentials against the compiled functions."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
import torch
from spin_crystals import SPECIES, configurations, images, potential

from lodestone.spin_potential import torch_basis, torch_engine
from lodestone.spin_potential.configurations import ConfigurationError, Configurations
from lodestone.spin_potential.evaluation import evaluate
from lodestone.spin_potential.levels import Level
from lodestone.spin_potential.loss import Labels, Target, Weights, loss_and_gradient
from lodestone.spin_potential.torch_engine import TorchEngine

# Both engines use double precision and add the same few thousand terms in another order: differences are of some
# 1e-15 of the largest entry, and cancellation in sums costs a few digits.
TOLERANCE = 1e-10
WEIGHTS = Weights(1.0, 0.5, 0.3, 0.7)


def crystals_of_several_sizes(seed=0):
    """Cells of 2, 4, 16 and 3 atoms; the last is so wide that its atoms have few neighbours, or none."""
    made = [images(1, seed + k, repeat=size)[0] for k, size in enumerate([(1, 1, 1), (1, 1, 2), (2, 2, 2)])]
    wide = made[1][[0, 1, 2]]
    wide.set_cell(np.diag([11.0, 12.0, 13.0]))
    wide.positions = [[0.0, 0.0, 0.0], [2.4, 0.3, 0.1], [5.5, 6.0, 6.5]]
    return Configurations.from_atoms([*made, wide], SPECIES)


def target_of(crystals, weights=WEIGHTS):
    rng = np.random.default_rng(5)
    atoms, cells = len(crystals.kind), len(crystals)
    stress = rng.normal(scale=0.1, size=(cells, 3, 3))
    labels = Labels(
        rng.normal(size=cells), rng.normal(size=(atoms, 3)), stress + stress.transpose(0, 2, 1), rng.normal(size=atoms)
    )
    return Target(crystals, labels, weights)


def with_energies(made):
    """The potential with energies of free atoms, which are zero where it starts."""
    values = made.parameters()
    values[len(made.moment_coefficients) :][: len(made.species)] = [-3.4, -0.6]
    return made.with_parameters(values)


def assert_same(found, expected):
    for name in expected.__dataclass_fields__:
        values = getattr(expected, name)
        limit = TOLERANCE * max(1.0, np.abs(values).max())
        np.testing.assert_allclose(getattr(found, name), values, rtol=0, atol=limit, err_msg=name)


def assert_same_gradient(found, expected):
    assert found[0] == pytest.approx(expected[0], rel=TOLERANCE)
    np.testing.assert_allclose(found[1], expected[1], rtol=0, atol=TOLERANCE * np.abs(expected[1]).max())


@pytest.fixture(params=[True, False], ids=["symmetrised", "plain"])
def symmetrised(request):
    return request.param


@pytest.mark.parametrize("level, magnetic_size", [(2, 1), (4, 2), (6, 4), (8, 3), (10, 2), (12, 2)])
def test_predictions_and_gradients_are_those_of_the_compiled_functions(level, magnetic_size, symmetrised):
    crystals = crystals_of_several_sizes()
    made = with_energies(dataclasses.replace(potential(magnetic_size, level), symmetrised=symmetrised, scaling=0.7))
    engine = TorchEngine(crystals, made, "cpu", 5)
    assert_same(engine.evaluate(made), evaluate(made, crystals))
    target = target_of(crystals)
    assert_same_gradient(engine.loss_and_gradient(made, target), loss_and_gradient(made, target))
    if magnetic_size > 1:
        # The comparison is of something: a potential without magnetic forces or stresses would agree with anything.
        said = evaluate(made, crystals)
        assert min(np.abs(getattr(said, name)).max() for name in said.__dataclass_fields__) > 1e-4


def test_the_function_is_the_engine_for_one_evaluation(symmetrised):
    crystals, made = configurations(), dataclasses.replace(potential(), symmetrised=symmetrised)
    assert_same(torch_engine.evaluate(made, crystals, "cpu"), evaluate(made, crystals))
    one_species = potential(species=("Fe",))
    iron = Configurations.from_atoms([image[[0, 2]] for image in images(2)], ("Fe",))
    assert_same(torch_engine.evaluate(one_species, iron, "cpu"), evaluate(one_species, iron))


def test_new_parameters_and_labels_are_used_each_time(symmetrised):
    crystals = configurations()
    form = dataclasses.replace(potential(), symmetrised=symmetrised)
    engine = TorchEngine(crystals, form, "cpu")
    first, second = target_of(crystals), target_of(crystals, Weights())
    for seed in (2, 3):
        made = dataclasses.replace(potential(seed=seed), symmetrised=symmetrised)
        assert_same(engine.evaluate(made), evaluate(made, crystals))
        for target in (first, second):
            assert_same_gradient(engine.loss_and_gradient(made, target), loss_and_gradient(made, target))


@pytest.mark.parametrize("label", ["energy", "force", "stress", "magnetic"])
def test_labels_without_a_weight_may_be_missing(label):
    crystals, made = configurations(), potential()
    target = target_of(crystals, dataclasses.replace(WEIGHTS, **{label: 0.0}))
    name = next(f.name for f in dataclasses.fields(Labels) if f.name.startswith(label))
    getattr(target.labels, name)[:] = np.nan
    engine = TorchEngine(crystals, made, "cpu")
    assert_same_gradient(engine.loss_and_gradient(made, target), loss_and_gradient(made, target))


def test_the_size_of_batches_changes_nothing():
    crystals, made = crystals_of_several_sizes(), potential(level=10)
    target = target_of(crystals)
    whole = TorchEngine(crystals, made, "cpu", 1000)
    for size in (1, 7, 24):
        parts = TorchEngine(crystals, made, "cpu", size)
        assert_same(parts.evaluate(made), whole.evaluate(made))
        assert_same_gradient(parts.loss_and_gradient(made, target), whole.loss_and_gradient(made, target))


def test_no_configurations_have_no_energy():
    nothing = configurations().select([])
    said = torch_engine.evaluate(potential(), nothing, "cpu")
    assert said.energy_eV.shape == (0,) and said.stress_eV_A3.shape == (0, 3, 3) and said.force_eV_A.shape == (0, 3)


def test_the_sizes_of_tensors_are_bounded_by_the_batch():
    crystals, made = configurations(6), potential()
    batches = TorchEngine(crystals, made, "cpu", 5)._batches
    assert sum(len(batch.atoms) for batch in batches) == len(crystals.kind)
    assert max(len(batch.atoms) for batch in batches) == 5


@pytest.mark.parametrize("name", ["abacus", "cuda:x", "gpu:1", "mps"])
def test_an_unknown_device_is_refused_by_name(name):
    with pytest.raises(ConfigurationError, match=f"device: found '{name}', allowed: auto, cpu, gpu"):
        TorchEngine(configurations(), potential(), name)


def test_a_device_that_is_not_there_is_refused_and_auto_takes_the_cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for name in ("gpu", "cuda", "cuda:1"):
        with pytest.raises(ConfigurationError, match=f"device: found '{name}', this machine has 0 such devices"):
            TorchEngine(configurations(), potential(), name)
    assert TorchEngine(configurations(), potential(), "auto").device.type == "cpu"


def test_what_the_engine_was_not_made_for_is_refused_by_name():
    crystals, made = configurations(), potential()
    with pytest.raises(ConfigurationError, match="species: found Fe, Al, the potential knows Co, Al"):
        TorchEngine(crystals, potential(species=("Co", "Al")), "cpu")
    with pytest.raises(ConfigurationError, match="configuration 0, atom 0: found a moment of 3.500 mu_B"):
        TorchEngine(crystals.with_moments(np.full(12, 3.5)), made, "cpu")
    with pytest.raises(ConfigurationError, match="batch_atoms: found 0, allowed: 1 or more"):
        TorchEngine(crystals, made, "cpu", 0)
    engine = TorchEngine(crystals, made, "cpu")
    with pytest.raises(ConfigurationError, match=r"species: found \('Co', 'Al'\) in the potential"):
        engine.evaluate(potential(species=("Co", "Al")))
    with pytest.raises(ConfigurationError, match="r_cut_A: found 4.5 in the potential, the engine was made for 5.0"):
        engine.evaluate(dataclasses.replace(made, r_cut_A=4.5))
    with pytest.raises(ConfigurationError, match="found level 6 and radial coefficients"):
        engine.evaluate(potential(level=6))
    other = target_of(crystals.with_moments(-crystals.moment_muB))
    with pytest.raises(ConfigurationError, match="target: found 3 configurations with another moment_muB"):
        engine.loss_and_gradient(made, other)


def test_products_of_moments_that_are_not_complete_are_refused():
    tables = {"radial_functions": 1, "moments": 3, "basic": [[0, 0, 0, 0]], "scalars": [0, 1, 2]}
    late = Level.of(0, {**tables, "products": [[0, 1, 1, 2], [0, 0, 1, 1]]})
    with pytest.raises(ValueError, match="product 0: found"):
        torch_basis.Moments(late, torch.device("cpu"))
    # In order, the same products are two layers.
    torch_basis.Moments(Level.of(0, {**tables, "products": [[0, 0, 1, 1], [0, 1, 1, 2]]}), torch.device("cpu"))


def test_other_modules_do_not_load_the_library():
    modules = "evaluation, loss, fitting, members, calculator, data_set"
    code = f"import sys; from lodestone.spin_potential import {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_nothing_leaves_the_device_before_the_end(monkeypatch, symmetrised):
    # Tensors of this device have shapes but no values: one on another device beside them, or a value asked for, raises.
    monkeypatch.setattr(torch_engine, "choose_device", torch.device)
    made = dataclasses.replace(potential(), symmetrised=symmetrised)
    crystals = configurations()
    engine = TorchEngine(crystals, made, "meta", 5)
    parameters = engine._parameters(made)
    found = engine._derivatives(parameters)
    assert found.force_eV_A.shape == (12, 3) and found.force_eV_A.is_meta
    by = {name: getattr(found, name) for name in engine._terms_of(target_of(crystals)).label}
    assert len(by) == 4
    assert engine._gradient(parameters, by).shape == (made.parameter_count,)


def test_arrays_that_may_not_be_written_to_are_taken():
    crystals, made = configurations(), potential()
    target = target_of(crystals)
    expected = loss_and_gradient(made, target)
    arrays = [crystals.moment_muB, crystals.kind, target.labels.force_eV_A, made.radial_coefficients]
    for values in arrays:
        values.setflags(write=False)
    assert_same_gradient(TorchEngine(crystals, made, "cpu").loss_and_gradient(made, target), expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="an optional component: a CUDA device is not there")
def test_a_gpu_says_the_same(symmetrised):
    crystals = crystals_of_several_sizes()
    made = with_energies(dataclasses.replace(potential(level=12), symmetrised=symmetrised))
    target = target_of(crystals)
    for size in (7, None):
        engine = TorchEngine(crystals, made, "gpu", size)
        assert_same(engine.evaluate(made), evaluate(made, crystals))
        assert_same_gradient(engine.loss_and_gradient(made, target), loss_and_gradient(made, target))
