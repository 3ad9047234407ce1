"""Fits of a potential to labels: Levenberg-Marquardt with the Jacobian, or quasi-Newton with the adjoint gradient."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from lodestone.spin_potential import levenberg_marquardt
from lodestone.spin_potential.evaluation import evaluate
from lodestone.spin_potential.jacobian import normal_equations
from lodestone.spin_potential.loss import Target, loss_and_gradient, residuals
from lodestone.spin_potential.potential import SpinPotential

Array = NDArray[np.float64]
METHODS = ("levenberg_marquardt", "lbfgs")
# Steps whose curvature L-BFGS remembers: the loss is narrow in some directions and flat in others.
_MEMORY = 60
# Combinations of moment coefficients that the labels do not tell apart, by their part of the largest eigenvalue.
_RANK = 1e-13


@dataclass(frozen=True)
class FitSettings:
    """How a potential is fitted.

    Attributes
    ----------
    max_iterations : int
        Steps of the method.
    tolerance : float
        The fit ends when `patience` steps together lower the loss by less than this part.
    patience : int
        Number of those steps.
    method : str
        ``levenberg_marquardt`` needs few steps, each of which costs a Jacobian of all labels; ``lbfgs`` needs hundreds
        of cheap ones, and memory for one gradient only.
    device : str
        ``cpu``, or ``gpu`` for L-BFGS with all labels on a GPU.
    ridge : float
        Weight of the squares of all parameters but the species' energies, beside the loss; keeps parameters small on
        which the labels hardly depend.
    """

    max_iterations: int = 100
    tolerance: float = 1e-3
    patience: int = 10
    method: str = "levenberg_marquardt"
    device: str = "cpu"
    ridge: float = 0.0

    def __post_init__(self) -> None:
        """Refuse an unknown method, and one that does not run on the device.

        Raises
        ------
        ValueError
            Says what is allowed.
        """
        if self.method not in METHODS:
            raise ValueError(f"method: found {self.method}, allowed: one of {', '.join(METHODS)}")
        if self.device != "cpu" and self.method != "lbfgs":
            raise ValueError(f"method: found {self.method} on {self.device}, allowed there: lbfgs")


@dataclass(frozen=True)
class Fit:
    """A fitted potential and how the fit went.

    Attributes
    ----------
    potential : SpinPotential
    losses : ndarray, (step,)
        Lowest so far after each step.
    converged : bool
        Whether it ended by its tolerance and not by the number of steps.
    """

    potential: SpinPotential
    losses: Array
    converged: bool


def with_linear_parameters(potential: SpinPotential, target: Target, ridge: float) -> SpinPotential:
    """Return the potential with the moment coefficients and species' energies that fit the labels best.

    All labels are linear in these: one step of Gauss and Newton finds them. Without it a fit begins at forces of random
    sizes, often thousands of times too large, and ends in worse minima.

    Parameters
    ----------
    potential : SpinPotential
        Its radial coefficients stay.
    target : Target
        Labelled configurations and weights.
    ridge : float
        Weight of the squared moment coefficients beside the loss.

    Raises
    ------
    ConfigurationError
        For configurations without a label that has a weight, or that the potential cannot take.
    """
    target.require_labels()
    start = _with_species_energies(potential, target)
    values, scalars = start.parameters(), start.moment_coefficients.size
    linear = scalars + len(start.species)
    _, slope, square = normal_equations(start, target)
    prior = _prior(start, ridge)[:linear]
    equations = square[:linear, :linear] + np.diag(prior)
    step, *_ = np.linalg.lstsq(equations, slope[:linear] + prior * values[:linear], rcond=_RANK)
    values[:linear] -= step
    return start.with_parameters(values)


def _with_species_energies(potential: SpinPotential, target: Target) -> SpinPotential:
    """Return the potential with the species' energies that fit the labels best without any interaction.

    Total energies are thousands of electronvolts an atom: the next step begins at what is left, and keeps digits.
    """
    configurations = target.configurations
    counts = np.zeros((len(configurations), len(potential.species)))
    of_atom = np.repeat(np.arange(len(configurations)), configurations.counts())
    np.add.at(counts, (of_atom, configurations.kind), 1.0)
    scale = 1.0 / configurations.counts()
    energies, *_ = np.linalg.lstsq(counts * scale[:, None], target.labels.energy_eV * scale, rcond=None)
    values = potential.parameters()
    first = potential.moment_coefficients.size
    values[first : first + len(potential.species)] = energies
    return potential.with_parameters(values)


def fit(
    start: SpinPotential,
    target: Target,
    settings: FitSettings,
    log: logging.Logger,
) -> Fit:
    """Minimise the loss from a start.

    Parameters
    ----------
    start : SpinPotential
        Where it begins.
    target : Target
        Labelled configurations and weights.
    settings : FitSettings
        When it ends.
    log : Logger
        Told about the progress.

    Raises
    ------
    ConfigurationError
        For configurations without a label that has a weight, or that the potential cannot take.
    """
    target.require_labels()
    progress = _Progress(settings, log)
    prior = _prior(start, settings.ridge)
    try:
        if settings.method == "lbfgs":
            _by_lbfgs(start, target, prior, progress, settings)
        else:
            _by_levenberg_marquardt(start, target, prior, progress, settings.max_iterations)
        # Nothing lowers the loss any more, or the number of steps is used up.
        converged = len(progress.losses) < settings.max_iterations
    except _Enough:
        converged = True
    values = start.parameters() if progress.best is None else progress.best
    return Fit(start.with_parameters(values), np.array(progress.losses), converged)


def _prior(potential: SpinPotential, ridge: float) -> Array:
    """Weights (parameter,) of the squared parameters; species' energies have none."""
    prior = np.full(potential.parameter_count, ridge)
    first = potential.moment_coefficients.size
    prior[first : first + len(potential.species)] = 0.0
    return prior


