"""What the paper on magnetic potentials reports (Kotykhov et al., Fitting to magnetic forces)."""

from __future__ import annotations

from collections.abc import Mapping

CONFIGURATIONS, EQUILIBRIUM, RELAXED = 2632, 420, 21
CONFIG = "config/paper/spin_potential.yaml"
# By (N_psi, w_t), each a value and two standard deviations of an ensemble of five.
Pair = tuple[float, float]
# Table 2: energy (meV/atom), force (meV/A), stress (GPa), magnetic force (meV/mu_B), on the whole training set.
TABLE_2: Mapping[tuple[int, float], tuple[Pair, ...]] = {
    (2, 0.0): ((4.70, 0.01), (70.48, 0.05), (0.484, 0.001), (239.4, 3.5)),
    (2, 0.1): ((3.85, 0.19), (83.07, 0.91), (0.617, 0.006), (30.2, 0.7)),
    (3, 0.0): ((1.98, 0.14), (59.67, 0.86), (0.407, 0.012), (173.0, 25.8)),
    (3, 0.1): ((2.25, 0.07), (66.89, 0.36), (0.479, 0.004), (17.3, 0.3)),
    (4, 0.0): ((1.51, 0.06), (54.74, 1.12), (0.363, 0.004), (210.1, 44.8)),
    (4, 0.1): ((1.61, 0.16), (63.01, 2.61), (0.450, 0.035), (15.4, 0.5)),
    (5, 0.0): ((1.51, 0.09), (54.58, 1.13), (0.374, 0.013), (289.9, 119.4)),
    (5, 0.1): ((1.73, 0.06), (64.40, 3.95), (0.469, 0.029), (15.2, 0.4)),
}
# Table 3: error of equilibrium moments (mu_B), equilibration reliability (%).
TABLE_3: Mapping[tuple[int, float], tuple[Pair, ...]] = {
    (2, 0.0): ((0.158, 0.001), (96.7, 0.2)),
    (2, 0.1): ((0.157, 0.003), (100.0, 0.0)),
    (3, 0.0): ((0.175, 0.148), (98.6, 2.3)),
    (3, 0.1): ((0.111, 0.049), (100.0, 0.0)),
    (4, 0.0): ((0.209, 0.156), (98.4, 2.3)),
    (4, 0.1): ((0.059, 0.077), (100.0, 0.0)),
}
# Table 4: formation energy (meV/atom), lattice parameter (A), total moment (mu_B per Fe), relaxation reliability (%).
TABLE_4: Mapping[tuple[int, float], tuple[Pair, ...]] = {
    (2, 0.0): ((3.20, 0.03), (0.0089, 0.0001), (0.176, 0.001), (95.2, 0.0)),
    (2, 0.1): ((2.9, 0.4), (0.0093, 0.0003), (0.177, 0.001), (100.0, 0.0)),
    (3, 0.0): ((1.8, 0.8), (0.0081, 0.0019), (0.133, 0.071), (97.1, 4.7)),
    (3, 0.1): ((1.5, 0.1), (0.0061, 0.0002), (0.079, 0.027), (100.0, 0.0)),
    (4, 0.0): ((2.0, 0.5), (0.0063, 0.0011), (0.110, 0.051), (90.5, 8.5)),
    (4, 0.1): ((1.1, 0.3), (0.0049, 0.0006), (0.032, 0.003), (100.0, 0.0)),
}
FIGURE_2 = (
    "shows validation errors for weights from 10⁻⁴ to 10: energies are best at 0.1, forces and stresses grow with the "
    "weight, magnetic forces fall."
)
FIGURE_3 = "draws the errors of Table 2: magnetic forces fall about tenfold where they are fitted."
FIGURE_4 = "shows a better correlation of equilibrium moments with magnetic forces in the fit (420 configurations)."
FIGURE_5 = "shows formation energies of 21 crystals: all ensembles follow the calculations."
FIGURE_6 = "shows moment and lattice parameter of the crystal of lowest energy of each composition."
FIGURE_7 = (
    "shows lattice parameters of 128 atoms at 300 K above those at rest, and about 0.025 Å below experiment "
    "(ensemble with N_{ψ} = 4)."
)
