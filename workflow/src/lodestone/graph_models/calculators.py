"""Calculators of ASE: ours over an `Evaluator`, and any other by its import path as something that evaluates."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, CalculatorSetupError, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from lodestone.dft.relaxation import Evaluation, Geometry
from lodestone.graph_models.errors import ModelError

EvaluateMany = Callable[[Sequence[Geometry]], Sequence[Evaluation]]


class GraphCalculator(Calculator):  # type: ignore[misc]
    """Calculator of ASE over anything that evaluates geometries.

    Parameters
    ----------
    evaluate : callable
        Such as an `Evaluator`.
    **kwargs
        ASE's own.
    """

    def __init__(self, evaluate: EvaluateMany, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.implemented_properties = ["energy", "free_energy", "forces", "stress", "magmoms"]
        self.evaluate = evaluate

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Compute everything at once; raises ASE's `CalculatorSetupError` with the reason for a failure."""
        super().calculate(atoms, list(properties), list(system_changes))
        crystal: Any = self.atoms
        if not crystal.pbc.all():
            raise CalculatorSetupError("found a direction without periodic boundaries, expected a crystal")
        geometry = Geometry(0, crystal.numbers, crystal.cell.array, crystal.get_scaled_positions(wrap=False))
        (result,) = self.evaluate([geometry])
        if result.failure:
            raise CalculatorSetupError(result.failure)
        self.results = {
            "energy": result.energy_eV,
            "free_energy": result.energy_eV,
            "forces": result.forces_eV_A,
            "stress": full_3x3_to_voigt_6_stress(result.stress_eV_A3),
            "magmoms": result.moments_muB,
        }


class CalculatorEvaluator:
    """Evaluates geometries one by one with a calculator of ASE."""

    def __init__(self, calculator: Any, name: str) -> None:
        self.calculator, self.name = calculator, name

    def __call__(self, geometries: Sequence[Geometry]) -> list[Evaluation]:
        """Evaluate all geometries; what a calculator raises becomes the reason of a failure."""
        return [self._one(geometry) for geometry in geometries]

    def _one(self, geometry: Geometry) -> Evaluation:
        """Evaluate one geometry."""
        numbers = np.asarray(geometry.atomic_numbers)
        try:
            atoms = Atoms(numbers=numbers, cell=geometry.lattice_A, scaled_positions=geometry.fractional, pbc=True)
            atoms.calc = self.calculator
            energy = float(atoms.get_potential_energy())
            forces, stress = atoms.get_forces(), atoms.get_stress(voigt=False)
        except Exception as error:  # calculators raise what they like
            return Evaluation(failure=f"{self.name}: {type(error).__name__}: {' '.join(str(error).split())[:200]}")
        if not (np.isfinite(energy) and np.isfinite(forces).all() and np.isfinite(stress).all()):
            return Evaluation(failure=f"{self.name} gave a number that is not finite")
        moments = self.calculator.results.get("magmoms", np.zeros(len(numbers)))
        return Evaluation(energy, np.asarray(forces, float), np.asarray(stress, float), np.asarray(moments, float))


def load_calculator(path: str, **kwargs: Any) -> CalculatorEvaluator:
    """Return an evaluator over a calculator by its import path.

    Parameters
    ----------
    path : str
        ``package.module:Class``, or a function that returns a calculator.
    **kwargs
        What it is called with.

    Raises
    ------
    ModelError
        If the path is none, the module or class is not there, it does not accept the arguments, or what comes back is
        no calculator.
    """
    module_name, _, name = path.partition(":")
    if not module_name or not name:
        raise ModelError("calculator", repr(path), "package.module:Class")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise ModelError(f"calculator {path!r}", str(error), f"a module {module_name} that can be imported") from error
    made = getattr(module, name, None)
    if not callable(made):
        public = [n for n, v in vars(module).items() if callable(v) and n.endswith(("Calculator", "calculator", "LJ"))]
        raise ModelError(
            f"calculator {path!r}", f"no {name} in {module_name}", ", ".join(public[:5]) or "a class of it"
        )
    try:
        calculator = made(**kwargs)
    except Exception as error:  # a class of others may raise what it likes
        found = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise ModelError(f"calculator {path!r}", found, f"arguments that it accepts, not {kwargs}") from error
    if not hasattr(calculator, "get_property") and not hasattr(calculator, "get_potential_energy"):
        raise ModelError(f"calculator {path!r}", f"a {type(calculator).__name__}", "a calculator of ASE")
    return CalculatorEvaluator(calculator, name)
