"""Open-core 4f moments of trivalent rare earths by Hund's rules."""

from __future__ import annotations

from fractions import Fraction

SYMBOLS = ("La", "Ce", "Pr", "Nd", "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu")
LANTHANUM = 57


def is_rare_earth(element: str | int) -> bool:
    """Whether an element, by symbol or atomic number, is one of La to Lu."""
    return element in SYMBOLS if isinstance(element, str) else LANTHANUM <= element < LANTHANUM + len(SYMBOLS)


def hund_ground_state(electrons: int) -> tuple[Fraction, int, Fraction]:
    """Spin S, orbital moment L and total J of n electrons in the 4f shell by Hund's rules.

    Raises
    ------
    ValueError
        If n is not between 0 and 14.
    """
    if not 0 <= electrons <= 14:
        raise ValueError(f"electrons in the 4f shell: found {electrons}, allowed are 0 to 14")
    up, down = min(electrons, 7), max(electrons - 7, 0)
    orbital = sum(3 - m for m in range(up)) + sum(3 - m for m in range(down))
    spin = Fraction(up - down, 2)
    total = abs(orbital - spin) if electrons < 7 else orbital + spin
    return spin, orbital, Fraction(total)


def lande_factor(spin: Fraction, orbital: int, total: Fraction) -> Fraction:
    """Lande factor g_J = 1 + (J(J+1) + S(S+1) - L(L+1)) / (2 J (J+1)); 1 for J = 0, where it has no effect."""
    if total == 0:
        return Fraction(1)
    bracket = total * (total + 1) + spin * (spin + 1) - orbital * (orbital + 1)
    return 1 + bracket / (2 * total * (total + 1))


def moment_4f_muB(element: str | int) -> float:
    """Moment g_J J of the trivalent ion, counted along the 3d moment of a 4f-3d compound.

    The spin of the 4f shell couples antiparallel to that of the 3d electrons. In light rare earths (less than half
    filled) J = L - S, so that the moment is parallel to the 3d one (positive); in heavy ones J = L + S: antiparallel
    (negative). Nd: g_J J = 8/11 * 9/2 = 3.273 (equation (2) of the Nd-Fe search).

    Parameters
    ----------
    element : str or int
        Symbol or atomic number, La to Lu.

    Returns
    -------
    float
        Moment in Bohr magnetons.

    Raises
    ------
    ValueError
        If the element is no rare earth.
    """
    if not is_rare_earth(element):
        raise ValueError(f"element: found {element!r}, allowed are {', '.join(SYMBOLS)}")
    electrons = SYMBOLS.index(element) if isinstance(element, str) else element - LANTHANUM
    spin, orbital, total = hund_ground_state(electrons)
    size = float(lande_factor(spin, orbital, total) * total)
    return -size if electrons >= 7 else size
