"""Evaluation of many crystals, relaxation, and calculators of ASE."""

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.calculator import CalculatorSetupError
from graph_crystals import bcc, force_field, random_crystal, trained_force_field
from test_graph_transfer import properties_model

from lodestone.dft.relaxation import Geometry, relax
from lodestone.graph_models import batching
from lodestone.graph_models.calculators import GraphCalculator, load_calculator
from lodestone.graph_models.errors import ModelError
from lodestone.graph_models.evaluator import Evaluator
from lodestone.graph_models.graphs import GraphSettings
from lodestone.graph_models.memory import keep_freed_memory
from lodestone.graph_models.model import with_heads
from lodestone.graph_models.predictor import Predictor
from lodestone.graph_models.samples import Samples


def crystals():
    return [bcc(2, seed=k) for k in range(3)] + [random_crystal(n, n) for n in (1, 2, 3, 5)] + [bcc(1, seed=9)]


def equal(a, b):
    arrays = ("forces_eV_A", "stress_eV_A3", "moments_muB")
    return a.energy_eV == b.energy_eV and all(np.array_equal(getattr(a, n), getattr(b, n)) for n in arrays)


@pytest.mark.parametrize("rows", [1, 3000, 10**9])
def test_companions_threads_and_batches_change_no_bit(rows, monkeypatch):
    """A search that is resumed in the middle of a batch ends with the same bytes."""
    monkeypatch.setattr(batching, "CPU_ROWS", rows)
    evaluate, several = Evaluator(force_field(hidden=64), "cpu"), crystals()
    together = evaluate(several)
    assert not any(result.failure for result in together)
    order = np.random.default_rng(0).permutation(len(several))
    shuffled = evaluate([several[k] for k in order])
    parallel = Evaluator(force_field(hidden=64), "cpu", threads=2)(several)
    for k, result in enumerate(together):
        assert equal(result, evaluate([several[k]])[0])
        assert equal(result, parallel[k])
        assert equal(result, shuffled[list(order).index(k)])


def test_predictions_do_not_depend_on_companions():
    predict, several = Predictor(properties_model(), "cpu"), crystals()
    together = predict(several)
    alone = np.stack([predict([crystal]).value[0] for crystal in several])
    np.testing.assert_array_equal(together.value, alone)


def test_what_cannot_be_evaluated_gets_its_reason():
    lattice, origin = np.eye(3) * 3.0, np.zeros((1, 3))
    strange = {
        "atomic number 110": Geometry(0, np.array([110]), lattice, origin),
        "atom 0 has no neighbour": Geometry(0, np.array([26]), np.diag([6.0, 6.0, 6.0]), origin),
        "atoms 0 and 1 are 0.30 A apart": Geometry(0, np.array([26, 26]), lattice, np.array([[0, 0, 0], [0.1, 0, 0]])),
        "not finite": Geometry(0, np.array([26]), lattice, origin * np.nan),
        "A^3 per atom": Geometry(0, np.array([26]), lattice / 100, origin),
        "without atoms": Geometry(0, np.zeros(0, int), lattice, origin[:0]),
    }  # fmt: skip
    evaluate, good = Evaluator(force_field(), "cpu"), bcc(1)
    results = evaluate([good, *strange.values(), good])
    for message, result in zip(strange, results[1:-1], strict=True):
        assert message in result.failure
    assert equal(results[0], results[-1]) and not results[0].failure
    said = Predictor(properties_model(), "cpu")([good, *strange.values()])
    assert np.isfinite(said.value[0]).all() and "atomic number 110" in said.failure[1]
    assert evaluate([]) == []


def test_members_that_share_a_body_are_one_pass():
    first = force_field()
    weight, bias = first.parameters()["fc.weight"], first.parameters()["fc.bias"]
    ensemble = with_heads(first, [(weight, bias), (weight * 1.2, bias + np.float32(0.1))])
    both = Evaluator(ensemble, "cpu")
    assert len(both.networks) == 1
    apart = [Evaluator(with_heads(first, [head]), "cpu")([bcc(1)])[0] for head in both_heads(ensemble)]
    (found,) = both([bcc(1)])
    energies = [result.energy_eV for result in apart]
    assert found.energy_eV == pytest.approx(np.mean(energies), abs=1e-5)
    assert found.energy_sigma_eV == pytest.approx(np.std(energies, ddof=1), rel=1e-3)
    np.testing.assert_allclose(found.forces_eV_A, np.mean([r.forces_eV_A for r in apart], axis=0), atol=1e-6)
    separate = Evaluator([first, force_field(seed=1)], "cpu")
    assert len(separate.networks) == 2
    (spread,) = separate([bcc(1)])
    assert spread.energy_sigma_eV > 0 and spread.force_sigma_eV_A.shape == (2,)


