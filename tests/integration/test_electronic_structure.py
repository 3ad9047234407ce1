"""The electronic-structure study from crystal files to the hull through Snakemake, with CHGNet."""

import hashlib

import pytest
import yaml
from pymatgen.core import Lattice, Structure

from lodestone.artifacts.calculations import Calculations
from lodestone.artifacts.hull import Hull

pytestmark = pytest.mark.timeout(900)


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def study(workflow, tmp_path_factory):
    """Return the command line of a study of two crystal files, and its results folder."""
    folder = tmp_path_factory.mktemp("crystals")
    b2 = Structure(Lattice.cubic(2.88), ["Fe", "Al"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    d03 = [[0, 0, 0], [0.25, 0.25, 0.25], [0.5, 0.5, 0.5]]
    Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.74), ["Al", "Fe", "Fe"], d03).to(str(folder / "Fe3Al.cif"))
    b2.to(str(folder / "FeAl.cif"))
    path = folder / "study.yaml"
    section = {
        "structures": {"source": "files", "files": [str(folder / f"{name}.cif") for name in ("FeAl", "Fe3Al")]},
        "calculations": {"batches": 2, "force_tolerance_eV_A": 0.05, "chgnet": {"models": ["0.3.0", "r2scan"]}},
    }
    path.write_text(yaml.safe_dump({"results_dir": "results/crystals", "electronic_structure": section}))
    configs = ["--configfile", "config/test.yaml", path]
    return ["--cores", 1, *configs], workflow.root / "results/crystals/electronic_structure"


def test_files_become_a_hull_once(workflow, study):
    options, results = study
    target = "results/crystals/electronic_structure/stability.h5"
    workflow.run(*options, "--", target, timeout=800)
    hull = Hull.read(results / "stability.h5")
    found = dict(zip(hull.formulas(), hull.formation_energy_eV_per_atom.tolist(), strict=True))
    # CHGNet 0.3.0, measured before: -0.4345 and -0.2333 eV/atom.
    assert found["AlFe"] == pytest.approx(-0.4345, abs=0.002)
    assert found["AlFe3"] == pytest.approx(-0.2333, abs=0.002)
    assert hull.above_hull_eV_per_atom.max() == 0.0
    # Both models are far apart for FeAl: 0.25 eV/atom.
    assert hull.formation_spread_eV_per_atom.max() == pytest.approx(0.246, abs=0.01)
    for batch in ("000", "001"):
        made = Calculations.read(results / f"calculations/crystals/relax/{batch}.h5")
        assert made.provenance.backend == "CHGNet 0.3.0 (fitted model)"
    assert [path for path in results.rglob("*") if path.suffix in (".ledger", ".work", ".part")] == []
    assert "Nothing to be done" in workflow.run(*options, "--", target)


def test_collecting_again_runs_no_calculation(workflow, study):
    options, results = study
    name = "calculations/crystals/relax/000.h5"
    before, raw = digest(results / name), results / "raw/crystals/relax/000.tar.gz"
    written = raw.stat().st_mtime_ns
    target = f"results/crystals/electronic_structure/{name}"
    printed = workflow.run(*options, "--force", "--allowed-rules", "collect_calculations", "--", target, timeout=300)
    assert "1 of 1 steps (100%) done" in printed
    assert digest(results / name) == before
    assert raw.stat().st_mtime_ns == written
