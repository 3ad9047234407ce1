"""Saturation and figures of merit of computed crystals: with the 4f moment only where the core was open."""

import numpy as np
import pytest
from batch_worker import Counting
from crystals import bcc_iron, ca_cu5

from lodestone.artifacts.base import Provenance
from lodestone.dft import anisotropy, packing, stability
from lodestone.dft.calculation import Calculation, Result, Status
from lodestone.dft.merit import Shell, shell_of

PROVENANCE = Provenance.of("a stand-in", 7, {})
MU0, T_PER_MUB_A3 = 1.25663706e-6, 11.6540
TOTAL_MUB = 11.0
ND_MUB = 8 / 11 * 4.5  # g_J J


class Fitted(Counting):
    models = ["only"]
    moments_are_signed = False


def result(structure, potentials, sign=1.0, **more):
    """NdFe5 with 11.3 mu_B of Fe and -0.3 mu_B of the 5d electrons, or all of it the other way round."""
    moments = np.array([-0.3 if s.specie.symbol == "Nd" else 2.26 for s in structure]) * sign
    values = {"structure": structure, "energy_eV": -40.0, "run_type": "GGA", "moments_muB": moments}
    return Result(Status.CONVERGED, total_moment_muB=sign * TOTAL_MUB, potentials=potentials, **values, **more)


def hull(results, engine=None):
    items = [packing.Item(k, str(k), ca_cu5(), r) for k, r in enumerate(results)]
    packed = packing.pack(items, Calculation(kind="relax"), engine or Counting(), "nd_fe", PROVENANCE)
    return stability.derive([packed], [packed], PROVENANCE)


def test_open_core_moment_is_added_along_the_iron():
    structure = ca_cu5()
    up, down = (result(structure, {"Nd": "Nd_3", "Fe": "Fe"}, sign) for sign in (1.0, -1.0))
    found = hull([up, down])
    expected = T_PER_MUB_A3 * (TOTAL_MUB + ND_MUB) / structure.volume
    assert found.mu0_Ms_T == pytest.approx([expected, expected], rel=1e-4)
    assert found.f_shell.tolist() == [Shell.ADDED, Shell.ADDED]
    assert found.energy_product_limit_kJ_m3 == pytest.approx(expected**2 / (4 * MU0) / 1000, rel=1e-4)
    assert found.moments_signed == 1


@pytest.mark.parametrize(
    ("potentials", "engine", "shell"), [({"Nd": "Nd"}, None, Shell.COMPUTED), ({}, Fitted(), Shell.MISSING)]
)
def test_nothing_is_added_to_other_potentials_or_to_a_model(potentials, engine, shell):
    structure = ca_cu5()
    found = hull([result(structure, potentials, model_energies_eV={"only": -40.0})], engine)
    assert found.mu0_Ms_T[0] == pytest.approx(T_PER_MUB_A3 * TOTAL_MUB / structure.volume, rel=1e-4)
    assert found.f_shell.tolist() == [shell]
    assert found.moments_signed == (engine is None)


def test_crystal_without_moments_has_no_saturation():
    found = hull([Result(Status.FAILED, "it broke")])
    assert found.has_mu0_Ms.tolist() == [0]
    assert found.mu0_Ms_T.tolist() == [0.0]


def test_shells_by_potential():
    assert shell_of(["Fe", "La", "Lu"], {}, fitted=True) == Shell.NO_RARE_EARTH
    assert shell_of(["Fe", "Yb"], {"Yb": "Yb_2"}, fitted=False) == Shell.MISSING
    assert shell_of(["Nd", "Gd"], {"Nd": "Nd_3", "Gd": "Gd"}, fitted=False) == Shell.MISSING


@pytest.mark.parametrize(("structure", "exists"), [(ca_cu5(), 1), (bcc_iron(), 0)])
def test_hardness_and_field_need_a_uniaxial_constant(structure, exists):
    energies = (-40.0, -40.0, -40.001)
    made = result(structure, {"Nd": "Nd_3", "Fe": "Fe"}, axis_energies_eV=energies)
    items = [packing.Item(0, "a", structure, made)]
    packed = packing.pack(items, Calculation(kind="anisotropy"), Counting(), "nd_fe", PROVENANCE)
    found = anisotropy.derive([packed], PROVENANCE)
    assert found.has_mu0_Ms.tolist() == [1]
    assert found.has_hardness.tolist() == [exists]
    polarisation, constant = found.mu0_Ms_T[0], 0.001 / structure.volume * 1.602176634e11
    assert found.anisotropy_field_T[0] == pytest.approx(exists * 2 * MU0 * constant / polarisation, rel=1e-5)
    assert found.hardness[0] == pytest.approx(exists * np.sqrt(MU0 * constant) / polarisation, rel=1e-5)
