"""From the exchange couplings of iron to demagnetisation curves, through Snakemake."""

import pytest
import yaml

from lodestone.artifacts.dataset import HysteresisDataset
from lodestone.artifacts.loops import Loops
from lodestone.artifacts.material import MaterialTable

pytestmark = pytest.mark.timeout(900)


def test_curves_have_the_material_of_the_crystal(workflow, tmp_path):
    path = tmp_path / "study.yaml"
    material = {"from": "bcc_Fe", "temperature_K": 300.0, "fallback_K1_J_m3": 4e6}
    path.write_text(yaml.safe_dump({"results_dir": "results/iron", "hysteresis": {"material": material}}))
    results = workflow.root / "results/iron"
    options = ["--cores", 1, "--configfile", "config/test.yaml", path, "--", "results/iron/hysteresis/dataset.h5"]
    workflow.run(*options, timeout=800)
    table = MaterialTable.read(results / "electronic_structure/material/bcc_Fe.h5")
    at = table.temperature_K.tolist().index(300.0)
    curves = Loops.read(results / "hysteresis/loops/000.h5")
    expected = {"mu0_Ms_T": table.mu0_Ms_T[at], "A_J_m": table.A_J_m[at], "K1_J_m3": 4e6}
    assert curves.material == pytest.approx(expected)
    field_T = 2 * 4e6 * 1.25663706127e-6 / table.mu0_Ms_T[at]
    assert abs(curves.field_T).max() == pytest.approx(field_T)
    assert "material/bcc_Fe.h5" in HysteresisDataset.read(results / "hysteresis/dataset.h5").provenance.parents
    assert "Nothing to be done" in workflow.run(*options)
    # At another temperature the curves are computed again, the crystal is not.
    path.write_text(path.read_text().replace("300.0", "400.0"))
    counts = workflow.scheduled(*options[2:])
    assert counts["compute_loops"] == 2
    assert not {"compute_curie", "derive_material", "generate_structures"} & set(counts)
