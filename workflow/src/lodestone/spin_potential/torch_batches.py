"""Energies of a batch of atoms on a device, their derivatives, and those of a loss with respect to the parameters.

Names of axes are those of `torch_basis`. A name with `_dot` is a derivative along one direction of positions, cells and
moments, see `adjoint_kernels`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lodestone.spin_potential.configurations import ConfigurationError
from lodestone.spin_potential.potential import SpinPotential
from lodestone.spin_potential.torch_basis import Moments, monomials, radial_basis

# Atoms of one batch where the caller does not say, at some 0.1 MB each: on a CPU fewer cost more calls of functions and
# more leave the caches; on a GPU starting a function has to cost less than its work.
BATCH_ATOMS = {"cpu": 128, "cuda": 4096}


def choose_device(name: str) -> torch.device:
    """Return the device for ``auto`` (a GPU if there is one), ``cpu``, ``gpu``, or ``cuda:1`` for one of several.

    Raises
    ------
    ConfigurationError
        For another name, or a GPU that is not there.
    """
    if name == "auto":
        name = "gpu" if torch.cuda.is_available() else "cpu"
    kind, _, number = name.partition(":")
    if name == "cpu":
        return torch.device("cpu")
    if name != "gpu" and (kind != "cuda" or (number and not number.isdecimal())):
        raise ConfigurationError(f"device: found {name!r}, allowed: auto, cpu, gpu, cuda or cuda:0 and on")
    present = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(number or 0) >= present:
        raise ConfigurationError(
            f"device: found {name!r}, this machine has {present} such devices, allowed: auto or cpu"
        )
    return torch.device("cuda", int(number or 0))


@dataclass(frozen=True, eq=False)
class Batch:
    """Atoms and their neighbours.

    Attributes
    ----------
    atoms, cell : Tensor of int, (atom,)
        Numbers of the atoms and of their configurations.
    near : Tensor of int, (atom, neighbour)
        Numbers of the neighbours; short lists are filled up with the atom itself.
    vector_A : Tensor, (atom, 3, neighbour)
        To the neighbours; those that fill up end at the cutoff, where the radial basis and its derivative are zero.
    """

    atoms: Tensor
    cell: Tensor
    near: Tensor
    vector_A: Tensor

    def gathered(self, table: Tensor) -> Tensor:
        """Return the neighbours' rows of a table (all atoms, value) as (atom, value, neighbour)."""
        return table.index_select(0, self.near.flatten()).unflatten(0, self.near.shape).transpose(1, 2).contiguous()


@dataclass(frozen=True, eq=False)
class Parameters:
    """Parameters on the device.

    Attributes
    ----------
    xi : Tensor, (scalar,)
    species_eV : Tensor, (species,)
    mixing : Tensor, (spin, row times term)
        Radial coefficients, for moments as they are and, if the potential is symmetrised, for reversed ones.
    """

    xi: Tensor
    species_eV: Tensor
    mixing: Tensor


@dataclass(frozen=True, eq=False)
class Direction:
    """Direction of a derivative, and the weight of the energy beside it.

    Attributes
    ----------
    weight : Tensor, (configuration,)
    strain : Tensor, (configuration, 3, 3)
    move : Tensor, (all atoms, 4)
        Displacement of each atom and change of its moment.
    """

    weight: Tensor
    strain: Tensor
    move: Tensor


class Surroundings:
    """What the parameters do not change: geometry and bases of a batch.

    Attributes
    ----------
    distance_A : Tensor, (atom, neighbour)
    unit : Tensor, (atom, 3, neighbour)
    monomials : Tensor, (atom, power, neighbour)
    phi, phi_slope : Tensor, (atom, zeta, neighbour)
    spin, spin_slope : Tensor, (atom, spin, neighbour)
        Spin functions of the neighbours.
    own, own_slope : Tensor, (atom, spin)
        Those of the atoms.
    """

    def __init__(self, batch: Batch, form: SpinPotential, degree: int, spins: Tensor) -> None:
        vector = batch.vector_A
        # Faster than the library's norm where the axis is short.
        self.distance_A = (vector * vector).sum(1).sqrt_()
        self.unit = vector / self.distance_A[:, None]
        self.monomials = monomials(self.unit, degree)
        self.phi, self.phi_slope = radial_basis(
            self.distance_A, form.r_min_A, form.r_cut_A, form.scaling, form.radial_size
        )
        self.spin, self.spin_slope = batch.gathered(spins).chunk(2, 1)
        self.own, self.own_slope = spins.index_select(0, batch.atoms).chunk(2, 1)

    def mixed(self, parameters: Parameters, own: Tensor) -> Tensor:
        """Return coefficients (atom, row, term) of products of radial and spin functions, `own` of the atoms."""
        terms = self.phi.shape[1] * self.spin.shape[1]
        return (own @ parameters.mixing).unflatten(1, (-1, terms))

    def sums(self, values: Tensor, powers: int) -> Tensor:
        """Sum values (atom, sign, ..., neighbour) times the first monomials: (column, ..., power)."""
        rows = values.flatten(1, -2) @ self.monomials[:, :powers].transpose(1, 2)
        return rows.view(-1, *values.shape[2:-1], powers)

    def weighted(self, weights: Tensor) -> Tensor:
        """Return monomials with weights (column, kind, power): (atom, sign, kind, neighbour)."""
        atoms, kinds, powers = len(self.monomials), *weights.shape[1:]
        rows = weights.reshape(atoms, -1, powers) @ self.monomials[:, :powers]
        return rows.unflatten(1, (-1, kinds))


