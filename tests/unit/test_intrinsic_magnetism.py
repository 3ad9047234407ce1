"""4f moments by Hund's rules, figures of merit, and Kuz'min's law."""

from fractions import Fraction

import numpy as np
import pytest

import lodestone
from lodestone.magnetism import figures, four_f, kuzmin


def test_moments_of_all_trivalent_rare_earths():
    """g_J J of textbooks (Jensen and Mackintosh, table 1.1), signs for coupling to a 3d moment."""
    expected = {
        "La": 0, "Ce": 15 / 7, "Pr": 16 / 5, "Nd": 36 / 11, "Pm": 12 / 5, "Sm": 5 / 7, "Eu": 0, "Gd": -7, "Tb": -9,
        "Dy": -10, "Ho": -10, "Er": -9, "Tm": -7, "Yb": -4, "Lu": 0,
    }  # fmt: skip
    assert {name: four_f.moment_4f_muB(name) for name in four_f.SYMBOLS} == pytest.approx(expected, abs=1e-12)
    assert four_f.moment_4f_muB(60) == four_f.moment_4f_muB("Nd") == pytest.approx(3.273, abs=5e-4)


def test_hunds_rules_of_neodymium():
    state = four_f.hund_ground_state(3)
    assert state == (Fraction(3, 2), 6, Fraction(9, 2))
    assert four_f.lande_factor(*state) == Fraction(8, 11)


@pytest.mark.parametrize("element", ["Fe", "Y", 26, 72])
def test_others_have_no_4f_moment(element):
    assert not four_f.is_rare_earth(element)
    with pytest.raises(ValueError, match="allowed are La"):
        four_f.moment_4f_muB(element)


def test_ndfe15_of_the_paper():
    """Table I of the Nd-Fe search: 38.54 mu_B in a cube of 5.852 angstrom are 2.24 T."""
    shells = [(1, 2.97), (1, 2.25), (3, 2.43), (3, 2.44), (8, 2.34)]
    total = sum(number * moment for number, moment in shells)
    assert total == pytest.approx(38.54, abs=0.08)  # sixteen moments rounded to 0.005
    assert round(lodestone.saturation_magnetisation(38.54, 5.852**3), 2) == 2.24
    # The moment of Nd in the table has the 4f shell in it; without it the shell is added here.
    valence = [2.97 - four_f.moment_4f_muB("Nd")] + [2.25] + [2.43] * 3 + [2.44] * 3 + [2.34] * 8
    found = lodestone.saturation_magnetisation(valence, 5.852**3, ["Nd"] + ["Fe"] * 15)
    assert found == pytest.approx(2.24, abs=0.005)
    by_formula = lodestone.saturation_magnetisation(sum(valence), 5.852**3, {"Nd": 1, "Fe": 15})
    assert by_formula == pytest.approx(found, rel=1e-12)


def test_heavy_rare_earths_lower_the_magnetisation():
    iron = 14 * 2.3
    light, heavy = (lodestone.saturation_magnetisation(iron, 230.0, {name: 2}) for name in ("Nd", "Dy"))
    assert heavy < lodestone.saturation_magnetisation(iron, 230.0) < light


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="volume above 0"):
        figures.polarisation_T(38.54, 0.0)
    with pytest.raises(ValueError, match="elements: found 2, expected 3"):
        lodestone.saturation_magnetisation([1.0, 2.0, 3.0], 10.0, ["Fe", "Fe"])
    with pytest.raises(ValueError, match="mu0_Ms_T: found 0"):
        figures.hardness(1e6, 0.0)


def test_all_elements_have_a_symbol():
    assert len(figures._SYMBOLS) == 118


@pytest.mark.parametrize(
    ("elements", "told"),
    [
        ("Nd", "found the text 'Nd', expected a list"),
        ("NdFe15", "found the text 'NdFe15'"),
        (["nd"] + ["Fe"] * 15, "found 'nd', expected the symbol"),
        ({"Nd3+": 1, "Fe": 15}, "found 'Nd3\\+'"),
        ({"Xx": 1}, "found 'Xx'"),
        ({"Nd": -1, "Fe": 15}, "found -1 atoms of Nd, expected a number from 0"),
        ({"Nd": float("nan")}, "found nan atoms of Nd"),
    ],
)
def test_bad_elements_are_named(elements, told):
    with pytest.raises(ValueError, match=f"elements: {told}"):
        lodestone.saturation_magnetisation(38.54, 200.4, elements)


