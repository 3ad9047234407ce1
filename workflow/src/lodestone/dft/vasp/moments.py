"""Whether a magnetic state survived self-consistency, and what to try when it did not.

A calculation that starts ferromagnetic may end without moments or with some of them turned round: another solution
than the one that was asked for. The ladder starts again, first from higher moments, then with slower mixing of the
magnetisation; when it ends, the status says what happened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# Smaller start moments (rare earths with the 4f in the core, main-group elements) are guesses that may end anywhere.
JUDGED_FROM_MUB = 1.0


@dataclass(frozen=True)
class Rung:
    """One try: start moments times `scale`, and settings laid over those of the input."""

    name: str
    scale: float
    incar: Mapping[str, Any]


LADDER = (
    Rung("as prepared", 1.0, {}),
    Rung("higher start moments", 1.5, {"ISTART": 0, "ICHARG": 2}),
    # Linear mixing (BMIX near 0), as VASP's manual advises for magnetic systems that do not converge.
    Rung(
        "higher start moments and linear mixing",
        1.5,
        {
            "ISTART": 0,
            "ICHARG": 2,
            "ALGO": "Normal",
            "AMIX": 0.2,
            "BMIX": 0.0001,
            "AMIX_MAG": 0.8,
            "BMIX_MAG": 0.0001,
        },
    ),
)


@dataclass(frozen=True)
class Verdict:
    """`state` is ``kept``, ``lost`` or ``flipped``; `message` names the sites and their moments."""

    state: str
    message: str = ""


def judge(start_muB: np.ndarray, final_muB: np.ndarray, names: Sequence[str], lost_below_muB: float) -> Verdict:
    """Compare the moments of all sites before and after a calculation.

    Parameters
    ----------
    start_muB, final_muB : (site,)
        Signed moments. Only sites that started at `JUDGED_FROM_MUB` or more are judged. The state with every moment
        turned round is the same state.
    names : sequence of str
        What the sites are called in the message.
    lost_below_muB : float
        A judged moment that ends below this is lost.
    """
    judged = np.abs(start_muB) >= JUDGED_FROM_MUB
    if not judged.any():
        return Verdict("kept")
    lost = judged & (np.abs(final_muB) < lost_below_muB)
    if lost.any():
        return Verdict("lost", f"moments lost: {_sites(lost, start_muB, final_muB, names)}")
    product = np.where(judged, start_muB * final_muB, 0.0)
    flipped = judged & (np.sign(product) != (1.0 if product.sum() >= 0 else -1.0))
    if flipped.any():
        return Verdict("flipped", f"moments turned round: {_sites(flipped, start_muB, final_muB, names)}")
    return Verdict("kept")


def _sites(which: np.ndarray, start_muB: np.ndarray, final_muB: np.ndarray, names: Sequence[str], most: int = 6) -> str:
    numbers = np.flatnonzero(which)
    named = [f"{names[k]} from {start_muB[k]:.2f} to {final_muB[k]:.2f} mu_B" for k in numbers[:most]]
    more = f" and {len(numbers) - most} more" if len(numbers) > most else ""
    return "; ".join(named) + more