def terms(phi: Tensor, spin: Tensor) -> Tensor:
    """Return products (atom, term, neighbour) of radial and spin functions."""
    return (phi[:, :, None] * spin[:, None]).flatten(1, 2)


def energies(around: Surroundings, moments: Moments, parameters: Parameters) -> tuple[Tensor, Tensor, Tensor]:
    """Return energies without those of free atoms (atom,), and their derivatives; sums over both signs of moments.

    Derivatives are with respect to vectors and moments of neighbours (atom, 4, neighbour), and to the own moment
    (atom,).
    """
    mixed, mixed_slope = (around.mixed(parameters, own) for own in (around.own, around.own_slope))
    plain = terms(around.phi, around.spin)
    radial, by_own = (torch.cat([mixed, mixed_slope], 1) @ plain).chunk(2, 1)
    by_distance = mixed @ terms(around.phi_slope, around.spin)
    by_other = mixed @ terms(around.phi, around.spin_slope)
    functions = len(moments.parts)
    radial, by_distance, by_own, by_other = (
        one.unflatten(1, (functions, -1)) for one in (radial, by_distance, by_own, by_other)
    )
    found = moments.all([around.sums(radial[:, mu], part.powers) for mu, part in enumerate(moments.parts)])
    energy = (parameters.xi @ found.index_select(0, moments.scalars)).view(len(plain), -1).sum(1)
    by_unit = torch.zeros_like(around.unit)
    along, own, other = (torch.zeros_like(around.distance_A) for _ in range(3))
    for mu, weights in enumerate(moments.weights(moments.back(parameters.xi, found))):
        by = around.weighted(weights)
        # Sums over few rows: one by one is faster than the library's sums over such axes.
        for sign in range(by.shape[1]):
            by_unit.addcmul_(by[:, sign, 1:], radial[:, mu, sign, None])
            for total, slope in ((along, by_distance), (own, by_own), (other, by_other)):
                total.addcmul_(by[:, sign, 0], slope[:, mu, sign])
    # The unit vector turns, it does not grow: only what is across it counts.
    across = (by_unit * around.unit).sum(1)
    vector = by_unit / around.distance_A[:, None]
    vector.addcmul_(around.unit, (along - across / around.distance_A)[:, None])
    return energy, torch.cat([vector, other[:, None]], 1), own.sum(1)


def parameter_derivatives(
    batch: Batch, around: Surroundings, moments: Moments, parameters: Parameters, direction: Direction
) -> tuple[Tensor, Tensor]:
    """Return derivatives of ``weight E + E_dot`` with respect to xi (scalar,) and `mixing`."""
    mixed, mixed_slope = (around.mixed(parameters, own) for own in (around.own, around.own_slope))
    stretch, turn, spin_dot, own_dot = _tangents(batch, around, direction)
    plain = terms(around.phi, around.spin)
    plain_dot = terms(around.phi_slope * stretch[:, None], around.spin)
    plain_dot += terms(around.phi, around.spin_slope * spin_dot[:, None])
    mixed_slope = mixed_slope * own_dot[:, None, None]
    both = torch.stack([mixed @ plain, torch.baddbmm(mixed @ plain_dot, mixed_slope, plain)], 2)
    # Of each radial function and sign: the value, its tangent, and the value times tangents of the unit vector.
    both = both.unflatten(1, (len(moments.parts), -1))
    turned = both[:, :, :, :1] * turn[:, None, None]
    sums = [
        around.sums(torch.cat([both[:, mu], turned[:, mu]], 2), part.powers) for mu, part in enumerate(moments.parts)
    ]
    found = moments.all([one[:, 0] for one in sums])
    found_dot = moments.tangents(found, [one[:, 1:] for one in sums])
    weight = direction.weight.index_select(0, batch.cell).repeat_interleave(both.shape[2])
    scalars, scalars_dot = (one.index_select(0, moments.scalars) for one in (found, found_dot))
    by_xi = scalars @ weight + scalars_dot.sum(1)
    adjoint, adjoint_dot = moments.back_tangents(parameters.xi, weight, found, found_dot)
    by_value, by_dot = both.new_empty((2, *both.shape[:3], both.shape[4]))
    pairs = zip(moments.weights(adjoint_dot), moments.first_weights(adjoint), strict=True)
    for mu, weights in enumerate(pairs):
        by = around.weighted(torch.cat(weights, 1))
        by_dot[:, mu], by_value[:, mu] = by[:, :, 0], by[:, :, 4]
        for axis in range(3):
            by_value[:, mu].addcmul_(by[:, :, axis + 1], turn[:, axis, None])
    by_value, by_dot = by_value.flatten(1, 2), by_dot.flatten(1, 2)
    by_mixed = torch.baddbmm(by_value @ plain.transpose(1, 2), by_dot, plain_dot.transpose(1, 2))
    by_slope = by_dot @ plain.transpose(1, 2)
    by_mixing = around.own.t() @ by_mixed.flatten(1)
    by_mixing.addmm_((around.own_slope * own_dot[:, None]).t(), by_slope.flatten(1))
    return by_xi, by_mixing


def _tangents(batch: Batch, around: Surroundings, direction: Direction) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return tangents of distances (atom, neighbour), unit vectors (atom, 3, neighbour) and both moments."""
    moved, own = batch.gathered(direction.move), direction.move.index_select(0, batch.atoms)
    strain = direction.strain.index_select(0, batch.cell)
    vector_dot = torch.baddbmm(moved[:, :3] - own[:, :3, None], strain, batch.vector_A)
    stretch = (vector_dot * around.unit).sum(1)
    turn = (vector_dot - around.unit * stretch[:, None]) / around.distance_A[:, None]
    return stretch, turn, moved[:, 3], own[:, 3]
