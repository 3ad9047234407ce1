"""Exchange stiffness: exact for nearest neighbours, measured for iron, refused where there is none."""

import logging

import numpy as np
import pytest
from test_exchange import AXES, PROVENANCE, doubled, iron, simple_cubic

from lodestone.kkr import curie, stiffness
from lodestone.kkr.exchange import from_bonds
from lodestone.kkr.monte_carlo import Points

J_M = 1e-3 * 1.602176634e-19 / 1e-10  # 1 meV per angstrom


@pytest.mark.parametrize("exchange", [simple_cubic(), doubled(), doubled(-1.0)], ids=["one", "two", "neel"])
def test_stiffness_of_nearest_neighbours_is_exact(exchange):
    """A = J/(2a) for one coupling J per pair in a simple cubic lattice of edge a (classical unit spins)."""
    found = stiffness.exchange_stiffness(exchange)
    assert found.plain_J_m == pytest.approx(0.5 * J_M, rel=1e-9)
    assert found.A_J_m == pytest.approx(0.5 * J_M, rel=1e-9)
    assert found.tensor_J_m == pytest.approx(0.5 * J_M * np.eye(3), abs=1e-9 * J_M)
    assert found.damped_J_m == pytest.approx(0.5 * J_M, rel=1e-9)
    assert found.error_J_m < 1e-9 * J_M


def test_a_body_centred_lattice_of_nearest_neighbours():
    """Eight neighbours at (a/2)(1, 1, 1): A = J_ij sum R_x^2 / (2 V) = 2 J_ij / a with J_ij in both directions."""
    corners = [[0, 0, 0], [-1, 0, 0], [0, -1, 0], [0, 0, -1], [-1, -1, 0], [-1, 0, -1], [0, -1, -1], [-1, -1, -1]]
    a = 2.87
    exchange = from_bonds(
        lattice_A=np.eye(3) * a, fractional=[[0, 0, 0], [0.5] * 3], moment_muB=[2.2, 2.2], source=[0] * 8,
        target=[1] * 8, cell=corners, meV=[10.0] * 8, name="bcc", provenance=PROVENANCE,
    )  # fmt: skip
    assert stiffness.exchange_stiffness(exchange).A_J_m == pytest.approx(2 * 10.0 / a * J_M, rel=1e-9)


def test_stiffness_of_iron_is_of_the_measured_size():
    assert 1e-11 < stiffness.exchange_stiffness(iron()).A_J_m < 5e-11  # measured: 2e-11 J/m


def three(weak):
    """Three sites on a line, the middle one bound to the others, which are bound with `weak` to each other."""
    return from_bonds(
        lattice_A=np.diag([3.0, 5.0, 5.0]), fractional=[[0, 0, 0], [1 / 3, 0, 0], [2 / 3, 0, 0]], moment_muB=[1.0] * 3,
        source=[0, 1, 0, 0, 1, 2, 0, 1, 2], target=[1, 2, 2, 0, 1, 2, 0, 1, 2],
        cell=[[0, 0, 0]] * 3 + [[0, 1, 0]] * 3 + [[0, 0, 1]] * 3, meV=[1.0, 1.0, weak, *[1.0] * 6], name="line",
        provenance=PROVENANCE,
    )  # fmt: skip


def test_a_state_that_sublattices_leave_has_no_stiffness():
    """With the outer two at -J/2 the Laplacian has a second eigenvalue of 0, below it a negative one."""
    assert stiffness.exchange_stiffness(three(-0.2)).A_J_m > 0
    with pytest.raises(ValueError, match=r"line: sublattices turn against each other with damping 0 \(.*-0\.2 meV"):
        stiffness.stiffness_tensor(three(-0.6), 0.0)
    with pytest.raises(ValueError, match="the collinear state is no ground state"):
        stiffness.exchange_stiffness(three(-0.6))


def frustrated(third=-0.66):
    """Couplings whose sum over R^2 J nearly cancels, so that the extrapolations differ by more than half of it."""
    cell = [[n * x for x in axis] for n in (1, 2, 3, 4) for axis in AXES]
    meV = np.repeat([1.0, 0.7, third, 0.13], 3)
    return from_bonds(
        lattice_A=np.eye(3), fractional=[[0, 0, 0]], moment_muB=[1.0], source=[0] * 12, target=[0] * 12, cell=cell,
        meV=meV, name="frustrated", provenance=PROVENANCE,
    )  # fmt: skip


def test_an_error_above_half_is_refused_and_the_crystal_goes_on():
    with pytest.raises(ValueError, match=r"found A = 0\.2.* with an error of 0\.3.*at most half"):
        stiffness.exchange_stiffness(frustrated())
    with pytest.raises(ValueError, match=r"found A = -\d.* expected A above 0 .* there is a spiral"):
        stiffness.exchange_stiffness(frustrated(-2.0))
    fields = curie.compute(
        Points(frustrated()), {"methods": ["mean_field"], "temperatures": [], "spins": 64, "sweeps": 16,
                               "thermalisation": 0, "over_relaxations": 0}, logging.getLogger("test"),
    )  # fmt: skip
    assert fields["Tc_K"][0] > 0
    assert (fields["A_J_m"], fields["A_error_J_m"]) == (0.0, 0.0)
    assert fields["message"].startswith("no stiffness: exchange of frustrated: found A = ")
