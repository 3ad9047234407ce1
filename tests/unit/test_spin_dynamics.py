"""What the artifact of a molecular-dynamics run makes of its samples."""

import numpy as np
import pytest
from crystals import PROVENANCE

from lodestone.artifacts.base import ArtifactError
from lodestone.artifacts.spin_dynamics import SpinDynamics, standard_error

ARRAYS = [name for name, spec in SpinDynamics.specs().items() if hasattr(spec, "dims")]


def artifact(**changes):
    """Trajectory of 1000 steps of 2 fs with a sample every ten of them: two atoms, a drift and nothing else."""
    step = np.arange(0, 1001, 10)
    values = {
        "step": step,
        "volume_A3": np.full(101, 2.85**3),
        "temperature_K": np.full(101, 300.0),
        "potential_eV": np.full(101, -1.0),
        "conserved_eV": -7000.0 + 0.003 * step * 0.002,
        "host_moment_muB": np.full(101, -2.2),
        "converged": np.ones(101, np.uint8),
    }
    numbers = {"atom_count": 2, "steps": 1000, "steps_done": 1000, "level": 8, "magnetic_size": 2, "member": 0}
    reals = {"solute_fraction": 0.0, "time_step_fs": 2.0, "temperature_target_K": 300.0, "thermostat_fs": 50.0}
    reals.update(barostat_fs=200.0, magnetic_weight=0.1)
    texts = {"species": ["Fe", "Al"], "reason": "", "labels_from": "a model"}
    return SpinDynamics(**{**values, **numbers, **reals, **texts, **changes}, provenance=PROVENANCE)


def test_means_leave_out_the_start_and_the_drift_is_that_of_one_atom():
    volume = np.full(101, 2.85**3)
    volume[:30] = 3.0**3
    made = artifact(volume_A3=volume)
    assert made.mean_lattice_A(0.3) == (pytest.approx(2.85, rel=1e-12), pytest.approx(0.0, abs=1e-12))
    assert made.mean_lattice_A(0.0)[0] > 2.86
    assert made.mean_temperature_K(0.0)[0] == 300.0
    assert made.mean_host_moment_muB(0.0)[0] == pytest.approx(2.2)
    # 3 meV in a picosecond for two atoms.
    assert made.drift_meV_per_atom_ps() == pytest.approx(1.5, rel=1e-6)
    assert made.drift_meV_per_atom_ps(0.5) == pytest.approx(1.5, rel=1e-6)


def test_a_run_that_stopped_has_no_means():
    stopped = artifact(reason="after step 990: something")
    assert np.isnan(stopped.mean_lattice_A(0.3)).all()
    empty = {name: np.zeros(0, np.uint8 if name == "converged" else int if name == "step" else float)
             for name in ARRAYS}  # fmt: skip
    nothing = artifact(**empty, steps_done=0, reason="at the start: something")
    assert np.isnan(nothing.mean_lattice_A(0.0)).all() and np.isnan(nothing.drift_meV_per_atom_ps())


def test_the_artifact_refuses_what_makes_no_sense():
    with pytest.raises(ArtifactError, match="step"):
        artifact(step=np.zeros(101, int))
    with pytest.raises(ArtifactError, match="converged"):
        artifact(converged=np.full(101, 2, np.uint8))
    with pytest.raises(ValueError, match="equilibration: found 1, allowed"):
        artifact().mean_lattice_A(1)


def test_the_standard_error_is_that_of_a_correlated_series():
    """Autoregressive series: the variance of the mean is that of independent numbers times (1 + r) / (1 - r)."""
    rng, correlation, count = np.random.default_rng(0), 0.9, 4096
    found, means = [], []
    for _ in range(40):
        series = np.zeros(count)
        series[0] = rng.normal()
        noise = rng.normal(size=count) * np.sqrt(1 - correlation**2)
        for k in range(1, count):
            series[k] = correlation * series[k - 1] + noise[k]
        found.append(standard_error(series))
        means.append(series.mean())
    expected = np.sqrt((1 + correlation) / (1 - correlation) / count)
    # The largest of several estimates is a little above the true error; independent numbers would give 0.23 of it.
    assert 0.9 < np.mean(found) / expected < 1.4
    # 40 means tell their spread to 11 %.
    assert np.std(means) == pytest.approx(expected, rel=0.35)
    assert np.isnan(standard_error(np.arange(7.0)))
