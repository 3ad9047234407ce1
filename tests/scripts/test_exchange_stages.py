"""The exchange scripts, one after the other: a shipped file, AkaiKKR and GPAW by stand-ins."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import ROOT, Files, load
from pymatgen.core import Lattice, Structure

from lodestone import config
from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.curie import METHODS, Curie
from lodestone.artifacts.exchange import Exchange
from lodestone.artifacts.material import MaterialTable
from lodestone.artifacts.structure_set import StructureSet
from lodestone.magnetism.material_source import material_of

DATA = ROOT / "tests" / "data" / "akaikkr"
SETTINGS = config.load(ROOT / "config/config.yaml")["electronic_structure"]["exchange"]


def run(folder, script, inputs, outputs, **params):
    """Call a script's `main`; returns its log."""
    log = folder / f"{script}.log"
    job = SimpleNamespace(
        input=Files(inputs),
        output=Files(outputs),
        wildcards=SimpleNamespace(system="Fe"),
        params=SimpleNamespace(**{"seed": 7, "algorithm": 1, **params}),
        resources=SimpleNamespace(runtime=10),
        log=[str(log)],
        threads=1,
    )
    load(script).main(job)
    return log.read_text()


def test_from_a_file_to_the_curie_temperature(tmp_path):
    exchange, curie = str(tmp_path / "exchange.h5"), str(tmp_path / "curie.h5")
    couplings = [str(ROOT / SETTINGS["files"][0]["path"])]
    assert "168 bonds from AkaiKKR" in run(tmp_path, "read_exchange", {"couplings": couplings}, {"exchange": exchange})
    settings = {**SETTINGS["curie"], "methods": ["mean_field", "rpa"]}
    run(tmp_path, "compute_curie", {"exchange": exchange}, {"curie": curie}, settings=settings)
    found = Curie.read(curie)
    assert found.Tc_K[METHODS.index("mean_field")] == pytest.approx(1411.05, rel=1e-5)
    assert found.curie_temperature_K("monte_carlo") is None
    assert len(found.temperature_K) == 0  # M(T) needs the Monte Carlo
    assert not Path(f"{curie}.ledger").exists()
    Curie.verify_parents(curie, [exchange])


def test_the_material_of_iron_reaches_the_curves(tmp_path):
    """Exchange -> curie -> material -> the constants that a job of the hysteresis study computes with."""
    exchange, curie, material = (str(tmp_path / name) for name in ("exchange.h5", "curie.h5", "material.h5"))
    run(tmp_path, "read_exchange", {"couplings": [str(ROOT / SETTINGS["files"][0]["path"])]}, {"exchange": exchange})
    settings = {**SETTINGS["curie"], "methods": ["mean_field", "rpa"]}
    run(tmp_path, "compute_curie", {"exchange": exchange}, {"curie": curie}, settings=settings)
    inputs = {"exchange": exchange, "curie": curie, "anisotropy": []}
    told = run(tmp_path, "derive_material", inputs, {"material": material}, temperatures_K=[0.0, 300.0])
    assert "mu0 M_s(0) = 2.296 T" in told and "no K_1: no anisotropy was computed" in told
    found = MaterialTable.read(material)
    assert found.provenance.backend == "lodestone Kuz'min law with J_ij of AkaiKKR"
    MaterialTable.verify_parents(material, [exchange, curie])
    # Iron at room temperature has lost 2 % of its magnetisation; the classical Monte Carlo's 20 % are no part of it.
    assert found.mu0_Ms_T[1] / found.mu0_Ms_T[0] == pytest.approx(0.98, abs=0.01)
    section = {"from": "Fe", "temperature_K": 300.0, "fallback_K1_J_m3": 4e6}
    assert material_of(section, [material]).mu0_Ms_T == found.mu0_Ms_T[1]


def test_a_killed_monte_carlo_goes_on(tmp_path):
    exchange, curie = str(tmp_path / "exchange.h5"), str(tmp_path / "curie.h5")
    couplings = [str(ROOT / SETTINGS["files"][0]["path"])]
    run(tmp_path, "read_exchange", {"couplings": couplings}, {"exchange": exchange})
    settings = {
        **SETTINGS["curie"], "methods": ["monte_carlo"], "spins": 64, "sweeps": 16, "thermalisation": 0,
        "temperatures": [0.5],
    }  # fmt: skip
    script = load("compute_curie")
    real = script.Points.compute
    calls = []

    def killed(points, tasks):
        calls.append(len(tasks))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(points, tasks)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(script.Points, "compute", killed)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, "compute_curie", {"exchange": exchange}, {"curie": curie}, settings=settings)
    assert Path(f"{curie}.ledger").stat().st_size > 1000
    run(tmp_path, "compute_curie", {"exchange": exchange}, {"curie": curie}, settings=settings)
    again = str(tmp_path / "again.h5")
    run(tmp_path, "compute_curie", {"exchange": exchange}, {"curie": again}, settings=settings)
    assert Path(curie).read_bytes() == Path(again).read_bytes()