@pytest.mark.parametrize(
    ("moments", "volume_A3", "elements", "allowed"),
    [
        (38.54, 0.2004, (), "1 to 1e\\+06 cubic angstrom$"),  # in nm3
        (38.54, 2e8, (), "1 to 1e\\+06 cubic angstrom$"),
        (38.54, float("nan"), (), "1 to 1e\\+06"),
        (38.54, 29.7, {"Nd": 1, "Fe": 15}, "32 to 3200 cubic angstrom for 16 atoms"),  # in cm3/mol, or of one atom
        (38.54, 3300.0, ["Nd"] + ["Fe"] * 15, "32 to 3200 cubic angstrom for 16 atoms"),
        ([2.2, 2.2], 3.9, (), "4 to 400 cubic angstrom for 2 atoms"),
        (38.54, 1.5, {"Nd": 1}, "2 to 1e\\+06 cubic angstrom$"),
    ],
)
def test_implausible_volumes_are_refused(moments, volume_A3, elements, allowed):
    with pytest.raises(ValueError, match=f"volume_A3: found .*, allowed are {allowed}"):
        lodestone.saturation_magnetisation(moments, volume_A3, elements)


def test_the_rare_earths_alone_do_not_say_how_many_atoms_there_are():
    assert lodestone.saturation_magnetisation(35.27, 200.4, {"Nd": 1}) == pytest.approx(2.24, abs=0.005)
    with pytest.raises(ValueError, match="spin_moment_muB: found nan"):
        lodestone.saturation_magnetisation(float("nan"), 200.4)


def test_figures_of_nd2fe14b():
    """Skomski and Coey (2016): kappa 1.54, and 515 kJ/m3 for 1.61 T; mu0 H_A of 7.6 T."""
    assert figures.hardness(4.9e6, 1.61) == pytest.approx(1.54, abs=0.01)
    assert figures.energy_product_limit_kJ_m3(1.61) == pytest.approx(515, abs=1)
    assert figures.anisotropy_field_T(4.9e6, 1.61) == pytest.approx(7.65, abs=0.01)
    assert figures.hardness(-1e6, 1.0) == 0.0


def test_kuzmin_fit_finds_the_law_again():
    law = kuzmin.KuzminFit(2.2, 1044.0, 0.35)
    temperatures = np.linspace(0, 1000, 15)
    found = kuzmin.fit(temperatures, law.magnetisation(temperatures))
    assert (found.M0, found.Tc_K, found.s) == pytest.approx((2.2, 1044.0, 0.35), rel=1e-6)
    fixed = kuzmin.fit([*temperatures, 1100.0], [*law.magnetisation(temperatures), 0.1], Tc_K=1044.0)
    assert (fixed.M0, fixed.s) == pytest.approx((2.2, 0.35), rel=1e-6)  # what lies above T_C is left out


def test_kuzmin_fit_with_a_given_magnetisation_at_zero():
    law = kuzmin.KuzminFit(2.2, 1044.0, 0.35)
    temperatures = np.linspace(100, 1000, 8)
    data = law.magnetisation(temperatures)
    found = kuzmin.fit(temperatures, data, 1044.0, M0=2.2)
    assert (found.M0, found.Tc_K, found.s) == (2.2, 1044.0, pytest.approx(0.35, rel=1e-6))
    free = kuzmin.fit(temperatures, data, M0=2.2)
    assert (free.M0, free.Tc_K, free.s) == (2.2, pytest.approx(1044.0, rel=1e-6), pytest.approx(0.35, rel=1e-6))
    other = kuzmin.fit(temperatures, data, 1044.0, M0=2.4)  # what was given stays, however badly it fits
    assert (other.M0, other.s > 0.35, other.rms > 1e-3) == (2.4, True, True)
    assert other.magnetisation(0.0) == 2.4


def test_kuzmin_limits_and_stiffness():
    law = kuzmin.KuzminFit(2.2, 1044.0, 0.35)
    assert law.magnetisation([0.0, 1044.0, 2000.0]).tolist() == [2.2, 0.0, 0.0]
    assert np.all(np.diff(law.magnetisation(np.linspace(0, 1044, 50))) < 0)
    assert law.stiffness_J_m(2e-11, [0.0, 1044.0]) == pytest.approx([2e-11, 0.0])
    small = 1e-3
    assert kuzmin.reduced_magnetisation(small, 0.35) == pytest.approx(1 - 0.35 / 3 * small**1.5, abs=1e-8)


def test_kuzmin_needs_data():
    with pytest.raises(ValueError, match="data below T_C: found 1, expected more than 2"):
        kuzmin.fit([100.0, 1200.0], [2.0, 0.1], Tc_K=1000.0)
