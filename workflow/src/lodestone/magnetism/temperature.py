"""What micromagnetics takes from a crystal at a temperature: M_s, A and K_1 by three laws from those at T = 0."""

from __future__ import annotations

from dataclasses import dataclass

from lodestone.magnetism.kuzmin import KuzminFit

# Callen and Callen, J. Phys. Chem. Solids 27, 1271 (1966): l (l + 1) / 2 with l = 2, uniaxial, far below T_C.
CALLEN_CALLEN = 3


@dataclass(frozen=True)
class Law:
    """M_s by Kuz'min, A with the square of M_s (mean field), K_1 with its third power (Callen and Callen).

    Parameters
    ----------
    mu0_Ms_0_T : float
        Polarisation at T = 0, in T.
    Tc_K : float
        Curie temperature, in K.
    shape : float
        Shape parameter s of Kuz'min's law.
    A_0_J_m : float
        Exchange stiffness at T = 0, in J/m.
    K1_0_J_m3 : float
        Uniaxial anisotropy constant at T = 0, in J/m3.
    """

    mu0_Ms_0_T: float
    Tc_K: float
    shape: float
    A_0_J_m: float = 0.0
    K1_0_J_m3: float = 0.0

    def __call__(self, temperature_K: float) -> tuple[float, float, float]:
        """Return mu0 M_s (T), A (J/m) and K_1 (J/m3) at a temperature; 0 at and above T_C.

        Raises
        ------
        ValueError
            If the temperature is negative or not finite.
        """
        if not 0 <= temperature_K < float("inf"):
            raise ValueError(f"temperature_K: found {temperature_K}, allowed are finite numbers from 0")
        share = float(KuzminFit(1.0, self.Tc_K, self.shape).magnetisation(temperature_K))
        return self.mu0_Ms_0_T * share, self.A_0_J_m * share**2, self.K1_0_J_m3 * share**CALLEN_CALLEN
