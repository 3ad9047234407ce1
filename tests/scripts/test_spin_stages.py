"""The scripts of magnetic potentials, one after the other, on a few labels of a potential that is known."""

from pathlib import Path

import numpy as np
import pytest
from spin_study import SETTINGS, data, run

from lodestone.artifacts.spin_checks import SpinChecks
from lodestone.artifacts.spin_data import SpinData
from lodestone.artifacts.spin_fits import SpinFits
from lodestone.spin_potential.configuration_files import read_cfg, write_extxyz
from lodestone.spin_potential.evaluation import evaluate
from lodestone.spin_potential.potential_files import read_mtp

ALLOY = {"host": "Fe", "solute": "Al"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The labels, collected from a file."""
    made = tmp_path_factory.mktemp("spin")
    labels = data(12, free=3)
    write_extxyz(made / "labels.extxyz", labels.configurations(), labels.labels())
    outputs = {name: str(made / f"data.{name}") for name in ("cfg", "extxyz")} | {"data": str(made / "data.h5")}
    settings = {**ALLOY, "source": "files", "labels_from": "a test"}
    log = run(made, "collect_spin_data", {"files": [str(made / "labels.extxyz")]}, outputs, settings)
    assert "12 configurations, 48 atoms, 3 with free moments" in log
    return made


def test_collected_labels_are_there_for_other_programs_too(folder):
    found = SpinData.read(folder / "data.h5")
    assert found.labels_from == found.provenance.backend == "a test"
    crystals, labels = read_cfg(folder / "data.cfg", ["Fe", "Al"])
    assert crystals.names == tuple(found.names())
    np.testing.assert_allclose(labels.magnetic_force_eV_muB, found.magnetic_force_eV_muB, atol=1e-9)


def test_folds_are_fitted_without_what_they_are_tested_on(folder):
    fits = str(folder / "folds.h5")
    settings = {**SETTINGS, "folds": 3, "batches": 1}
    inputs = {"data": str(folder / "data.h5")}
    run(folder, "fit_spin_folds", inputs, {"fits": fits}, settings, weight="0.1", batch="000")
    found = SpinFits.read(fits)
    SpinFits.verify_parents(fits, [str(folder / "data.h5")])
    assert found.magnetic_weight == 0.1
    # Every configuration is left out once.
    np.testing.assert_array_equal((found.trained == 0).sum(axis=0), 1)
    assert np.isfinite(found.test_rmse).all()


def test_an_ensemble_is_checked_and_written_for_other_programs(folder):
    parts = [str(folder / f"{batch}.h5") for batch in range(2)]
    for batch, path in enumerate(parts):
        settings = {**SETTINGS, "members": 2, "batches": 2}
        outputs = {"fits": path}
        run(folder, "fit_spin_ensemble", {"data": str(folder / "data.h5")}, outputs, settings,
            weight="0.1", size="2", batch=f"{batch:03d}")  # fmt: skip
    first, second = (SpinFits.read(path) for path in parts)
    assert len(first) == len(second) == 1
    assert (first.parameter != second.parameter).any()
    outputs = {"checks": str(folder / "checks.h5"), "potentials": str(folder / "potentials")}
    inputs = {"data": str(folder / "data.h5"), "fits": parts}
    run(folder, "check_spin_potentials", inputs, outputs, {"solute_energy_eV": 0.0})
    found = SpinChecks.read(outputs["checks"])
    assert found.moment_muB.shape == (2, 12)
    assert found.row.tolist() == [0, 1, 2]
    assert sorted(path.name for path in Path(outputs["potentials"]).iterdir()) == ["0.mtp", "1.mtp"]
    other = read_mtp(Path(outputs["potentials"]) / "1.mtp", ["Fe", "Al"])
    crystals = SpinData.read(folder / "data.h5").configurations()
    energies = [evaluate(one, crystals).energy_eV for one in (other, second.potential(0))]
    # The format keeps 16 digits; the energy is a sum of thousands of electronvolts.
    np.testing.assert_allclose(*energies, rtol=1e-10)
