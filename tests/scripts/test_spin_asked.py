"""The scripts of the loop of active learning: what a potential asks for, and its labels."""

import numpy as np
import pytest
from spin_study import SPECIES, computed, data, ensemble, run, well

from lodestone import config
from lodestone.artifacts.structure_set import StructureSet
from lodestone.spin_potential.configuration_files import read_extxyz

SECTION = config.defaults()["spin_potential"]
ALLOY = {"host": "Fe", "solute": "Al"}
ASKED = {
    **ALLOY, **SECTION["data"], **{key: SECTION["fit"][key] for key in SECTION["fit"] if key.endswith("_weight")},
    "magnetic_weight": 0.1, "count": 4, "pool": 30, "host_moment_muB": 1.4, "moment_range_muB": [0.2, 2.0],
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Labels, and an ensemble of the potential behind them."""
    made = tmp_path_factory.mktemp("asked")
    data(12).write(made / "data.h5")
    ensemble(made / "fits.h5", well(exchange=0.01, species=SPECIES, bond_eV=0.4))
    return made


def ask(folder, name="asked.h5", **changes):
    """Run the script; returns the crystals and the log."""
    output = folder / name
    inputs = {"data": str(folder / "data.h5"), "fits": [str(folder / "fits.h5")]}
    log = run(folder, "ask_spin_labels", inputs, {"crystals": str(output)}, {**ASKED, **changes})
    StructureSet.verify_parents(str(output), [inputs["data"], *inputs["fits"]])
    return StructureSet.read(output), log


@pytest.fixture(scope="module")
def asked(folder):
    return ask(folder)


def test_as_many_crystals_are_asked_for_as_the_config_says_by_falling_grade(asked):
    crystals, log = asked
    names = crystals.names()
    assert len(set(names)) == 4 and crystals.has_moment.all()
    assert np.abs(crystals.moment_muB).max() <= 3.0
    grades = [float(line.rsplit(" ", 1)[1]) for line in log.splitlines() if "extrapolation grade" in line]
    assert len(grades) == 4 and grades[0] == max(grades) > 1.0


def test_the_same_labels_ask_for_the_same_and_all_of_a_pool_is_asked_for_if_it_is_small(folder, asked):
    again, _ = ask(folder, "again.h5")
    assert (folder / "again.h5").read_bytes() == (folder / "asked.h5").read_bytes()
    everything, _ = ask(folder, "everything.h5", count=30)
    assert len(everything) == 30
    assert set(again.names()) < set(everything.names())
    # The ones asked for first are those of the smaller number.
    assert everything.names()[:4] == again.names()


def test_moments_that_the_potential_does_not_know_are_not_asked_for(folder):
    crystals, log = ask(folder, "far.h5", count=30, host_moment_muB=2.9, moment_spread_muB=0.5, wide=0.0)
    assert "crystals left out: moments beyond 3 mu_B" in log
    assert 0 < len(crystals) < 30
    assert np.abs(crystals.moment_muB).max() <= 3.0


def test_labels_that_were_asked_for_are_a_file_that_goes_with_the_others(folder, asked):
    crystals, _ = asked
    calculations = computed(crystals)
    calculations.write(folder / "calculations.h5")
    path = folder / "asked.extxyz"
    inputs = {"calculations": [str(folder / "calculations.h5")]}
    log = run(folder, "collect_spin_asked", inputs, {"extxyz": str(path)}, ALLOY)
    assert "4 configurations" in log
    found, labels = read_extxyz(path, list(SPECIES))
    assert found.names == tuple(crystals.names())
    np.testing.assert_allclose(found.moment_muB, crystals.moment_muB, atol=1e-8)
    np.testing.assert_allclose(labels.energy_eV, calculations.energy_eV, rtol=1e-12)
