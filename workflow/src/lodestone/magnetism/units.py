"""Constants of nature, as plain numbers so that importing them costs nothing (CODATA 2022)."""

# Vacuum permeability in T m / A, the value of `scipy.constants.mu_0` in SciPy >= 1.15.
MU0 = 1.25663706127e-6
# Bohr magneton in J / T.
MU_B = 9.2740100657e-24
# Boltzmann constant in meV / K.
K_B_MEV = 0.08617333262
# Elementary charge in C: joules in an electronvolt.
E_CHARGE = 1.602176634e-19
# Bohr radius in angstrom.
BOHR_A = 0.529177210544
# Rydberg energy in meV.
RYDBERG_MEV = 13605.693122990
