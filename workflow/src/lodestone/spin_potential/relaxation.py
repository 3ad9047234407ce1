"""Crystals relaxed with their moments: positions and cell step by step, moments in equilibrium at each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from lodestone.spin_potential.calculator import SpinCalculator
from lodestone.spin_potential.configurations import ConfigurationError
from lodestone.spin_potential.potential import SpinPotential

# Forces and, times the volume per atom, stresses of a relaxed crystal.
FORCE_TOLERANCE_EV_A = 1e-3
# A crystal that shrinks or swells by more has left what any data set of crystals covers.
_VOLUME_RANGE = (0.7, 1.4)


@dataclass(frozen=True, eq=False)
class Relaxed:
    """How a relaxation ended.

    Attributes
    ----------
    atoms : Atoms
        Where it ended.
    moment_muB : ndarray, (atom,)
        Equilibrium moments there.
    energy_eV : float
        Energy of the cell; NaN if the potential has none.
    converged : bool
        Whether forces, stresses and magnetic forces vanished within reach of the start.
    reason : str
        Why not; empty if so.
    """

    atoms: Atoms
    moment_muB: NDArray[np.float64]
    energy_eV: float
    converged: bool
    reason: str


def relax(
    potential: SpinPotential,
    atoms: Atoms,
    moments_muB: NDArray[np.float64],
    *,
    force_tolerance_eV_A: float = FORCE_TOLERANCE_EV_A,
    max_steps: int = 300,
) -> Relaxed:
    """Relax positions, cell and moments together (Kotykhov et al., section 1.1).

    Parameters
    ----------
    potential : SpinPotential
    atoms : Atoms
        Start; not changed.
    moments_muB : ndarray, (atom,)
        Start of the moments.
    force_tolerance_eV_A : float
        Largest force, and largest stress times the volume per atom's edge, of a relaxed crystal.
    max_steps : int
        Steps of BFGS.
    """
    from ase.filters import FrechetCellFilter
    from ase.optimize import BFGS

    image = atoms.copy()
    image.set_initial_magnetic_moments(moments_muB)
    calculator = SpinCalculator(potential, equilibrate=True)
    image.calc = calculator
    start = image.get_volume()
    reason, ended = "", False
    try:
        # ASE's optimizers take filters; their annotations do not say so.
        with BFGS(cast(Any, FrechetCellFilter(image)), logfile=None) as optimizer:
            for at_rest in optimizer.irun(fmax=force_tolerance_eV_A, steps=max_steps):
                ended, ratio = at_rest, image.get_volume() / start
                if not _VOLUME_RANGE[0] < ratio < _VOLUME_RANGE[1]:
                    reason = f"the volume became {ratio:.2f} of that at the start"
                    break
        if not reason and not ended:
            reason = f"forces did not vanish in {max_steps} steps"
        if not reason and not calculator.converged:
            reason = "moments did not reach equilibrium"
    except (ConfigurationError, np.linalg.LinAlgError, ValueError) as error:
        reason = str(error)
    results = calculator.results
    moments = np.asarray(results.get("magmoms", moments_muB), float)
    return Relaxed(image, moments, float(results.get("energy", np.nan)), not reason, reason)