class _Enough(Exception):
    """The loss falls no more."""


class _Progress:
    """Losses and parameters after each step."""

    def __init__(self, settings: FitSettings, log: logging.Logger) -> None:
        self.settings, self.log = settings, log
        self.losses: list[float] = []
        self.best: Array | None = None

    def __call__(self, x: Array, loss: float) -> None:
        """Note a step; ends the fit when the loss falls too little."""
        self.best = x
        self.losses.append(loss)
        step, patience = len(self.losses), self.settings.patience
        if step % patience:
            return
        self.log.info("step %d: loss %.4e", step, loss)
        if step > patience and self.losses[-1 - patience] - loss < self.settings.tolerance * loss:
            raise _Enough


def _by_levenberg_marquardt(
    start: SpinPotential, target: Target, prior: Array, progress: _Progress, max_iterations: int
) -> None:
    def equations(x: Array) -> tuple[float, Array, Array]:
        loss, slope, square = normal_equations(start.with_parameters(x), target)
        return loss + float(prior @ x**2), slope + prior * x, square + np.diag(prior)

    def value(x: Array) -> float:
        said = evaluate(start.with_parameters(x), target.configurations)
        return residuals(target, said)[0] + float(prior @ x**2)

    for x, loss in islice(levenberg_marquardt.steps(start.parameters(), equations, value), max_iterations):
        progress(x, loss)


def _by_lbfgs(start: SpinPotential, target: Target, prior: Array, progress: _Progress, settings: FitSettings) -> None:
    best_loss, best = np.inf, start.parameters()
    slope = _slope(start, target, settings.device)

    def objective(x: Array) -> tuple[float, Array]:
        nonlocal best_loss, best
        loss, gradient = slope(start.with_parameters(x))
        loss, gradient = loss + float(prior @ x**2), gradient + 2 * prior * x
        if loss < best_loss:
            best_loss, best = loss, x.copy()
        return loss, gradient

    limit = settings.max_iterations
    options: dict[str, float] = {"maxiter": limit, "maxfun": 10 * limit}
    options |= {"maxcor": _MEMORY, "ftol": 0.0, "gtol": 0.0}

    def after_step(_: Array) -> None:
        progress(best, best_loss)

    minimize(objective, start.parameters(), jac=True, method="L-BFGS-B", callback=after_step, options=options)


def _slope(start: SpinPotential, target: Target, device: str) -> Callable[[SpinPotential], tuple[float, Array]]:
    """Return the function from a potential to its loss and gradient, on a device."""
    if device == "cpu":
        return lambda potential: loss_and_gradient(potential, target)
    # PyTorch takes seconds to load, which fits on a CPU do not need.
    from lodestone.spin_potential.torch_engine import TorchEngine

    engine = TorchEngine(target.configurations, start, device)
    return lambda potential: engine.loss_and_gradient(potential, target)
