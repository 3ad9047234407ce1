"""What counts as a lost and as a flipped moment."""

import numpy as np
import pytest

from lodestone.dft.vasp.moments import LADDER, judge

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


def test_the_ladder_begins_with_what_was_prepared_and_climbs():
    assert (LADDER[0].scale, dict(LADDER[0].incar)) == (1.0, {})
    assert all(rung.scale > 1.0 and rung.incar["ICHARG"] == 2 for rung in LADDER[1:])
    assert "BMIX_MAG" in LADDER[-1].incar
