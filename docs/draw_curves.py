"""Draw docs/curves.png, the picture of the README, from the results of a run.

python docs/draw_curves.py results
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from lodestone.artifacts.dataset import HysteresisDataset, Split
from lodestone.artifacts.grains import Grains
from lodestone.artifacts.predictions import Predictions
from lodestone.magnetism.loop_figures import KNEES


def anchor_places(values):
    """Fields over H_A and magnetisations over M_s of the six anchor points."""
    m_1, m_r, *fields = values
    return np.array([1.0, 0.0, *(-h for h in fields)]), np.array([m_1, m_r, *(k * m_r for k in KNEES), 0.0])


def main(results):
    """Four structures of the test set, from aligned to isotropic."""
    study = Path(results) / "hysteresis"
    dataset = HysteresisDataset.read(study / "dataset.h5")
    predictions = Predictions.read(study / "double_angle" / "predictions.h5")
    grains = [Grains.read(path) for path in sorted(study.glob("structures/*.h5"))]
    test = np.flatnonzero(dataset.split == Split.TEST)
    test = test[np.argsort(np.abs(dataset.max_misorientation_rad[test]))]
    chosen = test[np.linspace(0, len(test) - 1, 4).round().astype(int)]
    figure, axes = plt.subplots(2, 4, figsize=(11, 5.2), height_ratios=(1, 1.15), layout="constrained")
    h = dataset.field_T / dataset.field_T[0]
    for (top, bottom), k in zip(axes.T, chosen, strict=True):
        index = dataset.index[k]
        batch = next(b for b in grains if index in b.index)
        angle = batch.axis_angle_rad(int(np.flatnonzero(batch.index == index)[0]))
        top.imshow(np.sin(angle), origin="lower", cmap="RdBu", vmin=-1, vmax=1)
        degrees = np.degrees(abs(dataset.max_misorientation_rad[k]))
        top.set_title(f"{dataset.grain_count[k]} grains, axes within {degrees:.0f}°", fontsize=10)
        top.axis("off")
        bottom.plot(h, dataset.magnetisation[k], color="#0072b2", label="computed")
        row = int(np.flatnonzero(predictions.index == index)[0])
        bottom.plot(*anchor_places(predictions.predicted[row]), "o", color="#d55e00", ms=5, label="predicted")
        bottom.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), xlabel="field / $H_A$")
        bottom.grid(alpha=0.3)
    axes[1, 0].set_ylabel("magnetisation / $M_s$")
    axes[1, 0].legend(loc="lower right", frameon=False)
    figure.savefig(Path(__file__).with_name("curves.png"), dpi=90)


if __name__ == "__main__":
    main(sys.argv[1])
