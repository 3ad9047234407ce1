"""Exchange couplings and Curie temperatures in the report."""

import logging

import numpy as np
import pytest
from artifact_samples import sample

from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.curie import CurieStatus
from lodestone.report import electronic_structure, figures_exchange
from lodestone.report.inputs import Library

LOG = logging.getLogger(__name__)


def crystal(**changes):
    """Nd and Fe as in CsCl, 4 angstrom: six bonds Fe-Fe, six Nd-Nd, eight of each kind between."""
    near = np.concatenate([np.eye(3, dtype=int), -np.eye(3, dtype=int)])
    cells = [[0, 0, cell, 3.0] for cell in near] + [[1, 1, cell, -1.0] for cell in near]
    for corner in np.ndindex(2, 2, 2):
        cells += [[0, 1, -np.array(corner), 2.0], [1, 0, np.array(corner), 2.0]]
    fields = {
        "component_site": [0, 1],
        "atomic_number": [60, 26],
        "concentration": [1.0, 1.0],
        "moment_muB": [-0.4, 2.4],
        "orbital_moment_muB": [0.0, 0.0],
        "f_moment_muB": [0.0, 0.0],
        "lattice_A": 4.0 * np.eye(3),
        "fractional": [[0, 0, 0], [0.5, 0.5, 0.5]],
        "bond_source": [row[0] for row in cells],
        "bond_target": [row[1] for row in cells],
        "bond_cell": np.array([row[2] for row in cells]),
        "bond_meV": [row[3] for row in cells],
        "status": 0,
        "message": "",
        "name": "NdFe",
    }
    return sample("exchange", **{**fields, **changes})


def curie(**changes):
    fields = {
        "Tc_K": [900.0, 700.0, 800.0],
        "Tc_error_K": [0.0, 0.0, 4.0],
        "status": [CurieStatus.FOUND] * 3,
        "moment_0_muB": 2.0,
        "A_J_m": 8e-12,
        "A_error_J_m": 5e-13,
        "temperature_K": [100.0, 500.0, 790.0],
        "moment_muB": [1.9, 1.4, 0.5],
        "moment_error_muB": [0.01, 0.02, 0.1],
        "name": "NdFe",
        "message": "",
    }
    return sample("curie", **{**fields, **changes})


@pytest.fixture
def section(tmp_path):
    """Return a function: the section on exchange that the report makes of these artifacts."""

    def composed(couplings=(), curies=()):
        paths = {"exchange": [], "curie": []}
        for name, artifacts in (("exchange", couplings), ("curie", curies)):
            for i, artifact in enumerate(artifacts):
                paths[name].append(tmp_path / f"{name}-{i}.h5")
                artifact.write(paths[name][-1])
        study = electronic_structure.compose(Library(paths, LOG), {}, LOG)
        return next(part for part in study.sections if part.anchor == "exchange")

    return composed


def test_bonds_become_shells_by_pair_of_elements():
    found = figures_exchange.shells(crystal())
    assert {pair: (list(d), list(j)) for pair, (d, j) in found.items()} == {
        "Nd-Nd": ([4.0], [3.0]),
        "Fe-Fe": ([4.0], [-1.0]),
        "Fe-Nd": ([3.464], [2.0]),
    }


def test_couplings_and_temperatures_are_shown(section):
    shown = section([crystal()], [curie()])
    assert [block.kind for block in shown.blocks] == ["figure", "figure", "table"]
    assert "sum over i != j" in shown.blocks[0].caption
    assert "Fe-Nd" in shown.blocks[0].svg
    row = [cell.text for cell in shown.blocks[-1].rows[0]]
    assert row == ["NdFe", "900 K", "700 K", "800 K ± 4", "2.00", "8.0"]


def test_a_temperature_that_was_not_found_is_a_dash():
    status = [CurieStatus.FOUND, CurieStatus.NOT_ASKED, CurieStatus.FAILED]
    words = figures_exchange.temperatures(curie(Tc_K=[900.0, 0.0, 0.0], Tc_error_K=[0.0] * 3, status=status))
    assert words == {"mean_field": "900 K", "rpa": "–", "monte_carlo": "–"}


def test_couplings_that_did_not_converge_are_named_not_drawn(section):
    failed = crystal(name="bad", status=int(Status.NOT_CONVERGED), message="200 iterations")
    shown = section([failed, crystal()])
    assert [block.kind for block in shown.blocks] == ["figure", "notice"]
    assert shown.blocks[1].text == "1 of 2 crystals have no converged couplings: `bad`: 200 iterations"
    assert ">bad<" not in shown.blocks[0].svg


def test_many_crystals_are_drawn_three_at_a_time(section):
    assert [block.kind for block in section([crystal()] * 4).blocks] == ["figure"] * 2


def test_constants_of_micromagnetics_are_shown_with_their_sources(tmp_path):
    fields = {"name": "NdFe", "message": "", "temperature_K": [0.0, 300.0], "mu0_Ms_T": [1.6, 1.5],
              "A_J_m": [8e-12, 7e-12], "K1_J_m3": [5e6, 4e6], "Tc_K": 800.0, "shape": 0.4}  # fmt: skip
    lacking = {"has_K1": 0, "K1_J_m3": [0.0, 0.0], "name": "iron", "message": "no K_1: cubic"}
    paths = []
    for i, changes in enumerate(({}, lacking)):
        paths.append(tmp_path / f"{i}.h5")
        sample("material", **{**fields, **changes}).write(paths[-1])
    study = electronic_structure.compose(Library({"material": paths}, LOG), {}, LOG)
    shown = next(part for part in study.sections if part.anchor == "material")
    assert [block.kind for block in shown.blocks] == ["table", "table"]
    rows = [[cell.text for cell in row] for row in shown.blocks[0].rows]
    assert rows[0] == ["NdFe", "0", "1.600", "8.00", "5", "2.80", "3.97", "7.85"]
    assert rows[3] == ["iron", "300", "1.500", "7.00", "–", "2.80", "–", "–"]
    assert [cell.text for cell in shown.blocks[1].rows[0]][:2] == ["NdFe", "words"]


def test_crystals_without_magnetisation_are_named(tmp_path):
    none = {name: [0.0] for name in ("mu0_Ms_T", "A_J_m", "K1_J_m3")}
    sample("material", has_Ms=0, name="Cr", message="the moments cancel", temperature_K=[0.0], **none).write(
        tmp_path / "none.h5"
    )
    study = electronic_structure.compose(Library({"material": [tmp_path / "none.h5"]}, LOG), {}, LOG)
    shown = next(part for part in study.sections if part.anchor == "material")
    assert shown.blocks[0].text == "1 of 1 crystals have no magnetisation: `Cr`: the moments cancel"
