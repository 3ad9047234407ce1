"""Intrinsic properties: what follows from them, and what is refused."""

import pytest

from lodestone.magnetism.material import Material

PAPER = {"mu0_Ms_T": 1.61, "K1_J_m3": 4.2e6, "A_J_m": 8e-12}


def test_derived_properties_are_those_of_the_paper():
    material = Material.from_config({**PAPER, "another_key": 1})
    assert (material.mu0_Ms_T, material.K1_J_m3, material.A_J_m) == (1.61, 4.2e6, 8e-12)
    assert material.anisotropy_field_T == pytest.approx(6.556, abs=5e-4)  # as printed
    # mu0 M_s^2 / 2 is the stray-field energy constant, 1.03 MJ/m3 for 1.61 T.
    assert material.stray_energy_J_m3 / 2 == pytest.approx(1.03e6, rel=5e-3)


def test_anisotropy_and_polarisation_scale_the_anisotropy_field():
    assert Material(1.0, 2e6, 0).anisotropy_field_T == pytest.approx(2 * Material(1.0, 1e6, 0).anisotropy_field_T)
    assert Material(2.0, 2e6, 0).anisotropy_field_T == pytest.approx(Material(1.0, 1e6, 0).anisotropy_field_T)


def test_no_exchange_is_allowed():
    assert Material(1.61, 4.2e6, 0.0).A_J_m == 0


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), -1.0])
@pytest.mark.parametrize("name", PAPER)
def test_what_no_ferromagnet_has_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=rf"{name}: found .*allowed are finite values >"):
        Material(**{**PAPER, name: value})


@pytest.mark.parametrize("name", ["mu0_Ms_T", "K1_J_m3"])
def test_zero_is_refused_where_it_would_be_divided_by(name):
    with pytest.raises(ValueError, match=f"{name}: found 0.0, allowed are finite values > 0"):
        Material(**{**PAPER, name: 0.0})


def test_it_cannot_be_changed():
    with pytest.raises(AttributeError):
        Material(**PAPER).mu0_Ms_T = 2.0
