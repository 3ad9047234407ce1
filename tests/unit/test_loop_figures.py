"""Anchor points of curves made by hand, those that do not exist included."""

import numpy as np
import pytest

from lodestone.magnetism.loop_figures import ANCHORS, KNEES, UNITS, anchor_points
from lodestone.magnetism.stoner_wohlfarth import descending_branch, switching_field

H_A = 6.5


def anchors(h, m):
    """Points by name; those that do not exist are left out, and must be 0."""
    values, exists = anchor_points(np.asarray(h, float) * H_A, m, H_A)
    assert values.shape == exists.shape == (6,)
    assert values.dtype == np.float64
    assert exists.dtype == np.bool_
    assert not values[~exists].any()
    return {name: value for name, value, there in zip(ANCHORS, values, exists, strict=True) if there}


def test_names_and_units_belong_together():
    assert ANCHORS == ("M_1", "M_r", "H_k90", "H_k80", "H_k70", "H_c")
    assert UNITS == ("M_s", "M_s", "H_A", "H_A", "H_A", "H_A")
    assert KNEES == (0.9, 0.8, 0.7)


def test_a_straight_line():
    # From 1 at +H_A to 0 at -H_A: 0.5 at zero field, and 0.9 of that 0.1 H_A further; H_c only just exists.
    found = anchors(np.linspace(1, -1, 11), np.linspace(1, 0, 11))
    assert found == pytest.approx({"M_1": 1, "M_r": 0.5, "H_k90": 0.1, "H_k80": 0.2, "H_k70": 0.3, "H_c": 1.0})


def test_points_between_the_fields_are_interpolated():
    h, m = [1.0, 0.25, -0.25, -0.5, -1.0], [0.95, 0.9, 0.7, -0.1, -0.9]
    found = anchors(h, m)
    # 0.8 at zero field; 0.72 lies on the way from there to 0.7 at 0.25, the others between 0.25 and 0.5.
    expected = {
        "M_1": 0.95,
        "M_r": 0.8,
        "H_k90": 0.25 * 0.08 / 0.1,
        "H_k80": 0.25 + 0.25 * 0.06 / 0.8,
        "H_k70": 0.25 + 0.25 * 0.14 / 0.8,
        "H_c": 0.25 + 0.25 * 0.7 / 0.8,
    }
    assert found == pytest.approx(expected)


def test_a_square_loop_has_all_knees_within_one_step():
    h = np.linspace(1, -1, 201)
    found = anchors(h, np.where(h > -0.555, 1.0, -1.0))
    assert found["M_r"] == 1
    assert [found[name] for name in ANCHORS[2:]] == pytest.approx([0.5505, 0.551, 0.5515, 0.555])


@pytest.mark.parametrize("angle_deg", [5, 20, 40])
def test_stoner_wohlfarth_particles(angle_deg):
    psi, h = np.radians(angle_deg), np.linspace(1, -1, 2001)
    found = anchors(h, descending_branch(h, psi))
    assert found["M_r"] == pytest.approx(np.cos(psi))  # on the easy axis
    # Below 45 degrees the magnetisation changes sign by the switch, which lies within one step of 0.001.
    assert found["H_c"] == pytest.approx(float(switching_field(psi)), abs=1e-3)
    assert found["H_k90"] <= found["H_k80"] <= found["H_k70"] <= found["H_c"]


def test_a_curve_that_does_not_fall_far_enough_has_no_such_points():
    h = np.linspace(1, -1, 21)
    assert set(anchors(h, np.full(21, 0.9))) == {"M_1", "M_r"}
    # 0.85 of the remanence is its lowest: 0.9 is passed, 0.8 is not.
    assert set(anchors(h, np.interp(h, [-1, 0, 1], [0.85, 1, 1]))) == {"M_1", "M_r", "H_k90"}


def test_a_curve_without_remanence_has_no_knees_and_no_coercive_field():
    h = np.linspace(1, -1, 21)
    for remanence in (0.0, -0.2):
        found = anchors(h, h + remanence)
        assert set(found) == {"M_1", "M_r"}
        assert found["M_r"] == pytest.approx(remanence, abs=1e-15)


def test_fields_that_were_not_applied_have_no_points():
    assert set(anchors([0.9, 0.1], [1.0, 0.9])) == set()
    assert set(anchors([1.0, 0.5], [1.0, 0.9])) == {"M_1"}
    assert set(anchors([-0.1, -0.9], [0.5, -0.5])) == set()
    assert set(anchors([0.5, 0.0], [1.0, 0.9])) == {"M_r"}
    assert set(anchors([0.0, -1.0], [0.5, -0.5])) == {"M_r", "H_k90", "H_k80", "H_k70", "H_c"}


def test_a_rounding_error_at_the_first_field_is_forgiven():
    assert "M_1" in anchors([1 - 1e-12, -1], [0.9, -0.9])
    assert "M_1" not in anchors([1 - 1e-6, -1], [0.9, -0.9])


def test_the_first_crossing_counts():
    h, m = np.linspace(0, -0.8, 9), [1.0, 0.5, 0.95, -0.1, 0.3, 0.2, 0.1, -0.5, -1.0]
    found = anchors(h, m)
    assert found["H_k90"] == pytest.approx(0.02)
    assert found["H_c"] == pytest.approx(0.2 + 0.1 * 0.95 / 1.05)


def test_an_exact_zero_is_a_crossing():
    assert anchors([0.0, -0.5, -1.0], [1.0, 0.0, -1.0])["H_c"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("field", "magnetisation", "message"),
    [
        ([0.0], [1.0], "expected one length > 1"),
        ([1.0, 0.0], [1.0, 0.9, 0.8], r"found shapes \(2,\) and \(3,\)"),
        ([[1.0, 0.0]], [[1.0, 0.9]], r"found shapes \(1, 2\)"),
        ([0.0, 1.0], [1.0, 0.9], "strictly descending"),
        ([1.0, 0.0, 0.0], [1.0, 0.9, 0.8], "strictly descending"),
        ([1.0, float("nan")], [1.0, 0.9], "strictly descending"),
        ([1.0, -1.0], [1.0, float("nan")], "magnetisation: .*finite"),
    ],
)
def test_what_is_no_curve_is_refused(field, magnetisation, message):
    with pytest.raises(ValueError, match=message):
        anchor_points(field, magnetisation, H_A)
