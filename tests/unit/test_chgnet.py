"""CHGNet: known numbers of its bundled models, honest labels, failures that stay alone."""

import json

import numpy as np
import pytest
from crystals import bcc_iron
from pymatgen.core import Lattice, Structure

from lodestone.dft.calculation import Calculation, Resources, Status, write_item
from lodestone.dft.chgnet import OUTPUT_FILE, Chgnet
from lodestone.dft.presets import preset

ONE = {"models": ["0.3.0"], "device": "cpu"}


def compute(folder, crystals, calculation, options=None):
    """Results by name."""
    engine, folders = Chgnet(options or ONE), []
    for name, structure in crystals.items():
        write_item(structure, calculation, folder / name)
        engine.prepare(structure, calculation, folder / name)
        folders.append(folder / name)
    assert sorted(engine.run_batch(folders, Resources())) == sorted(folders)
    return {path.name: engine.collect(path, calculation) for path in folders}


def iron_aluminium():
    return Structure(Lattice.cubic(2.88), ["Fe", "Al"], [[0, 0, 0], [0.5, 0.5, 0.5]])


def test_relaxed_iron_has_the_numbers_of_the_model(tmp_path):
    iron = bcc_iron([2.0, 2.0]).copy()
    iron.apply_strain(-0.015)
    alone = Structure(Lattice.cubic(15.0), ["Fe"], [[0, 0, 0]])
    results = compute(tmp_path, {"iron": iron, "alone": alone}, preset("nd_fe")["relax"], {"device": "cpu"})
    found = results["iron"]
    assert found.status is Status.CONVERGED and found.steps > 1
    # Measured before with the package's own relaxer: a = 2.847 to 2.848, E = -8.3565 eV/atom.
    assert found.structure.lattice.a == pytest.approx(2.848, abs=0.002)
    assert found.energy_eV / 2 == pytest.approx(-8.3566, abs=5e-4)
    assert found.moments_muB == pytest.approx([2.44, 2.44], abs=0.03)
    assert set(found.model_energies_eV) == {"0.3.0", "0.2.0", "r2scan"}
    assert found.model_energies_eV["0.3.0"] == found.energy_eV
    assert np.abs(found.stress_eV_A3).max() < 6.24e-4
    lost = results["alone"]
    assert lost.status is Status.FAILED and "isolated" in lost.message


def test_static_leaves_the_geometry(tmp_path):
    crystals = {"Fe": bcc_iron(), "FeAl": iron_aluminium()}
    results = compute(tmp_path / "one", crystals, preset("nd_fe")["static"])
    assert results["FeAl"].structure.lattice.a == 2.88
    assert results["FeAl"].steps == 0
    assert results["FeAl"].energy_eV / 2 == pytest.approx(-6.4443, abs=5e-4)
    together = compute(tmp_path / "two", crystals, preset("nd_fe")["static"], {**ONE, "crystals_at_once": 2})
    for name, result in results.items():
        # Single precision: seven digits of 17 eV, whatever comes together.
        assert together[name].energy_eV == pytest.approx(result.energy_eV, abs=1e-5)
        assert together[name].moments_muB == pytest.approx(result.moments_muB, abs=1e-5)


def test_same_job_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        compute(tmp_path / name, {"FeAl": iron_aluminium()}, preset("nd_fe")["static"])
    assert (tmp_path / "a/FeAl" / OUTPUT_FILE).read_bytes() == (tmp_path / "b/FeAl" / OUTPUT_FILE).read_bytes()


def test_it_is_never_called_dft():
    engine = Chgnet(ONE)
    assert engine.label == "CHGNet 0.3.0 (fitted model)"
    assert not engine.moments_are_signed


def test_what_it_cannot_do_is_refused():
    (problem,) = Chgnet(ONE).check({}, Calculation(kind="anisotropy"))
    assert str(problem) == "CHGNet cannot do anisotropy, it can do relax, static"
    heavy = Structure(Lattice.cubic(4), ["Am"], [[0, 0, 0]])
    (problem,) = Chgnet(ONE).check({"AmFile.cif": heavy, "Fe": bcc_iron()}, Calculation(kind="static"))
    assert problem.name == "AmFile.cif" and "Am" in problem.reason


@pytest.mark.parametrize("content", [None, '{"converged": tr'], ids=["absent", "torn"])
def test_output_that_is_absent_or_torn_is_a_status(tmp_path, content):
    calculation = preset("nd_fe")["relax"]
    write_item(bcc_iron(), calculation, tmp_path)
    if content:
        (tmp_path / OUTPUT_FILE).write_text(content)
    assert Chgnet(ONE).collect(tmp_path, calculation).status is Status.FAILED


def test_relaxation_out_of_steps_is_not_converged(tmp_path):
    write_item(bcc_iron(), Calculation(kind="relax", max_ionic_steps=1), tmp_path)
    structure = bcc_iron()
    structure.apply_strain(0.04)
    result = compute(tmp_path, {"far": structure}, Calculation(kind="relax", max_ionic_steps=1))["far"]
    assert result.status is Status.NOT_CONVERGED and result.energy_eV is not None
    assert json.loads((tmp_path / "far" / OUTPUT_FILE).read_text())["steps"] == 1
