"""What the paper reports: Kovacs et al., Exploring the hysteresis properties of nanocrystalline permanent magnets."""

from __future__ import annotations

import numpy as np

# Anchor names as symbols, in anchor order, with what each is counted in.
ANCHOR_SYMBOLS = ("M_{1}", "M_{r}", "H_{k,90}", "H_{k,80}", "H_{k,70}", "H_{c}")
ANCHOR_UNITS = ("M_{s}", "M_{s}", "H_{A}", "H_{A}", "H_{A}", "H_{A}")

# Table 3: mean absolute errors on the test set.
TABLE_3 = np.array([0.0030, 0.0152, 0.0184, 0.0245, 0.0234, 0.0206])

# Sizes: sections 4.1 of the paper.
LOOPS, TEST_LOOPS, STRUCTURES, EPOCHS, REGRESSOR_EPOCHS = 3977, 370, 320_000, 400, 753
CONFIG = "config/paper/hysteresis.yaml"

FIGURE_4 = (
    "shows original, latent code as an image of 32 × 16 squares, and reconstruction; the x-component of the easy "
    "axis runs from red (−1) to blue (+1). The paper notes that reconstructions are blurry, as variational "
    "autoencoders are, and that only the codes are needed."
)
FIGURE_5 = (
    "plots predicted against computed M_{r}, H_{k,90} and H_{c} for 3,607 training (blue squares) and 370 test samples "
    "(orange circles): training data well fitted, test error small over the whole range."
)
FIGURE_6 = (
    "shows samples of the test set in the same arrangement: original, reconstruction, computed values as blue squares "
    "and predicted anchor points as orange dots. It has no intervals."
)
FIGURE_7 = (
    "walks from an isotropic magnet (197 grains, 176°) to an aligned one (252 grains, 18°): remanence, coercive "
    "field and squareness grow with α. Its curves are predictions only; here they are recomputed as well."
)
FIGURE_8 = (
    "walks between isotropic magnets of 16 grains (178°) and 256 grains (175°): remanence and squareness grow as "
    "grains get smaller, most of it up to α = 0.6. Its curves are predictions only; here they are recomputed as well."
)
TABLE_3_WORDS = (
    "lists mean absolute errors of 0.0030, 0.0152, 0.0184, 0.0245, 0.0234 and 0.0206 on 370 test samples, from 320,000 "
    "structures for the autoencoder (400 epochs) and 3,607 training loops (753 epochs). It has no baselines and no "
    "intervals."
)
OUTLOOK = (
    "proposes, as an outlook, a genetic algorithm with the trained predictor as forward model to find magnets with "
    "given properties. It shows no results for it."
)
SECTION_2 = (
    "draws structures the same way (16 to 256 grains, misorientation up to ±180°, 160 × 160 cells of 2 nm, cells 36 µm "
    "high) and computes their curves with fidimag, from +H_{A} to −H_{A} in steps of 0.01 H_{A}."
)
MORPHING = {"alignment": ("Fig. 7", FIGURE_7), "grain_size": ("Fig. 8", FIGURE_8)}
