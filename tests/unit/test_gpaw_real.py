"""GPAW run for real, on meshes small enough for a test."""

import logging
import subprocess
from pathlib import Path

import numpy as np
import pytest
from gpaw_runs import EDGE, IRON, PROVENANCE, SETTINGS
from support import need

from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.structure_set import StructureSet
from lodestone.kkr import gpaw_exchange, gpaw_run

pytestmark = [pytest.mark.slow, pytest.mark.gpaw]
PYTHON = "/usr/bin/python3"  # the system's own: Debian's package is not seen by others


@pytest.fixture(scope="module")
def python():
    probe = [PYTHON, "-c", gpaw_run.PROBE]
    found = Path(PYTHON).is_file() and subprocess.run(probe, capture_output=True).returncode == 0
    need("" if found else f"no GPAW 22.8 in {PYTHON}: apt-get install gpaw gpaw-data python3-pytest")
    return PYTHON


def test_bcc_iron(python, tmp_path):
    settings = {
        **SETTINGS, "command": python, "setups_folder": "/usr/share/gpaw-setups", "cutoff_eV": 300.0,
        "response_cutoff_eV": 60.0, "kpoints": [4, 4, 4],
    }  # fmt: skip
    inputs, raw = tmp_path / "in.tar", tmp_path / "raw.tar.gz"
    gpaw_exchange.prepare(StructureSet.from_structures([IRON], ["Fe"], PROVENANCE), "Fe", settings, inputs)
    gpaw_run.execute(inputs, raw, settings, "key", (1, 300.0), logging.getLogger("test"))
    exchange = gpaw_exchange.collect(raw, "Fe", PROVENANCE)
    assert exchange.status == Status.CONVERGED, exchange.message
    # What the same settings gave when this was written; 2.2 mu_B needs more k points.
    assert exchange.moment_muB.tolist() == pytest.approx([1.988], abs=0.01)
    nearest = np.linalg.norm(exchange.bond_vector_A, axis=1) < 0.9 * EDGE
    assert (len(exchange.bond_meV), nearest.sum()) == (50, 8)
    assert exchange.bond_meV[nearest] == pytest.approx(np.full(8, 45.27), rel=0.02)
