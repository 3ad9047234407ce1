"""Whether a magnetic state survived self-consistency, and what to do when it did not; the same for all DFT codes.

A calculation that starts ferromagnetic may end without moments or with some of them turned round: another solution
than the one that was asked for. A ladder starts again, first from higher moments, then with other mixing. When no rung
keeps the moments, the status says what happened. If every rung ends in one state without any moment, there is nothing
that could have been missed: the crystal is not magnetic, and the calculation has converged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lodestone.dft.calculation import Calculation, start_moments

if TYPE_CHECKING:
    from pymatgen.core import Structure

# Smaller start moments (rare earths with the 4f in the core, main-group elements) are guesses that may end anywhere.
JUDGED_FROM_MUB = 1.0
# Elements whose crystals may have moments of their own: 3d, 4f and 5f. Without one of them no moment is expected.
CARRIERS = frozenset(
    ("V", "Cr", "Mn", "Fe", "Co", "Ni")
    + ("Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb")
    + ("U", "Np", "Pu", "Am", "Cm")
)
# What is left of moments in a state without any when the electrons have converged is a thousandth of this or less.
VANISHED_BELOW_MUB = 0.05
# Energies of one state differ by less from run to run, also after relaxations that stopped at their tolerance.
SAME_STATE_EV_PER_ATOM = 1e-3
# Key of a crystal's properties: its moments are not a guess but what an earlier step of the same crystal ended with.
FOUND = "moments_found"


@dataclass(frozen=True)
class Rung:
    """One try: start moments times `scale`, and settings of the code, (name, value), laid over those of the input."""

    name: str
    scale: float
    settings: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Verdict:
    """`state` is ``kept``, ``lost`` or ``flipped``; `message` names the sites and their moments."""

    state: str
    message: str = ""


@dataclass(frozen=True, eq=False)
class Try:
    """What one rung ended with: energy of the cell in eV, and signed moments (site,) in Bohr magnetons."""

    energy_eV: float
    moments_muB: np.ndarray


@dataclass(frozen=True, eq=False)
class Intended:
    """The magnetic state that was asked for.

    Attributes
    ----------
    moments_muB : (site,)
        Signed start moments.
    elements, names : (site,) of str
        Symbols, and what messages call the sites.
    lost_below_muB : float
        A judged moment that ends below this is lost.
    found : bool
        Whether an earlier step ended in this state, so that it is known to exist.
    """

    moments_muB: np.ndarray
    elements: tuple[str, ...]
    names: tuple[str, ...]
    lost_below_muB: float
    found: bool = False

    @classmethod
    def of(
        cls,
        structure: Structure,
        calculation: Calculation,
        lost_below_muB: float,
        sites: Sequence[int] | None = None,
    ) -> Intended:
        """Take the start moments of a crystal; `sites` are its sites in the order that is wanted, if it is another."""
        order = range(len(structure)) if sites is None else sites
        symbols = [site.specie.symbol for site in structure]
        return cls(
            start_moments(structure, calculation)[list(order)],
            tuple(symbols[k] for k in order),
            tuple(f"site {k + 1} ({symbols[k]})" for k in order),
            lost_below_muB,
            bool((structure.properties or {}).get(FOUND)),
        )

    def judge(self, final_muB: np.ndarray) -> Verdict:
        """Compare with the moments (site,) that a calculation ended with; nothing is lost where none is expected."""
        if not CARRIERS & set(self.elements):
            return Verdict("kept")
        return judge(self.moments_muB, final_muB, self.names, self.lost_below_muB)


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


def vanished(moments_muB: np.ndarray) -> bool:
    """Whether no site has a moment; moments are (site,), or vectors (site, 3)."""
    sizes = np.abs(moments_muB) if np.ndim(moments_muB) == 1 else np.linalg.norm(moments_muB, axis=1)
    return bool((sizes < VANISHED_BELOW_MUB).all())


def agree_on_none(tries: Sequence[Try]) -> bool:
    """Whether all rungs ended in one state without moments: no site has one anywhere, and the energies are the same."""
    energies = [one.energy_eV for one in tries]
    sites = max((len(one.moments_muB) for one in tries), default=0)
    same = bool(tries) and max(energies) - min(energies) <= SAME_STATE_EV_PER_ATOM * sites
    return same and all(vanished(one.moments_muB) for one in tries)


def vanished_note(starts: int) -> str:
    """Say how it is known that a crystal is not magnetic."""
    return f"not magnetic: the moments vanish from each of {starts} starts, which end at one energy"


def remark(moments_muB: np.ndarray | None, note: str = "") -> dict[str, Any]:
    """Entries of a converged result's `extras`: ``nonmagnetic``, and the ``note``, for a state without moments."""
    if moments_muB is None or not vanished(moments_muB):
        return {}
    return {"nonmagnetic": True, **({"note": note} if note else {})}


def _sites(which: np.ndarray, start_muB: np.ndarray, final_muB: np.ndarray, names: Sequence[str], most: int = 6) -> str:
    numbers = np.flatnonzero(which)
    named = [f"{names[k]} from {start_muB[k]:.2f} to {final_muB[k]:.2f} mu_B" for k in numbers[:most]]
    more = f" and {len(numbers) - most} more" if len(numbers) > most else ""
    return "; ".join(named) + more
