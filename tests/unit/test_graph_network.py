"""The network against alignn's own, against finite differences, and its symmetries."""

import numpy as np
import pytest
import torch
from graph_crystals import CUTOFF_A, bcc, network, random_crystal, tiny
from scipy.spatial.transform import Rotation
from test_graph_neighbours import alignn_graph

from lodestone.dft.relaxation import Geometry
from lodestone.graph_models import derivatives, graphs
from lodestone.graph_models.architecture import Architecture
from lodestone.graph_models.errors import ModelError

GPA = 160.21766208
PLAIN = {"smooth": False, "two": 5.0, "three": 3.6}


def evaluate(net, *geometries):
    dtype = net.module.fc.weight.dtype
    return derivatives.evaluate(net, graphs.build(geometries, net.architecture.graph, dtype))


def by_alignn(net, geometry):
    """Energy per atom, forces and symmetric stress in eV/A^3 of alignn's own forward pass."""
    graph, line = alignn_graph(geometry, net.architecture.graph)
    said = net.module((graph, line, torch.tensor(geometry.lattice_A)))
    stress = said["stresses"][0].detach() / GPA
    return said, said["grad"].detach().reshape(-1, 3), (stress + stress.T) / 2


@pytest.mark.parametrize("conv_type", ["alignn", "n_alignn", "t_alignn"])
@pytest.mark.parametrize("cutoff", [{}, {"use_cutoff_function": False}, {"multiply_cutoff": False}])
def test_equal_to_alignn_crystal_by_crystal(conv_type, cutoff):
    net = network(tiny(conv_type=conv_type, **PLAIN, **cutoff))
    crystals = [random_crystal(n, n) for n in (1, 3, 6)] + [bcc(1)]
    found = evaluate(net, *crystals)
    start = 0
    for k, crystal in enumerate(crystals):
        said, forces, stress = by_alignn(net, crystal)
        sites = slice(start, start + len(crystal.atomic_numbers))
        start = sites.stop
        # jarvis rounds lattices, and single precision has seven digits
        torch.testing.assert_close(found.output.value[k, 0], said["out"].detach()[0], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(found.forces_eV_A[sites], forces, rtol=1e-3, atol=2e-4)
        torch.testing.assert_close(found.stress_eV_A3[k], stress, rtol=1e-3, atol=2e-5)


def test_repulsion_belongs_to_its_crystal():
    """alignn adds the penalties of a whole batch to each of its crystals."""
    net = network(tiny(use_penalty=True, use_zbl=True, zbl_cutoff=0.9, **PLAIN))
    close = Geometry(0, np.array([26, 26]), np.eye(3) * 3.5, np.array([[0.0] * 3, [0.24, 0, 0]]))
    far = random_crystal(3, 1)
    together, alone = evaluate(net, close, far), evaluate(net, far)
    assert together.output.energy_eV[1] == alone.output.energy_eV[0]
    _, forces, _ = by_alignn(net, close)
    assert forces.abs().max() > 10
    torch.testing.assert_close(together.forces_eV_A[:2], forces, rtol=1e-4, atol=1e-2)


def test_outputs_of_sites_and_several_targets():
    net = network(tiny(force_field=False, outputs=3, atomwise_output_features=1, atomwise_weight=1.0, **PLAIN))
    crystal = random_crystal(4, 2)
    said = net.module((*alignn_graph(crystal, net.architecture.graph), torch.tensor(crystal.lattice_A)))
    found = net(graphs.build([crystal], net.architecture.graph))
    torch.testing.assert_close(found.value, said["out"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.site_value, said["atomwise_pred"], rtol=1e-4, atol=1e-5)
    head = net.module.fc
    torch.testing.assert_close(found.features @ head.weight.T + head.bias, found.value)


def test_compiled_kernels_and_tables_agree_with_torch():
    net = network(seed=3)
    crystals = [bcc(2, seed=1), random_crystal(1, 4), random_crystal(5, 5)]
    net.compiled = False
    plain = evaluate(net, *crystals)
    net.compiled = True
    compiled = evaluate(net, *crystals)
    net.tabulate()
    frozen = evaluate(net, *crystals)
    for other in (compiled, frozen):
        torch.testing.assert_close(other.output.energy_eV, plain.output.energy_eV, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(other.forces_eV_A, plain.forces_eV_A, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(other.stress_eV_A3, plain.stress_eV_A3, rtol=1e-4, atol=1e-6)


def test_gradients_of_the_parameters_agree_with_torch():
    batch = graphs.build([bcc(1, seed=1), random_crystal(3, 5)], tiny().graph)
    gradients = []
    for compiled in (True, False):
        net = network(seed=3)
        net.compiled = compiled
        net(batch).derived_eV.square().sum().backward()
        gradients.append({n: p.grad for n, p in net.module.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        scale = gradients[1][name].abs().max()
        torch.testing.assert_close(gradient, gradients[1][name], rtol=1e-3, atol=float(1e-5 + 1e-4 * scale))


@pytest.mark.parametrize("smooth", [True, False])
def test_forces_and_stress_are_derivatives_of_the_energy(smooth):
    net = network(tiny(smooth=smooth), dtype=torch.float64)
    crystal, step = bcc(1, seed=2, rattle_A=0.1), 1e-4
    found = evaluate(net, crystal)

    def energy(shift, strain):
        positions = (crystal.fractional @ crystal.lattice_A + shift) @ (np.eye(3) + strain)
        lattice = crystal.lattice_A @ (np.eye(3) + strain)
        moved = Geometry(0, crystal.atomic_numbers, lattice, positions @ np.linalg.inv(lattice))
        return float(evaluate(net, moved).output.energy_eV)

    zero = np.zeros((3, 3))
    for site, axis in ((0, 0), (1, 2)):
        shift = np.zeros((2, 3))
        shift[site, axis] = step
        slope = (energy(shift, zero) - energy(-shift, zero)) / (2 * step)
        assert float(found.forces_eV_A[site, axis]) == pytest.approx(-slope, abs=1e-6)
    volume = abs(np.linalg.det(crystal.lattice_A))
    for a, b in ((0, 0), (2, 2), (0, 1)):
        strain = np.zeros((3, 3))
        strain[a, b] += step / 2
        strain[b, a] += step / 2
        slope = (energy(np.zeros((2, 3)), strain) - energy(np.zeros((2, 3)), -strain)) / (2 * step) / volume
        assert float(found.stress_eV_A3[0, a, b]) == pytest.approx(slope, abs=1e-7)


@pytest.mark.parametrize("cutoff_A", [CUTOFF_A, 3.2])
@pytest.mark.parametrize("smooth", [True, False])
def test_only_messages_that_fade_keep_the_energy_smooth(smooth, cutoff_A):
    """A shell of a tetragonal crystal crosses a cutoff."""
    net = network(tiny(smooth=smooth), dtype=torch.float64, seed=4)
    numbers, fractional = np.array([26, 60]), np.array([[0.0] * 3, [0.5] * 3])
    edges = cutoff_A + 1e-5 * np.array([-3, -1, 1, 3])
    found = [evaluate(net, Geometry(0, numbers, np.diag([2.8, 2.9, c]), fractional)) for c in edges]
    for values in ([float(f.output.energy_eV) for f in found], [float(f.stress_eV_A3[0, 2, 2]) for f in found]):
        before, across, after = np.diff(values)
        bend = abs(across - (before + after) / 2)
        if smooth:
            assert bend < 1e-2 * abs(across)
        else:
            assert bend > abs(before)


def test_symmetries():
    net = network(dtype=torch.float64)
    crystal = random_crystal(4, 8)
    found = evaluate(net, crystal)
    turn = Rotation.random(random_state=1).as_matrix()
    order = np.array([2, 0, 3, 1])
    turned = Geometry(0, crystal.atomic_numbers, crystal.lattice_A @ turn.T, crystal.fractional + 0.137)
    swapped = Geometry(0, crystal.atomic_numbers[order], crystal.lattice_A, crystal.fractional[order])
    double = Geometry(
        0,
        np.tile(crystal.atomic_numbers, 2),
        crystal.lattice_A * [[2], [1], [1]],
        np.concatenate([crystal.fractional, crystal.fractional + [1, 0, 0]]) / [2, 1, 1],
    )
    rotated, permuted, doubled = (evaluate(net, c) for c in (turned, swapped, double))
    close = {"rtol": 0, "atol": 1e-8}
    matrix = torch.from_numpy(turn)
    torch.testing.assert_close(rotated.output.energy_eV, found.output.energy_eV, **close)
    torch.testing.assert_close(rotated.forces_eV_A, found.forces_eV_A @ matrix.T, **close)
    torch.testing.assert_close(rotated.stress_eV_A3[0], matrix @ found.stress_eV_A3[0] @ matrix.T, **close)
    torch.testing.assert_close(permuted.forces_eV_A, found.forces_eV_A[order], **close)
    torch.testing.assert_close(doubled.output.energy_eV, 2 * found.output.energy_eV, **close)
    torch.testing.assert_close(doubled.forces_eV_A, found.forces_eV_A.repeat(2, 1), **close)
    torch.testing.assert_close(doubled.stress_eV_A3, found.stress_eV_A3, **close)


def test_settings_that_do_not_fit_are_refused():
    with pytest.raises(ModelError, match="atom_input_features: found 3, expected 92"):
        tiny(atom_input_features=3).config()
    with pytest.raises(ModelError, match="model.hidden_features: found 'many'"):
        tiny(hidden_features="many").config()
    with pytest.raises(ModelError, match="classification"):
        tiny(classification=True).config()
    with pytest.raises(ModelError, match="found network 'other'"):
        Architecture.from_dict({"name": "other"})
    kept = tiny()
    assert Architecture.from_dict(kept.to_dict()) == kept