def both_heads(model):
    return [(model.parameters(k)["fc.weight"], model.parameters(k)["fc.bias"]) for k in range(model.members)]


def test_models_of_the_wrong_kind_are_refused():
    with pytest.raises(ModelError, match="found a regression of .*, expected a force field"):
        Evaluator(properties_model(), "cpu")
    with pytest.raises(ModelError, match="another architecture"):
        Evaluator([force_field(), force_field(hidden=8)], "cpu")
    with pytest.raises(ModelError, match="found no model"):
        Evaluator([], "cpu")
    with pytest.raises(ModelError, match="device: found 'tpu'"):
        Evaluator(force_field(), "tpu")


def test_relaxation_goes_downhill_and_ends_below_the_limit_or_says_so():
    model, labels = trained_force_field()
    geometries = Samples.of(labels, ["energy_eV_per_atom"]).geometries
    starts = [
        Geometry(k, g.atomic_numbers, g.lattice_A.copy(), g.fractional.copy()) for k, g in enumerate(geometries[:6])
    ]
    limits = {"force_tolerance_eV_A": 0.05, "stress_tolerance_eV_A3": 0.005, "max_steps": 150}
    ends = list(relax(starts, Evaluator(model, "cpu"), **limits, at_once=4))
    assert len(ends) == 6 and sum(end.converged for end in ends) >= 4
    for end in ends:
        assert end.last.failure or end.energies_eV[-1] <= end.energies_eV[0] + 1e-6
        if end.converged:
            assert np.linalg.norm(end.last.forces_eV_A, axis=1).max() <= 0.05


def test_calculator_of_ase():
    evaluate, crystal = Evaluator(force_field(), "cpu"), bcc(1, seed=3)
    (expected,) = evaluate([crystal])
    atoms = Atoms(numbers=crystal.atomic_numbers, cell=crystal.lattice_A, scaled_positions=crystal.fractional, pbc=True)
    atoms.calc = GraphCalculator(evaluate)
    assert atoms.get_potential_energy() == pytest.approx(expected.energy_eV, abs=1e-6)
    np.testing.assert_allclose(atoms.get_forces(), expected.forces_eV_A, atol=1e-6)
    np.testing.assert_allclose(atoms.get_stress(voigt=False), expected.stress_eV_A3, atol=1e-7)
    atoms.numbers[0] = 110
    with pytest.raises(CalculatorSetupError, match="atomic number 110"):
        atoms.get_potential_energy()
    molecule = Atoms("Fe2", positions=[[0, 0, 0], [2, 0, 0]], calculator=GraphCalculator(evaluate))
    with pytest.raises(CalculatorSetupError, match="expected a crystal"):
        molecule.get_potential_energy()


def test_any_calculator_by_its_import_path():
    evaluate = load_calculator("ase.calculators.lj:LennardJones", sigma=2.2, epsilon=0.3, rc=5.0, smooth=True)
    crystal = bcc(1)
    good, bad = evaluate([crystal, Geometry(0, np.array([26]), np.zeros((3, 3)), np.zeros((1, 3)))])
    assert np.isfinite(good.energy_eV) and good.forces_eV_A.shape == (2, 3) and good.stress_eV_A3.shape == (3, 3)
    assert bad.failure.startswith("LennardJones")
    for path, message in (
        ("ase.calculators.lj", "expected package.module:Class"),
        ("no.such.module:Class", "expected a module no.such.module"),
        ("ase.calculators.lj:Nothing", "found no Nothing in ase.calculators.lj"),
        ("math:sqrt", "found TypeError"),
        ("builtins:dict", "found a dict, expected a calculator of ASE"),
    ):
        with pytest.raises(ModelError, match=message):
            load_calculator(path)


def test_batches_are_cut_by_cost():
    settings = GraphSettings(5.0, 3.5)
    small, large = batching.cost(bcc(1), settings), batching.cost(bcc(3), settings)
    assert large == pytest.approx(27 * small)
    assert list(batching.batches([1, 1, 5, 1, 9, 1], 6)) == [[0, 1], [2, 3], [4], [5]]
    assert list(batching.batches([], 6)) == []
    assert keep_freed_memory() in (True, False)
