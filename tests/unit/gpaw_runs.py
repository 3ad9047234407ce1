"""What tests of GPAW share: a crystal, settings, recorded runs, and the stand-in."""

import json
import sys
from pathlib import Path

import numpy as np
from pymatgen.core import Lattice, Structure

from lodestone.artifacts.base import Provenance

TESTS = Path(__file__).parents[1]
DATA = TESTS / "data" / "gpaw"
PROVENANCE = Provenance(backend="GPAW", seed=0, config_sha256="0" * 64)
EDGE = 2.867
SETTINGS = {
    "command": sys.executable, "setups_folder": str(DATA), "cutoff_eV": 400.0,
    "response_cutoff_eV": 150.0, "kpoints": [8, 8, 8], "qpoints": [4, 4, 4], "bands_per_site": 14, "smearing_eV": 0.1,
    "max_iterations": 333, "site_radius_A": 1.2, "site_radii": [],
}  # fmt: skip
IRON = Structure(Lattice(EDGE / 2 * np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]])), ["Fe"], [[0, 0, 0]])


def recorded(name):
    """Input, ground state, wave vectors and end of a real run."""
    folder = DATA / name
    waves = [json.loads(line) for line in (folder / "waves.jsonl").read_text().splitlines()]
    given, ground, end = (json.loads((folder / f"{file}.json").read_text()) for file in ("input", "ground", "ended"))
    return given, ground, waves, end


def stand_in(monkeypatch, folder, **plan):
    """Put the stand-in where the program imports GPAW from; it replays bcc iron and fails as the plan says."""
    path = folder / "plan.json"
    path.write_text(json.dumps({"recorded": str(DATA / "bcc_Fe"), **plan}))
    monkeypatch.setenv("GPAW_PLAN", str(path))
    monkeypatch.setenv("PYTHONPATH", str(TESTS / "stand_ins" / "open_codes"))
    return path
