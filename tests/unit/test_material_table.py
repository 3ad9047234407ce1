"""M_s(T), A(T) and K_1(T) of a crystal: laws, sources, what is lacking, and the material that micromagnetics takes."""

import numpy as np
import pytest
from artifact_samples import PROVENANCE as MADE
from artifact_samples import sample
from test_report_exchange import crystal, curie

from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.curie import CurieStatus
from lodestone.artifacts.material import MaterialTable
from lodestone.artifacts.ragged import pack_texts
from lodestone.kkr import material
from lodestone.magnetism import kuzmin
from lodestone.magnetism.figures import polarisation_T
from lodestone.magnetism.material import Material
from lodestone.magnetism.material_source import at_temperature, material_of, require_resolved
from lodestone.magnetism.temperature import Law

NUMBERS = {"mu0_Ms_T": 1.61, "K1_J_m3": 4.2e6, "A_J_m": 8e-12}


def constants(name="NdFe", K1=3e6, **changes):
    offset, text = pack_texts([name])
    none, empty = pack_texts([""])
    fields = {
        "index": [0], "status": [0], "K1_J_m3": [K1], "has_K1": [1], "misfit_J_m3": [0.0], "uniaxial": [1],
        "easy_direction": [0], "unit_axis": [[0.0, 0.0, 1.0]], "mu0_Ms_T": [0.0], "has_mu0_Ms": [0], "f_shell": [0],
        "has_hardness": [0], "hardness": [0.0], "anisotropy_field_T": [0.0], "name_offset": offset, "name_utf8": text,
        "reason_offset": none, "reason_utf8": empty,
    }  # fmt: skip
    return sample("anisotropy", **{**fields, **changes})


def table(anisotropy=None, exchange=None, temperatures=(0.0, 300.0, 900.0), **changes):
    fields = {"has_kuzmin": 0, "kuzmin_s": 0.0, "kuzmin_rms_muB": 0.0, **changes}
    return material.derive(exchange or crystal(), curie(**fields), anisotropy, temperatures, MADE)


def test_the_law_begins_as_spin_waves_do():
    """Bloch's law with D = 280 meV A^2, 2.2 mu_B and 11.8 A^3 of iron: the s = 0.35 of Kuz'min 2006."""
    Ms = polarisation_T(2.2, 11.8)
    D = 280e-3 * 1.602176634e-19 * 1e-20
    A = D * Ms / (4 * np.pi * 1e-7) / (4 * 9.2740100657e-24)
    s = kuzmin.shape_of_spin_waves(A, Ms, 1044.0)
    assert s == pytest.approx(0.35, abs=0.02)
    low = 0.02
    bloch = (
        1
        - 2.612375
        * (2 * 9.2740100657e-24 * 4 * np.pi * 1e-7 / Ms)
        * (1.380649e-23 * low * 1044.0 / (4 * np.pi * D)) ** 1.5
    )
    assert kuzmin.reduced_magnetisation(low, s) == pytest.approx(bloch, abs=1e-4 * (1 - bloch) + 3e-5)
    with pytest.raises(ValueError, match="A_J_m: found 0"):
        kuzmin.shape_of_spin_waves(0.0, 2.2, 1044.0)


def test_the_three_laws_hang_together():
    law = Law(2.0, 1000.0, 0.3, 1e-11, 5e6)
    assert law(0.0) == (2.0, 1e-11, 5e6)
    Ms, A, K1 = law(600.0)
    assert pytest.approx(((Ms / 2) ** 2, (Ms / 2) ** 3)) == (A / 1e-11, K1 / 5e6)
    assert law(1000.0) == law(2000.0) == (0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="temperature_K: found -1"):
        law(-1.0)


def test_a_crystal_with_everything():
    found = table(constants())
    full = polarisation_T(2.0, 64.0)
    assert (found.has_Ms, found.has_A, found.has_K1, found.message) == (1, 1, 1, "")
    assert found.mu0_Ms_0_T == found.mu0_Ms_T[0] == pytest.approx(full)
    assert (found.Tc_K, found.Tc_source) == (800.0, "Monte Carlo, a test")
    assert found.shape == pytest.approx(kuzmin.shape_of_spin_waves(8e-12, full, 800.0))
    assert found.mu0_Ms_T[2] == found.A_J_m[2] == found.K1_J_m3[2] == 0  # above T_C
    share = found.mu0_Ms_T[1] / full
    assert 0.8 < share < 1
    assert found.A_J_m[1] == pytest.approx(8e-12 * share**2)
    assert found.K1_J_m3[1] == pytest.approx(3e6 * share**3)
    assert found.Ms_source == "spin moments of a test"
    assert found.K1_source == "a test at T = 0; with M_s^3 (Callen and Callen), a model"


def test_quantum_spins_fall_off_more_slowly_than_classical_ones():
    """Classical Monte Carlo of iron has lost a fifth at room temperature, iron itself 2 %."""
    classical = kuzmin.KuzminFit(1.0, 1149.0, 1.9).magnetisation(300.0)
    quantum = kuzmin.KuzminFit(1.0, 1149.0, kuzmin.shape_of_spin_waves(34.4e-12, 2.296, 1149.0)).magnetisation(300.0)
    assert classical < 0.95 < 0.97 < quantum