def test_from_a_crystal_through_akaikkr(tmp_path, monkeypatch):
    plan = tmp_path / "plan"
    plan.mkdir()
    settings = {**SETTINGS["akaikkr"], "functional": "mjw", "kpoint_quality": 6, "energy_width_Ry": 1.0}
    settings["command"] = f"{sys.executable} -S -E {ROOT / 'tests' / 'stand_ins' / 'specx.py'}"
    real = (DATA / "Fe" / "inputcard_go").read_text().replace("\n1.0 0.0 2", "\n0.0 0.0 2")
    for step, task in (("go", "go"), ("tc", "tc"), ("j", "j3.02")):
        (plan / f"{step}.log").write_text((DATA / "Fe" / f"out_{task.replace('3.02', '3.0')}.log").read_text())
        (plan / f"{step}.in").write_text(real.replace("go pot.dat", f"{task} pot.dat"))
    (plan / "plan.json").write_text(json.dumps({step: [["replay"]] for step in ("go", "tc", "j")}))
    monkeypatch.setenv("SPECX_PLAN", str(plan))
    a = 5.415957231701302 * 0.529177210544 / 2
    crystal = Structure(Lattice([[-a, a, a], [a, -a, a], [a, a, -a]]), ["Fe"], [[0, 0, 0]])
    provenance = Provenance(backend="a test", seed=7, config_sha256="0" * 64)
    crystals, inputs, raw, exchange = (str(tmp_path / name) for name in ("set.h5", "in.tar", "raw.tar.gz", "j.h5"))
    StructureSet.from_structures([crystal], ["Fe"], provenance).write(crystals)
    run(tmp_path, "prepare_kkr", {"crystals": crystals}, {"inputs": inputs}, settings=settings, found=False)
    run(tmp_path, "run_kkr", {"inputs": inputs}, {"raw": raw}, settings=settings)
    assert "CONVERGED" in run(tmp_path, "collect_kkr", {"raw": raw}, {"exchange": exchange}, settings=settings)
    found = Exchange.read(exchange)
    assert (found.name, found.status, found.printed_Tc_K) == ("Fe", Status.CONVERGED, 1411.05)
    assert found.provenance.backend == "AkaiKKR"
    assert not Path(f"{raw}.work").exists()


def test_from_a_crystal_through_gpaw(tmp_path, monkeypatch):
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"recorded": str(ROOT / "tests" / "data" / "gpaw" / "bcc_Fe")}))
    monkeypatch.setenv("GPAW_PLAN", str(plan))
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests" / "stand_ins" / "open_codes"))
    settings = {**SETTINGS["gpaw"], "command": sys.executable, "setups_folder": str(tmp_path)}
    a = 2.867 / 2
    crystal = Structure(Lattice([[-a, a, a], [a, -a, a], [a, a, -a]]), ["Fe"], [[0, 0, 0]])
    provenance = Provenance(backend="a test", seed=7, config_sha256="0" * 64)
    crystals, inputs, raw, exchange, curie = (
        str(tmp_path / name) for name in ("set.h5", "in.tar", "raw.tar.gz", "j.h5", "curie.h5")
    )
    StructureSet.from_structures([crystal], ["Fe"], provenance).write(crystals)
    run(tmp_path, "prepare_gpaw", {"crystals": crystals}, {"inputs": inputs}, settings=settings, found=False)
    assert "done" in run(tmp_path, "run_gpaw", {"inputs": inputs}, {"raw": raw}, settings=settings)
    assert "CONVERGED" in run(tmp_path, "collect_gpaw", {"raw": raw}, {"exchange": exchange}, settings=settings)
    found = Exchange.read(exchange)
    assert (found.provenance.backend, len(found.bond_meV)) == ("GPAW", 50)
    assert not Path(f"{raw}.work").exists()
    settings = {**SETTINGS["curie"], "methods": ["mean_field", "rpa"]}
    run(tmp_path, "compute_curie", {"exchange": exchange}, {"curie": curie}, settings=settings)
    assert Curie.read(curie).curie_temperature_K("mean_field") == pytest.approx(874.69, abs=0.01)
