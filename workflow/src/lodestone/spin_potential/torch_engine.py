"""Batched evaluation of magnetic potentials on a CPU or a GPU, with the gradient of the loss.

Results are those of the compiled functions (`evaluation`, `loss`) but for rounding. Positions and moments stay fixed
while a fit changes parameters: neighbours are found once and stay on the device, which nothing leaves before the end of
an evaluation. Work goes in batches of atoms with similar numbers of neighbours; what else takes memory is as large as a
batch. Vectors that fill up short lists of neighbours end at the cutoff, where the radial basis and its derivative are
zero.

As in `adjoint_kernels`, the loss changes with the parameters as ``a E`` plus the derivative of E along one direction of
positions, cells and moments; a name with `_dot` is a derivative along it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lodestone.spin_potential.configurations import ConfigurationError, Configurations
from lodestone.spin_potential.evaluation import Array, Predictions
from lodestone.spin_potential.loss import Target
from lodestone.spin_potential.potential import SpinPotential
from lodestone.spin_potential.torch_basis import Moments, spin_functions
from lodestone.spin_potential.torch_batches import (
    BATCH_ATOMS,
    Batch,
    Direction,
    Parameters,
    Surroundings,
    choose_device,
    energies,
    parameter_derivatives,
)


@dataclass(frozen=True, eq=False)
class _Results:
    """Energies and their derivatives on the device, as in `Predictions`."""

    energy_eV: Tensor
    atom_energy_eV: Tensor
    force_eV_A: Tensor
    stress_eV_A3: Tensor
    magnetic_force_eV_muB: Tensor


@dataclass(frozen=True, eq=False)
class _Terms:
    """Terms of the loss on the device: label and scale of each quantity in `_Results` that has a weight."""

    target: Target
    label: dict[str, Tensor]
    scale: dict[str, Tensor]


class TorchEngine:
    """Evaluates potentials of one form on fixed configurations.

    Parameters
    ----------
    configurations : Configurations
    potential_form : SpinPotential
        Any parameters; species, level, intervals and sizes are those of all potentials to come.
    device : str
        See `choose_device`.
    batch_atoms : int, optional
        Atoms that are worked on at once; bounds the memory, changes no result.

    Raises
    ------
    ConfigurationError
        For other species, moments beyond the potential's, an unknown device or an impossible batch.
    """

    def __init__(
        self,
        configurations: Configurations,
        potential_form: SpinPotential,
        device: str = "auto",
        batch_atoms: int | None = None,
    ) -> None:
        configurations.require_fit(potential_form)
        self.device = choose_device(device)
        self.batch_atoms = BATCH_ATOMS[self.device.type] if batch_atoms is None else batch_atoms
        if self.batch_atoms < 1:
            raise ConfigurationError(f"batch_atoms: found {batch_atoms}, allowed: 1 or more")
        self.configurations, self.form = configurations, potential_form
        self._moments = Moments(potential_form.level, self.device)
        species, size = len(potential_form.species), potential_form.magnetic_size
        moments, self._kind = self._tensor(configurations.moment_muB), self._tensor(configurations.kind)
        value, slope = spin_functions(moments, self._kind, potential_form.m_max_muB, size, species)
        self._spin = torch.cat([value, slope], 1)
        self._counts = self._tensor(configurations.counts().astype(float))
        self._volumes = self._tensor(configurations.volumes_A3())
        self._cell_of_atom = self._tensor(np.repeat(np.arange(len(configurations)), configurations.counts()))
        signs = (1.0, -1.0) if potential_form.symmetrised else (1.0,)
        order = np.arange(size)
        # Chebyshev polynomials of even order are even, those of odd order odd.
        parity = np.array([sign ** (order[:, None] + order) for sign in signs])
        # Along the axes (species, beta, mu, sign, zeta, species, gamma) of the radial coefficients.
        self._parity = self._tensor(parity.transpose(1, 0, 2)[None, :, None, :, None, None])
        self._mean = 1.0 / len(signs)
        self._batches = self._build_batches()
        self._terms: _Terms | None = None

    def _tensor(self, values: np.ndarray) -> Tensor:
        # A copy: arrays that were read from files may not be written to, which tensors cannot respect.
        return torch.tensor(values, device=self.device)

    def _build_batches(self) -> list[Batch]:
        """Put neighbours into rectangles, atoms with the fewest neighbours first."""
        cutoff = self.form.r_cut_A
        found = self.configurations.neighbours(cutoff)
        begin, count = found.block[:, 0], found.block[:, -1] - found.block[:, 0]
        order, batches = np.argsort(count, kind="stable"), []
        for start in range(0, len(order), self.batch_atoms):
            atoms = order[start : start + self.batch_atoms]
            slot = np.arange(max(1, count[atoms].max()))
            filled = slot < count[atoms, None]
            edge = (begin[atoms, None] + slot)[filled]
            near = np.repeat(atoms[:, None], len(slot), axis=1)
            vector = np.zeros((len(atoms), len(slot), 3))
            vector[..., 0] = cutoff
            near[filled], vector[filled] = found.atom[edge], found.vector_A[edge]
            index = self._tensor(atoms)
            batches.append(
                Batch(
                    index,
                    self._cell_of_atom[index],
                    self._tensor(near),
                    self._tensor(np.ascontiguousarray(vector.transpose(0, 2, 1))),
                )
            )
        return batches

    @torch.inference_mode()
    def evaluate(self, potential: SpinPotential) -> Predictions:
        """Evaluate a potential (Kotykhov et al., Eqs. 3 to 7).

        Raises
        ------
        ConfigurationError
            If it has another form than the engine's.
        """
        found = self._derivatives(self._parameters(potential))
        return Predictions(**{name: getattr(found, name).cpu().numpy() for name in found.__dataclass_fields__})

    @torch.inference_mode()
    def loss_and_gradient(self, potential: SpinPotential, target: Target) -> tuple[float, Array]:
        """Return the loss and its derivatives with respect to the parameters (parameter,).

        Raises
        ------
        ConfigurationError
            If the potential has another form than the engine's, or the target other configurations.
        """
        parameters, terms = self._parameters(potential), self._terms_of(target)
        found = self._derivatives(parameters)
        loss, by = found.energy_eV.new_zeros(()), {}
        for name, label in terms.label.items():
            error = getattr(found, name) - label
            weighted = terms.scale[name] * error
            loss, by[name] = loss + (weighted * error).sum(), 2.0 * weighted
        gradient = self._gradient(parameters, by)
        whole = torch.cat([loss[None], gradient]).cpu().numpy()
        return float(whole[0]), whole[1:].copy()

    def _derivatives(self, parameters: Parameters) -> _Results:
        """Energies and their derivatives; the mean over both signs of moments where the potential is symmetrised."""
        atoms, cells = len(self._kind), len(self._counts)
        energy = parameters.species_eV.index_select(0, self._kind)
        # Of vectors, three components, and of moments.
        by_atom, virial = energy.new_zeros((4, atoms)), energy.new_zeros((cells, 3, 3))
        weight = self._mean
        for batch in self._batches:
            around = self._surroundings(batch)
            of_atoms, by_neighbour, by_own = energies(around, self._moments, parameters)
            energy.index_add_(0, batch.atoms, of_atoms, alpha=weight)
            own = torch.cat([-by_neighbour[:, :3].sum(2).t(), by_own[None]])
            for k in range(4):
                by_atom[k].index_add_(0, batch.near.flatten(), by_neighbour[:, k].flatten(), alpha=weight)
                by_atom[k].index_add_(0, batch.atoms, own[k], alpha=weight)
            of_cells = by_neighbour[:, :3] @ batch.vector_A.transpose(1, 2)
            virial.index_add_(0, batch.cell, of_cells, alpha=weight)
        stress = virial / self._volumes[:, None, None]
        return _Results(
            energy.new_zeros(cells).index_add_(0, self._cell_of_atom, energy),
            energy,
            -by_atom[:3].t().contiguous(),
            (stress + stress.transpose(1, 2)) / 2,
            -by_atom[3],
        )

    def _gradient(self, parameters: Parameters, by: dict[str, Tensor]) -> Tensor:
        """Return derivatives of the loss (parameter,) from those with respect to what `_Results` holds."""
        weight = by.get("energy_eV", torch.zeros_like(self._counts))
        move = weight.new_zeros((len(self._kind), 4))
        strain = weight.new_zeros((len(self._counts), 3, 3))
        # Forces are minus the energy's derivatives; stresses are divided by volumes.
        if "force_eV_A" in by:
            move[:, :3] = -by["force_eV_A"]
        if "magnetic_force_eV_muB" in by:
            move[:, 3] = -by["magnetic_force_eV_muB"]
        if "stress_eV_A3" in by:
            strain = by["stress_eV_A3"] / self._volumes[:, None, None]
        direction = Direction(weight, strain, move)
        by_xi, by_mixing = torch.zeros_like(parameters.xi), torch.zeros_like(parameters.mixing)
        for batch in self._batches:
            around = self._surroundings(batch)
            of_xi, of_mixing = parameter_derivatives(batch, around, self._moments, parameters, direction)
            by_xi += of_xi
            by_mixing += of_mixing
        by_species = torch.zeros_like(parameters.species_eV)
        by_species.index_add_(0, self._kind, weight.index_select(0, self._cell_of_atom))
        return torch.cat([self._mean * by_xi, by_species, self._mean * self._unmixed(by_mixing).flatten()])

    def _surroundings(self, batch: Batch) -> Surroundings:
        return Surroundings(batch, self.form, self._moments.degree, self._spin)

    def _parameters(self, potential: SpinPotential) -> Parameters:
        """Bring parameters to the device, those of the radial functions in the order of spin functions."""
        self._require_form(potential)
        species, size = len(potential.species), potential.magnetic_size
        xi, energies, radial = self._tensor(potential.parameters()).split(
            [potential.moment_coefficients.size, species, potential.radial_coefficients.size]
        )
        # (species, species, mu, zeta, beta, gamma) to (species, beta, mu, sign, zeta, species, gamma).
        ordered = radial.view(potential.radial_coefficients.shape).permute(0, 4, 2, 3, 1, 5)[:, :, :, None]
        return Parameters(xi, energies, (ordered * self._parity).reshape(species * size, -1))

    def _unmixed(self, by_mixing: Tensor) -> Tensor:
        """Return derivatives with respect to the radial coefficients, in their order, from those of `mixing`."""
        form, size = self.form, self.form.magnetic_size
        species, functions = len(form.species), form.level.radial_functions
        parts = by_mixing.view(species, size, functions, -1, form.radial_size, species, size)
        return (parts * self._parity).sum(3).permute(0, 4, 2, 3, 1, 5)

    def _require_form(self, potential: SpinPotential) -> None:
        """Refuse a potential whose tables are not those of the engine."""
        form = self.form
        for name in ("species", "r_min_A", "r_cut_A", "m_max_muB", "scaling", "symmetrised"):
            found, expected = getattr(potential, name), getattr(form, name)
            if found != expected:
                raise ConfigurationError(f"{name}: found {found} in the potential, the engine was made for {expected}")
        found, expected = potential.radial_coefficients.shape, form.radial_coefficients.shape
        if found != expected or not potential.level.same(form.level):
            raise ConfigurationError(
                f"level and basis: found level {potential.level.number} and radial coefficients {found}, "
                f"the engine was made for level {form.level.number} and {expected}"
            )

    def _terms_of(self, target: Target) -> _Terms:
        """Bring labels to the device; those of the last target are still there."""
        if self._terms is None or self._terms.target is not target:
            self._require_same(target.configurations)
            total, counts = max(len(self._counts), 1), self._counts
            per_atom = 1.0 / counts.index_select(0, self._cell_of_atom) / total
            weights, labels, label, scale = target.weights, target.labels, {}, {}
            for name, weight, one in (
                ("energy_eV", weights.energy, 1.0 / counts**2 / total),
                ("force_eV_A", weights.force, per_atom[:, None]),
                ("stress_eV_A3", weights.stress, (self._volumes / counts)[:, None, None] ** 2 / total),
                ("magnetic_force_eV_muB", weights.magnetic, per_atom),
            ):
                if weight != 0.0:
                    label[name], scale[name] = self._tensor(getattr(labels, name)), weight * one
            self._terms = _Terms(target, label, scale)
        return self._terms

    def _require_same(self, configurations: Configurations) -> None:
        """Refuse configurations that are not those of the engine."""
        own = self.configurations
        if configurations is own:
            return
        for name in ("species", "offset", "cell_A", "position_A", "kind", "moment_muB"):
            if not np.array_equal(getattr(configurations, name), getattr(own, name)):
                raise ConfigurationError(
                    f"target: found {len(configurations)} configurations with another {name} than the engine's "
                    f"{len(own)}, expected the same"
                )


def evaluate(
    potential: SpinPotential, configurations: Configurations, device: str = "auto", batch_atoms: int | None = None
) -> Predictions:
    """Evaluate a potential once (Kotykhov et al., Eqs. 3 to 7); arguments and errors are those of `TorchEngine`."""
    return TorchEngine(configurations, potential, device, batch_atoms).evaluate(potential)
