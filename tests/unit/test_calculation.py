"""Calculations as data, presets of the papers, crystals of the elements."""

import dataclasses
import json

import numpy as np
import pytest
from crystals import bcc_iron
from pymatgen.core import Lattice, Structure

from lodestone.dft import elements, presets
from lodestone.dft.backends import backend
from lodestone.dft.calculation import (
    Calculation,
    Resources,
    read_calculation,
    read_structure,
    start_moments,
    write_item,
)
from lodestone.structures.cells import symmetry
from lodestone.structures.checks import refusals


def test_mesh_follows_the_spacing_with_two_pi():
    # 2 pi / 2.87 = 2.189 per angstrom.
    assert Calculation(kind="static", kpoint_spacing_per_A=0.2).mesh(np.eye(3) * 2.87) == (11, 11, 11)
    assert Calculation(kind="static", kpoint_spacing_per_A=10).mesh(np.eye(3) * 2.87) == (1, 1, 1)
    exact = 2 * np.pi / 2.87 / 6
    assert Calculation(kind="static", kpoint_spacing_per_A=exact).mesh(np.eye(3) * 2.87) == (6, 6, 6)
    hexagonal = Lattice.hexagonal(5.0, 4.0).matrix
    # |b| of the hexagonal plane is 2 pi / (a cos 30 deg).
    assert Calculation(kind="static", kpoint_spacing_per_A=0.5).mesh(hexagonal) == (3, 3, 4)


def test_calculation_survives_json(tmp_path):
    given = presets.preset("maggen")["anisotropy"]
    write_item(bcc_iron([2.0, -1.0]), given, tmp_path)
    assert read_calculation(tmp_path) == given
    assert read_structure(tmp_path).site_properties["magmom"] == [2.0, -1.0]
    assert json.loads(json.dumps(given.as_dict())) == given.as_dict()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "phonons"}, "kind: found 'phonons', allowed: relax, static, anisotropy, constrained"),
        ({"smearing": "cold"}, "smearing: found 'cold'"),
        ({"corrections": "all"}, "corrections: found 'all', allowed: none, mp2020"),
        ({"kpoint_spacing_per_A": 0.0}, "kpoint_spacing_per_A: found 0.0, allowed: above 0"),
        ({"encut": 3}, "unknown key 'encut'"),
    ],
)
def test_nonsense_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Calculation.from_dict({"kind": "relax", **change})


def test_presets_are_those_of_the_papers():
    search = presets.preset("nd_fe")["relax"]
    assert (search.functional, search.cutoff_eV, search.potentials["Nd"]) == ("PBE", 350, "Nd_3")
    maggen = presets.preset("maggen")
    assert (maggen["relax"].kpoint_spacing_per_A, maggen["anisotropy"].kpoint_spacing_per_A) == (0.15, 0.10)
    assert (maggen["anisotropy"].cutoff_factor, maggen["relax"].cutoff_factor) == (1.5, 1.0)
    assert (maggen["relax"].ionic_energy_tolerance_eV, maggen["relax"].force_tolerance_eV_A) == (1e-5, 1e-3)
    assert maggen["relax"].hubbard(["Fe", "O"]) == {"Fe": 5.3}
    assert maggen["relax"].hubbard(["Fe", "Nd"]) == {}
    magnetic = presets.preset("mmtp")["constrained"]
    assert magnetic.cutoff_eV == pytest.approx(25 * 27.2114, abs=0.01)
    for edge in (5.6, 5.73, 5.9, 6.2):  # supercells of Fe-Al
        assert magnetic.mesh(np.eye(3) * edge) == (6, 6, 6)
    with pytest.raises(ValueError, match="preset: found 'none', allowed: nd_fe, maggen, mmtp"):
        presets.preset("none")


def test_settings_of_the_config_lie_over_the_preset():
    section = {"preset": "nd_fe", "cutoff_eV": 500.0, "kpoint_spacing_per_A": 0.0, "max_ionic_steps": 0}
    made = presets.from_settings(section, "relax")
    assert made == dataclasses.replace(presets.preset("nd_fe")["relax"], cutoff_eV=500.0)


def test_start_moments_come_from_the_sites_first():
    structure = Structure(Lattice.cubic(3), ["Fe", "Nd", "B"], [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0, 0]])
    calculation = presets.preset("nd_fe")["relax"]
    assert start_moments(structure, calculation).tolist() == [3.0, -0.3, 0.1]
    structure.add_site_property("magmom", [1.0, -2.0, 0.0])
    assert start_moments(structure, calculation).tolist() == [1.0, -2.0, 0.0]


def test_mpi_programs_are_started_by_the_launcher():
    assert Resources().launch("abinit run.abi") == ["abinit", "run.abi"]
    assert Resources(mpi_tasks=8, launcher="srun --exact").launch("vasp_std") == [
        "srun", "--exact", "-n", "8", "vasp_std",
    ]  # fmt: skip


def test_unknown_back_end_is_refused():
    with pytest.raises(ValueError, match="back end: found 'siesta', allowed: abinit, chgnet, vasp"):
        backend("siesta")


# Space group and volume per atom (handbooks, angstrom^3) of the stable crystals.
GROUND_STATES = {
    "Fe": ("Im-3m", 11.8), "Co": ("P6_3/mmc", 11.1), "Ni": ("Fm-3m", 10.9), "Al": ("Fm-3m", 16.6),
    "Mn": ("I-43m", 12.2), "Si": ("Fd-3m", 20.0), "B": ("R-3m", 7.3), "C": ("P6_3/mmc", 8.8), "N": ("Pa-3", 22.7),
    "Nd": ("P6_3/mmc", 34.2), "Sm": ("R-3m", 33.2), "Dy": ("P6_3/mmc", 31.6), "Ti": ("P6_3/mmc", 17.6),
    "Ga": ("Cmce", 19.6), "Sn": ("I4_1/amd", 27.0),
}  # fmt: skip


@pytest.mark.parametrize("symbol", sorted(GROUND_STATES))
def test_reference_crystals_are_the_ground_states(symbol):
    group, volume = GROUND_STATES[symbol]
    crystal = elements.reference_crystal(symbol)
    found = symmetry(crystal).symbol
    assert found.replace("Cmca", "Cmce") == group
    assert crystal.volume / len(crystal) == pytest.approx(volume, rel=0.01)
    assert refusals(crystal) == []


def test_element_without_a_crystal_is_named():
    assert not elements.known("Og")
    with pytest.raises(ValueError, match="element Og: no reference crystal is shipped"):
        elements.reference_crystal("Og")
    assert elements.present(np.array([26, 60, 26, 5])) == ["B", "Fe", "Nd"]
