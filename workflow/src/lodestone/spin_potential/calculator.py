"""Calculator of ASE: energies, forces, stresses and magnetic forces, with moments given or in equilibrium."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress
from numpy.typing import NDArray

from lodestone.spin_potential.configurations import Configurations
from lodestone.spin_potential.equilibration import TOLERANCE_EV_MUB, equilibrate_moments
from lodestone.spin_potential.evaluation import evaluate
from lodestone.spin_potential.potential import SpinPotential

_log = logging.getLogger(__name__)


class SpinCalculator(Calculator):
    """Potential that ASE moves atoms by; moments are the atoms' initial ones.

    Results are those of ASE, and `magnetic_forces` (atom,), minus the energy's derivatives with respect to moments in
    eV / mu_B.

    Parameters
    ----------
    potential : SpinPotential
    equilibrate : bool
        Whether moments are brought to equilibrium at each step. The first step begins at the initial moments; later
        ones at the last equilibrium, as long as atoms and initial moments are the same; `forget` drops it.
    tolerance_eV_muB : float
        Largest magnetic force in equilibrium.

    Attributes
    ----------
    converged : bool
        Whether the last moments reached equilibrium; a warning in the log says so where they did not.
    """

    implemented_properties = [
        "energy", "free_energy", "energies", "forces", "stress", "magmom", "magmoms", "magnetic_forces",
    ]  # fmt: skip

    def __init__(
        self, potential: SpinPotential, *, equilibrate: bool = False, tolerance_eV_muB: float = TOLERANCE_EV_MUB
    ) -> None:
        super().__init__()
        self.potential, self.equilibrate, self.tolerance_eV_muB = potential, equilibrate, tolerance_eV_muB
        self.converged = True
        self._last: tuple[NDArray, NDArray, NDArray] | None = None

    def forget(self) -> None:
        """Forget results and the last equilibrium; ASE's `reset`, which it calls at each step, keeps the latter."""
        self.reset()
        self._last = None

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Fill `results`.

        Raises
        ------
        ConfigurationError
            For elements or moments that the potential does not know, and for cells that are not periodic.
        """
        super().calculate(atoms, list(properties), list(system_changes))
        image: Any = self.atoms
        given = image.get_initial_magnetic_moments()
        start = self._start(image.numbers, given)
        crystal = Configurations.from_atoms([image], self.potential.species, [start], [image.get_chemical_formula()])
        if self.equilibrate:
            found = equilibrate_moments(self.potential, crystal, tolerance_eV_muB=self.tolerance_eV_muB)
            self.converged = bool(found.converged[0])
            if not self.converged:
                _log.warning(
                    "%s: moments are not in equilibrium: largest magnetic force %.1e eV/mu_B, allowed: below %.1e",
                    crystal.names[0], found.largest_eV_muB[0], self.tolerance_eV_muB,
                )  # fmt: skip
            crystal, said = found.configurations, found.predictions
            self._last = image.numbers.copy(), given.copy(), crystal.moment_muB
        else:
            self.converged, said = True, evaluate(self.potential, crystal)
        results: dict[str, Any] = {
            "energy": float(said.energy_eV[0]),
            "free_energy": float(said.energy_eV[0]),
            "energies": said.atom_energy_eV,
            "forces": said.force_eV_A,
            "stress": full_3x3_to_voigt_6_stress(said.stress_eV_A3[0]),
            "magmom": float(crystal.moment_muB.sum()),
            "magmoms": crystal.moment_muB.copy(),
            "magnetic_forces": said.magnetic_force_eV_muB,
        }
        self.results = results

    def _start(self, numbers: NDArray, given: NDArray) -> NDArray:
        """Moments to begin at."""
        if not self.equilibrate or self._last is None:
            return given
        known, initial, moments = self._last
        return moments if np.array_equal(known, numbers) and np.array_equal(initial, given) else given
