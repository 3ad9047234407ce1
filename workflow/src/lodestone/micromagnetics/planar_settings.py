"""Settings of the in-plane solver."""

from __future__ import annotations

import math
from dataclasses import dataclass

PRECISIONS = {"single": "float32", "double": "float64"}


@dataclass(frozen=True)
class PlanarSettings:
    """How minima are found.

    Parameters
    ----------
    torque_tolerance : float
        A state counts as converged when |m x H| <= torque_tolerance * M_s in every cell.
    max_iterations : int
        Evaluations of the stray field allowed for one field.
    precision : str
        ``single`` or ``double``.
    memory : int
        Correction pairs of the quasi-Newton method.
    turn_limit_rad : float
        Largest turn of a moment in one quasi-Newton step.
    flow_torque : float
        Torque over M_s above which the flow is followed.
    flow_step : float
        Time step of the flow, in units of the time in which a torque of M_s turns a moment by 1 rad.
    flow_steps : int
        Steps of the flow between two evaluations of the stray field.
    flow_turn_rad : float
        Largest turn of a moment in one step of the flow.
    extrapolate : bool
        Start from states extrapolated along the fields.
    windows : bool
        Work on rectangles where only part of the layer moves.
    window_evaluations : int
        Evaluations in a rectangle before the whole layer is looked at again.

    Raises
    ------
    ValueError
        If the tolerance, the number of iterations or the precision is out of bounds.
    """

    torque_tolerance: float = 1e-4
    max_iterations: int = 20_000
    precision: str = "single"
    memory: int = 8
    turn_limit_rad: float = 0.2
    flow_torque: float = 0.03
    flow_step: float = 0.2
    flow_steps: int = 8
    flow_turn_rad: float = 0.5
    extrapolate: bool = True
    windows: bool = True
    window_evaluations: int = 32

    def __post_init__(self) -> None:
        """Refuse what would never end, or end at once."""
        if not 0 < self.torque_tolerance < math.inf:
            raise ValueError(f"torque_tolerance: found {self.torque_tolerance!r}, allowed are finite values > 0")
        if self.max_iterations < 1:
            raise ValueError(f"max_iterations: found {self.max_iterations!r}, allowed are numbers from 1")
        if self.precision not in PRECISIONS:
            allowed = ", ".join(map(repr, PRECISIONS))
            raise ValueError(f"precision: found {self.precision!r}, allowed are {allowed}")
