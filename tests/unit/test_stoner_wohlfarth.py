"""The analytic curve of coherent rotation, and the minimiser on particles that must follow it."""

import numpy as np
import pytest

from lodestone.magnetism.stoner_wohlfarth import descending_branch, switching_field
from lodestone.magnetism.units import MU0
from lodestone.micromagnetics.anisotropy import UniaxialAnisotropy
from lodestone.micromagnetics.exchange import Exchange
from lodestone.micromagnetics.grid import Grid
from lodestone.micromagnetics.hysteresis import sweep
from lodestone.micromagnetics.minimiser import Settings, Status

MU0_MS_T, K1_J_M3, A_J_M = 1.61, 4.2e6, 8e-12
ANISOTROPY_FIELD_T = 2 * K1_J_M3 * MU0 / MU0_MS_T
STEP = 0.01
FIELD_H = np.linspace(1, -1, 201)
ANGLES_DEG = [1, 5, 10, 20, 30, 45, 60, 75, 85, 89]


def test_the_switching_field_has_its_known_values():
    assert switching_field(np.radians([0, 45, 90])) == pytest.approx([1, 0.5, 1])
    assert switching_field(np.radians(30)) == pytest.approx(switching_field(np.radians(60)))


@pytest.mark.parametrize("degrees", ANGLES_DEG)
def test_the_branch_is_a_minimum_until_it_switches(degrees):
    psi = np.radians(degrees)
    m = descending_branch(FIELD_H, psi)
    switched = switching_field(psi) <= -FIELD_H
    assert np.all(m[switched] < 0)
    h, theta = FIELD_H[~switched], psi - np.arccos(m[~switched])
    # Through arccos near 1 the angle is known to the root of rounding, 1e-8, where its square enters.
    assert np.all(np.abs(0.5 * np.sin(2 * theta) - h * np.sin(psi - theta)) < 1e-7)
    assert np.all(np.cos(2 * theta) + h * np.cos(psi - theta) > 0)
    assert np.all(np.diff(theta) < 0)


def test_remanence_is_the_axis_seen_from_the_field():
    for degrees in ANGLES_DEG:
        psi = np.radians(degrees)
        assert descending_branch(0.0, psi) == pytest.approx(np.cos(psi), abs=1e-15)


@pytest.mark.parametrize("psi", [0.0, np.pi / 2, -0.1, np.nan])
def test_angles_without_a_side_to_fall_to_are_refused(psi):
    with pytest.raises(ValueError, match="psi_rad"):
        descending_branch([0.0], psi)


@pytest.mark.parametrize("in_plane", [False, True])
@pytest.mark.parametrize("degrees", ANGLES_DEG)
def test_a_particle_without_magnetostatics_switches_at_the_analytic_field(degrees, in_plane):
    psi = np.radians(degrees)
    grid = Grid.of(
        (3, 2, 2),
        (1e-9, 2e-9, 1e-9),
        mu0_Ms_T=MU0_MS_T,
        K1_J_m3=K1_J_M3,
        A_J_m=A_J_M,
        easy_axis=(np.sin(psi), np.cos(psi), 0.0),
    )
    result = sweep(
        grid,
        ANISOTROPY_FIELD_T * FIELD_H,
        (0, 1, 0),
        terms=[Exchange(grid), UniaxialAnisotropy(grid)],
        settings=Settings(torque_tolerance=1e-6),
        in_plane=in_plane,
    )
    assert result.status == Status.CONVERGED
    limit = switching_field(psi)
    # The switch is the fall out of the minimum: the largest drop between two fields, within one of their steps.
    expected = descending_branch(FIELD_H, psi)
    last = int(np.argmax(-np.diff(result.moment @ [np.sin(psi), np.cos(psi), 0.0])))
    assert FIELD_H[last + 1] - STEP <= -limit <= FIELD_H[last] + STEP
    # Away from the limit a torque of 1e-6 M_s turns m by that over the stiffness, which falls as the root of the
    # distance to the limit: above 0.05 H_A, that is 0.2 T of 6.6 T, at a step away.
    away = np.abs(FIELD_H + limit) > 1.5 * STEP
    assert np.abs(result.magnetisation - expected)[away].max() < 1e-4


def test_a_particle_below_the_exchange_length_turns_as_one_despite_magnetostatics():
    psi = np.radians(30)
    grid = Grid.of(
        (4, 4, 4),
        (0.25e-9,) * 3,
        mu0_Ms_T=MU0_MS_T,
        K1_J_m3=K1_J_M3,
        A_J_m=A_J_M,
        easy_axis=(np.sin(psi), 0.0, np.cos(psi)),
    )
    fields = ANISOTROPY_FIELD_T * np.linspace(0, -1, 101)
    result = sweep(grid, fields, (0, 0, 1), stop_outside=(0, 2))
    # A cube's demagnetising factors are equal: its uniform state feels no torque from them.
    assert result.field_T[-1] / ANISOTROPY_FIELD_T == pytest.approx(-switching_field(psi), abs=STEP)
    expected = descending_branch(result.field_T[:-2] / ANISOTROPY_FIELD_T, psi)
    assert result.magnetisation[:-2] == pytest.approx(expected, abs=2e-3)  # flowering of the edges, (1 nm / 2.8 nm)^4
