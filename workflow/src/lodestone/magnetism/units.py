"""Constants of nature, as plain numbers so that importing them costs nothing."""

# Vacuum permeability in T m / A (CODATA 2022), the value of `scipy.constants.mu_0` in SciPy >= 1.15.
MU0 = 1.25663706127e-6
