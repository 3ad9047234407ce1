"""Energy minima of a layer magnetised in its plane, along a sequence of fields.

The angle phi of every cell is free, so that the problem is an unconstrained one in ny * nx unknowns. Two regimes:

* Near an equilibrium: limited-memory BFGS around a Newton step of the local energy (exchange, anisotropy, Zeeman),
  which needs no transform. What it has learnt of the Hessian is kept from field to field, and a step starts from states
  extrapolated along the fields.
* After an instability, when walls run: the steepest-descent flow d phi/dt = -dE/dphi is followed by linearly implicit
  steps, several of them between two evaluations of the stray field. The flow, not the minimiser, decides where a
  reversal comes to rest. Cells that have not moved smoothly from field to field are never extrapolated.

Where only part of the layer is out of equilibrium, both are done on a rectangle around that part, the rest held.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lodestone.artifacts.loops import Status
from lodestone.magnetism.material import Material
from lodestone.micromagnetics import planar_kernels as kernels
from lodestone.micromagnetics.planar_region import Region
from lodestone.micromagnetics.planar_settings import PRECISIONS, PlanarSettings
from lodestone.micromagnetics.planar_windows import moving_windows

# Edge lengths, in cells, of the rectangles: few, so that their kernels are made once.
WINDOW_CELLS = np.array((16, 24, 32, 40, 48, 64, 80, 96, 112, 128))
TILE_CELLS = 8  # edge of the tiles by which separate moving parts are told apart
WINDOW_MARGIN = 4  # cells between what moves and the border of a rectangle
SMALL_SHARE = 0.02  # of the layer below which moving parts are not told apart
QUIET = 0.1  # of the largest torque, below which a cell does not move
WINDOW_SHARE = 0.35  # of the layer above which the whole layer is as cheap
SMOOTH_TURN = 0.15  # rad between two fields, above which a cell is not extrapolated


class PlanarSolver:
    """Layer of uniform material with an easy axis in the plane of every cell.

    Parameters
    ----------
    axis_angle_rad : ndarray, (ny, nx)
        Angle of the easy axis from +y towards +x.
    material : Material
        Intrinsic properties.
    cell_size_nm : (dx, dy, dz)
        Edges of a cell; square in the plane.
    settings : PlanarSettings
        How minima are found.

    Attributes
    ----------
    evaluations : int
        Stray fields of the whole layer computed so far.
    work : float
        Stray fields computed so far, those of rectangles counted by their share of the layer.

    Raises
    ------
    ValueError
        If the cells are not square in the plane or the angles are not finite.
    """

    def __init__(
        self,
        axis_angle_rad: NDArray,
        material: Material,
        cell_size_nm: tuple[float, float, float],
        settings: PlanarSettings | None = None,
    ) -> None:
        self.settings = settings or PlanarSettings()
        angle = np.asarray(axis_angle_rad, np.float64)
        if angle.ndim != 2 or angle.size == 0 or not np.isfinite(angle).all():
            raise ValueError(f"axis_angle_rad: found shape {angle.shape}, allowed are finite angles of shape (ny, nx)")
        if len(cell_size_nm) != 3 or not all(0 < d < np.inf for d in cell_size_nm):
            raise ValueError(f"cell_size_nm: found {cell_size_nm!r}, allowed are three positive lengths")
        (ny, nx), (dx, dy, dz) = angle.shape, cell_size_nm
        if abs(dx - dy) > 1e-9 * dx:
            raise ValueError(f"cell_size_nm: found dx = {dx}, dy = {dy}; the in-plane solver needs square cells")
        self._dtype = PRECISIONS[self.settings.precision]
        self._cell = (float(dx), float(dy), float(dz))
        scale = material.stray_energy_J_m3
        self._exchange = 2 * material.A_J_m / (scale * (dx * 1e-9) ** 2)
        self._mu0_Ms_T = material.mu0_Ms_T
        self._layer = self._region(ny, nx)
        twice, strength = 2 * angle, material.K1_J_m3 / scale
        self._layer.kc[1:-1, 1:-1], self._layer.ks[1:-1, 1:-1] = strength * np.cos(twice), strength * np.sin(twice)
        self._layer.state.c[1:-1, 1:-1] = 1
        self._layer.complete(self._layer.state, self._layer.real(0))
        self.evaluations, self.work = 1, 1.0
        self._windows: dict[tuple[int, int], Region] = {}
        self._past: list[tuple[NDArray, NDArray]] = []

    def _region(self, ny: int, nx: int) -> Region:
        return Region(ny, nx, self._cell, self._exchange, self._dtype, self.settings.memory)

    @property
    def magnetisation(self) -> float:
        """Mean magnetisation along +y over M_s."""
        return float(self._layer.state.c[1:-1, 1:-1].mean(dtype=np.float64))

    @property
    def torque(self) -> float:
        """Largest |m x H| / M_s of the present state."""
        return self._layer.state.torque

    @property
    def angle_rad(self) -> NDArray[np.float64]:
        """Angle of the magnetisation from +y towards +x, (ny, nx)."""
        state = self._layer.state
        return np.arctan2(state.s[1:-1, 1:-1].astype(np.float64), state.c[1:-1, 1:-1].astype(np.float64))

    def energy(self, field_T: float) -> float:
        """Energy of the present state in a field, over mu0 M_s^2 times the cell volume, up to a constant."""
        self._layer.evaluate(self._layer.state, self._layer.real(field_T / self._mu0_Ms_T))
        return self._layer.state.energy

    def minimise(self, field_T: float) -> Status:
        """Go to the energy minimum of the next field of a sweep, starting from the present state.

        Parameters
        ----------
        field_T : float
            External field mu0 H along +y, in T.

        Returns
        -------
        Status
            Whether the state converged; it is kept either way.
        """
        layer = self._layer
        h = layer.real(field_T / self._mu0_Ms_T)
        limit = self.evaluations + self.settings.max_iterations
        layer.evaluate(layer.state, h)
        self._extrapolate(h)
        status = self._descend(h, limit)
        self._past = [*self._past[-2:], (layer.state.s.copy(), layer.state.c.copy())]
        return status

    def _extrapolate(self, h: np.floating) -> None:
        """Replace the state by one extrapolated along the last fields, where that lowers the energy."""
        if not self.settings.extrapolate or len(self._past) < 3:
            return
        layer = self._layer
        first, second, third = self._past
        turn, before = np.zeros_like(first[0]), np.zeros_like(first[0])
        kernels.turn_between(*second, *third, turn)
        kernels.turn_between(*first, *second, before)
        kernels.extrapolate(turn, before, layer.real(SMOOTH_TURN))
        layer.turn_trial(turn, self.settings.turn_limit_rad)
        self._complete(h)
        if layer.energy_change(turn) <= 0:
            layer.accept()

    def _complete(self, h: np.floating) -> None:
        self._layer.complete(self._layer.trial, h)
        self.evaluations += 1
        self.work += 1

    def _descend(self, h: np.floating, limit: int) -> Status:
        """Minimise from the present state."""
        layer, tolerance = self._layer, self.settings.torque_tolerance
        while layer.state.torque > tolerance:
            if self.evaluations >= limit:
                return Status.ITERATION_LIMIT
            if self.settings.windows and self._descend_window(h):
                continue
            if layer.state.torque <= self.settings.flow_torque and self._quasi_newton(layer, h):
                continue
            if not self._flow(h):
                return Status.STALLED
        return Status.CONVERGED

    def _quasi_newton(self, region: Region, h: np.floating) -> bool:
        """One quasi-Newton step; False if the energy is not convex along it."""
        limit = self.settings.turn_limit_rad
        turn = region.descent_direction()
        if kernels.dot(turn, region.state.gradient) >= 0:
            region.pairs.clear()
            return False
        longest = float(kernels.largest(turn))
        if longest > limit:
            turn *= region.real(limit / longest)
        region.turn_trial(turn, limit)
        region.complete(region.trial, h)
        share = region.state.s.size / self._layer.state.s.size
        self.work += share
        self.evaluations += region is self._layer
        if region.energy_change(turn) > 0:
            region.pairs.clear()
            return False
        region.remember(turn)
        region.accept()
        return True

    def _flow(self, h: np.floating) -> bool:
        """Follow the flow of the whole layer until the stray field is due; False if no step lowers the energy."""
        settings, layer = self.settings, self._layer
        layer.pairs.clear()
        count, time_step = settings.flow_steps, settings.flow_step
        for _ in range(12):
            layer.flow_trial(h, time_step, settings.flow_turn_rad, count)
            self._complete(h)
            if layer.trial.energy <= layer.state.energy + layer.rounding():
                layer.accept()
                return True
            count, time_step = max(1, count // 2), time_step / 2
        return False

    def _descend_window(self, h: np.floating) -> bool:
        """Descend on rectangles around what moves; False if that is most of the layer or raises the energy."""
        layer, settings = self._layer, self.settings
        quiet = max(QUIET * layer.state.torque, 0.5 * settings.torque_tolerance)
        cells = (layer.shape[0] - 2) * (layer.shape[1] - 2)
        threshold, small = layer.real(quiet), SMALL_SHARE * cells
        windows = moving_windows(layer.state.gradient, threshold, TILE_CELLS, WINDOW_MARGIN, WINDOW_CELLS, small)
        if (windows[:, 1] * windows[:, 3]).sum() > WINDOW_SHARE * cells:
            return False
        layer.begin_trial()
        for row, height, column, width in windows.tolist():
            if (height, width) not in self._windows:
                self._windows[height, width] = self._region(height, width)
            window = self._windows[height, width]
            window.load(layer, row, column, h)
            self._relax(window, h, quiet)
            window.store(layer, row, column)
        self._complete(h)
        if layer.trial.energy > layer.state.energy + layer.rounding():
            return False
        layer.accept()
        return True

    def _relax(self, window: Region, h: np.floating, quiet: float) -> None:
        """Descend on a rectangle until it is as quiet as its surroundings, or for some evaluations."""
        settings = self.settings
        share = window.state.s.size / self._layer.state.s.size
        self.work += share
        for _ in range(settings.window_evaluations):
            if window.state.torque <= quiet:
                return
            if window.state.torque <= settings.flow_torque and self._quasi_newton(window, h):
                continue
            window.pairs.clear()
            window.flow_trial(h, settings.flow_step, settings.flow_turn_rad, settings.flow_steps)
            window.complete(window.trial, h)
            self.work += share
            window.accept()