@pytest.mark.parametrize(
    ("anisotropy", "told"),
    [
        (None, "no K_1: no anisotropy was computed"),
        (constants("Fe"), "no K_1: NdFe is not among the 1 crystals with a computed anisotropy"),
        (constants(uniaxial=[0]), "no K_1: the crystal is not uniaxial"),
    ],
)
def test_a_crystal_without_anisotropy_says_why(anisotropy, told):
    found = table(anisotropy)
    assert (found.has_K1, found.K1_J_m3.any(), found.message) == (0, False, told)


def test_without_stiffness_the_monte_carlo_says_how_it_falls_off():
    found = table(A_J_m=0.0, has_kuzmin=1, kuzmin_s=1.7, message="no stiffness: a spiral")
    assert (found.has_Ms, found.has_A, found.shape) == (1, 0, 1.7)
    assert "classical Monte Carlo, a lower bound" in found.shape_source
    assert "no stiffness: no stiffness: a spiral" not in found.message
    assert "a spiral" in found.message
    nothing = table(A_J_m=0.0)
    assert nothing.has_Ms == 0 and "neither a stiffness nor a Monte Carlo" in nothing.message


def test_the_best_temperature_is_taken():
    status = [CurieStatus.FOUND, CurieStatus.FOUND, CurieStatus.FAILED]
    assert table(status=status, Tc_K=[900.0, 700.0, 0.0]).Tc_source == "RPA, a test"
    status = [CurieStatus.FOUND, CurieStatus.FAILED, CurieStatus.FAILED]
    assert table(status=status, Tc_K=[900.0, 0.0, 0.0]).Tc_source == "mean field (too high), a test"
    failed = [CurieStatus.FAILED] * 3
    assert "no Curie temperature" in table(status=failed, Tc_K=[0.0] * 3, Tc_error_K=[0.0] * 3).message


def test_couplings_that_did_not_converge_have_no_magnetisation():
    found = table(exchange=crystal(status=int(Status.NOT_CONVERGED), message="200 iterations"))
    assert (found.has_Ms, found.mu0_Ms_T.any()) == (0, False)
    assert "not_converged (200 iterations)" in found.message


def test_4f_moments_are_told_to_fall_off_faster():
    found = table(exchange=crystal(f_moment_muB=[3.27, 0.0]))
    assert "4f moments fall off faster" in found.message
    assert found.Ms_source == "spin moments of a test, open-core 4f moments by Hund's rules"


def test_numbers_of_the_config_stay_as_they_are():
    assert material_of(NUMBERS) == material_of({**NUMBERS, "from": ""}) == Material(1.61, 4.2e6, 8e-12)


def test_the_material_of_a_crystal(tmp_path):
    path = tmp_path / "material.h5"
    made = table(constants())
    made.write(path)
    section = {"from": "NdFe", "temperature_K": 300.0, "fallback_K1_J_m3": 1e6}
    found = material_of(section, [path])
    assert vars(found) == pytest.approx(
        {"mu0_Ms_T": made.mu0_Ms_T[1], "K1_J_m3": made.K1_J_m3[1], "A_J_m": made.A_J_m[1]}
    )
    between = material_of({**section, "temperature_K": 350.0}, [path])  # not in the table: the law is
    assert between.mu0_Ms_T < found.mu0_Ms_T
    with pytest.raises(ValueError, match=r"hysteresis.material.from: found 0 files for NdFe"):
        material_of(section)


@pytest.mark.parametrize(
    ("made", "arguments", "told"),
    [
        (lambda: table(), (300.0,), r"hysteresis.material.fallback_K1_J_m3: found 0 where NdFe .*K_1 at 300 K"),
        (lambda: table(constants()), (800.0,), r"hysteresis.material.temperature_K: found 800, allowed: .*below 800 K"),
        (lambda: table(constants(K1=-1e6)), (300.0,), r"hysteresis.material.from: .*an easy plane"),
        (
            lambda: table(A_J_m=0.0, has_kuzmin=1),
            (300.0, 1e6),
            r"hysteresis.material.from: .*without exchange stiffness",
        ),
        (lambda: table(A_J_m=0.0), (300.0, 1e6), r"hysteresis.material.from: .*without magnetisation"),
    ],
)
def test_what_gives_no_material_is_refused_by_key(made, arguments, told):
    with pytest.raises(ValueError, match=told):
        at_temperature(made(), *arguments)


def test_a_constant_given_by_number_fills_the_gap():
    assert at_temperature(table(), 300.0, 1e6).K1_J_m3 == 1e6
    assert at_temperature(table(constants()), 300.0, 1e6).K1_J_m3 > 2e6  # the crystal's own goes first


def test_cells_wider_than_a_wall_are_refused():
    require_resolved(Material(1.61, 4.2e6, 8e-12), 2.0)
    with pytest.raises(ValueError, match=r"hysteresis.structures.cell_size_nm: found 5, allowed: at most 4.34 nm"):
        require_resolved(Material(1.61, 4.2e6, 8e-12), 5.0)


def test_values_without_magnetisation_are_refused():
    good = table(constants())
    values = {name: getattr(good, name) for name in MaterialTable.specs()}
    with pytest.raises(ValueError, match="has_Ms"):
        MaterialTable(**{**values, "has_Ms": 0}, provenance=MADE)
