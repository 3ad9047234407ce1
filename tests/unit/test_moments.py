"""What counts as a lost and as a flipped moment, and when a crystal has none."""

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from lodestone.dft.abinit import ladder as abinit
from lodestone.dft.calculation import Calculation
from lodestone.dft.moments import FOUND, Intended, Try, agree_on_none, judge, remark
from lodestone.dft.vasp import moments as vasp

NAMES = ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("start", "final", "state", "message"),
    [
        ([3.0, 3.0, -0.3, 0.1], [2.2, 2.4, 0.4, 0.0], "kept", ""),
        ([3.0, -3.0, 0.0, 0.0], [-2.2, 2.2, 0.0, 0.0], "kept", ""),
        ([0.6, 0.6, 0.6, 0.6], [0.0, 0.0, 0.0, 0.0], "kept", ""),
        ([3.0, 3.0, 3.0, 0.0], [2.2, 2.4, -2.3, 0.0], "flipped", "moments turned round: c from 3.00 to -2.30 mu_B"),
        ([3.0, 3.0, 0.0, 0.0], [2.2, 0.1, 0.0, 0.0], "lost", "moments lost: b from 3.00 to 0.10 mu_B"),
        # A lost moment is named even if another one is turned round: the state is another one altogether.
        ([3.0, 3.0, 3.0, 0.0], [2.2, 0.1, -2.0, 0.0], "lost", "moments lost: b from 3.00 to 0.10 mu_B"),
    ],
)
def test_states(start, final, state, message):
    verdict = judge(np.array(start), np.array(final), NAMES, 0.3)
    assert (verdict.state, verdict.message) == (state, message)


def test_long_lists_are_cut():
    names = [f"s{k}" for k in range(20)]
    verdict = judge(np.full(20, 3.0), np.zeros(20), names, 0.3)
    assert verdict.message.count(" from ") == 6
    assert verdict.message.endswith("s5 from 3.00 to 0.00 mu_B and 14 more")


@pytest.mark.parametrize("rungs", [vasp.LADDER, abinit.LADDER], ids=["vasp", "abinit"])
def test_a_ladder_begins_with_what_was_prepared_and_climbs(rungs):
    assert (rungs[0].scale, rungs[0].settings) == (1.0, ())
    assert all(rung.scale > 1.0 for rung in rungs[1:])
    # The last rung mixes the magnetisation in another way.
    assert [name for name, _ in rungs[-1].settings if name in ("BMIX_MAG", "diemixmag")]


def test_all_starts_must_end_at_one_energy_without_moments():
    none, one = np.array([0.01, -0.02]), np.array([0.01, 0.2])
    assert agree_on_none([Try(-10.0, none), Try(-10.0019, none), Try(-10.0, none)])
    # Another state without moments, as of another geometry.
    assert not agree_on_none([Try(-10.0, none), Try(-10.0021, none), Try(-10.0, none)])
    assert not agree_on_none([Try(-10.0, none), Try(-10.0, one), Try(-10.0, none)])
    assert not agree_on_none([])


def test_crystals_without_an_element_that_carries_moments_are_not_judged():
    crystal = Structure(Lattice.cubic(3.0), ["Cu", "Al"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    crystal.add_site_property("magmom", [2.0, 1.0])
    calculation = Calculation(kind="static")
    assert Intended.of(crystal, calculation, 0.3).judge(np.zeros(2)).state == "kept"
    crystal.replace(0, "Mn", properties={"magmom": 2.0})
    intended = Intended.of(crystal, calculation, 0.3)
    # An induced moment is judged with the one that induces it.
    assert "site 2 (Al) from 1.00 to 0.10 mu_B" in intended.judge(np.array([2.0, 0.1])).message
    turned = Intended.of(crystal, calculation, 0.3, [1, 0])
    assert (turned.names, turned.moments_muB.tolist()) == (("site 2 (Al)", "site 1 (Mn)"), [1.0, 2.0])
    assert not intended.found
    crystal.properties[FOUND] = True
    assert Intended.of(Structure.from_dict(crystal.as_dict()), calculation, 0.3).found


def test_a_result_without_moments_says_so():
    assert remark(np.array([0.01, -0.02]), "why") == {"nonmagnetic": True, "note": "why"}
    assert remark(np.array([[0.0, 0.0, 0.01]])) == {"nonmagnetic": True}
    assert remark(np.array([0.01, -0.2])) == {} and remark(None) == {}
