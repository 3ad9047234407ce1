"""Magnetic potentials of the default run, from the shipped labels to the report; ABINIT computes one anew."""

import shutil

import numpy as np
import pytest
from ase import Atoms
from support import need

from lodestone.artifacts.calculations import Calculations
from lodestone.artifacts.exchange import Exchange
from lodestone.artifacts.spin_checks import SpinChecks
from lodestone.artifacts.spin_data import SpinData
from lodestone.artifacts.spin_dynamics import SpinDynamics
from lodestone.artifacts.spin_fits import SpinFits
from lodestone.artifacts.spin_learning import SpinLearning
from lodestone.spin_potential.calculator import SpinCalculator
from lodestone.spin_potential.potential_files import read_mtp

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2700)]


@pytest.fixture(scope="module")
def root(default_run):
    """The study's folder after `make demo`."""
    return default_run / "spin_potential"


def test_the_report_shows_the_paper_s_tables_beside_ours(root):
    page = (root.parent / "report.html").read_text()
    for heading in ("Errors of the ensembles", "Equilibrium moments", "Relaxed crystals", "Fig. 2", "Fig. 7"):
        assert heading in page, heading
    assert "ABINIT" in page


def test_the_shipped_labels_are_a_real_data_set(root):
    data = SpinData.read(root / "data.h5")
    assert len(data) >= 300 and data.labels_from.startswith("ABINIT")
    held = data.equilibrium == 0
    assert 0.7 < held.mean() < 0.95  # about 85 % in the paper
    sums = np.add.reduceat(data.force_eV_A, data.atom_offset[:-1], axis=0)
    np.testing.assert_allclose(sums, 0.0, atol=1e-5)  # no net force on a crystal
    of_atom = np.repeat(held, np.diff(data.atom_offset))
    assert np.abs(data.magnetic_force_eV_muB[of_atom]).max() > 0.1
    assert np.abs(data.magnetic_force_eV_muB[~of_atom]).max() < 2e-3  # what a code leaves of free moments


def test_every_stage_left_its_results(root):
    kinds = (SpinFits, SpinChecks, SpinDynamics, SpinLearning, Exchange)
    read = [kind for path in root.rglob("*.h5") for kind in kinds if _is(kind, path)]
    assert set(read) == set(kinds)
    # Nothing that a stopped job would go on from is left behind.
    assert not [path for path in root.rglob("*") if path.suffix in (".ledger", ".state", ".part")]


def _is(kind, path):
    try:
        kind.read(path)
    except Exception:
        return False
    return True


def test_potentials_are_files_that_the_calculator_takes(root):
    files = sorted(root.rglob("*.mtp"))
    assert len(files) == 12  # two sizes, two weights, three members
    atoms = Atoms("Fe2", scaled_positions=[[0, 0, 0], [0.5, 0.5, 0.5]], cell=[2.83] * 3, pbc=True)
    atoms.set_initial_magnetic_moments([2.2, 2.2])
    atoms.calc = SpinCalculator(read_mtp(files[0], ["Fe", "Al"]))
    assert np.isfinite(atoms.get_potential_energy())
    np.testing.assert_allclose(atoms.get_forces(), 0.0, atol=1e-6)  # an inversion centre on every atom


@pytest.mark.abinit
def test_a_label_computed_anew_is_the_shipped_one(root):
    need("" if shutil.which("abinit") else "no executable abinit: apt-get install abinit")
    data = SpinData.read(root / "data.h5")
    folder = root.parent / "electronic_structure/calculations/spin_points/constrained"
    found = Calculations.read(folder / "000.h5")
    for row, name in enumerate(found.names()):
        k = data.names().index(name)
        atoms = slice(data.atom_offset[k], data.atom_offset[k + 1])
        # Other builds of ABINIT differ by what their own convergence leaves.
        assert found.energy_eV[row] == pytest.approx(data.energy_eV[k], abs=1e-3)
        np.testing.assert_allclose(
            found.magnetic_force_eV_muB[found.sites(row)], data.magnetic_force_eV_muB[atoms], atol=0.01
        )
