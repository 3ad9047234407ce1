"""Drawings of what magnetic potentials are used for: lattice parameters at a temperature, learning curves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lodestone.artifacts.spin_checks import SpinChecks
from lodestone.artifacts.spin_dynamics import SpinDynamics
from lodestone.artifacts.spin_fits import QUANTITIES, UNITS
from lodestone.artifacts.spin_learning import STRATEGIES, SpinLearning
from lodestone.report import style
from lodestone.report.figures_spin import WORDS

# Part of a run that is left out of its means: the start is a random alloy on a lattice that is not its own.
EQUILIBRATION = 0.4


def lattices(runs: Sequence[SpinDynamics], checks: SpinChecks | None, name: str) -> str:
    """Draw lattice parameters at the temperature of the runs and at rest against the solute's fraction (Fig. 7)."""
    solute = runs[0].species[-1]
    with style.settings():
        figure = style.drawing(7.4, 3.6)
        axes = figure.subplots()
        fractions = sorted({one.solute_fraction for one in runs})
        points = [[one.mean_lattice_A(EQUILIBRATION)[0] for one in runs if one.solute_fraction == f] for f in fractions]
        known = [(f, [v for v in values if np.isfinite(v)]) for f, values in zip(fractions, points, strict=True)]
        drawn = [(100 * f, np.mean(v), 2 * np.std(v)) for f, v in known if v]
        if drawn:
            x, mean, spread = zip(*drawn, strict=True)
            label = f"potentials, {runs[0].temperature_target_K:g} K"
            axes.errorbar(x, mean, yerr=spread, fmt="o-", color=style.ORANGE, mec=style.PAPER, capsize=2.5, label=label)
        if checks is not None and len(checks.solute_fraction):
            x = 100 * checks.solute_fraction
            axes.plot(x, checks.label_lattice_A, "s", mfc="none", mec=style.INK, label="labels, 0 K")
            said = np.where(checks.relaxed == 1, checks.lattice_A, np.nan)
            for member, values in enumerate(said):
                label = "potentials, 0 K" if member == 0 else ""
                axes.plot(x, values, "o", ms=4.0, color=style.BLUE, mec=style.PAPER, label=label or None)
        axes.set_xlabel(f"{solute}  (at. %)")
        axes.set_ylabel("lattice parameter  (Å)")
        axes.legend(loc="best")
        return style.svg(figure, name, "Lattice parameter against the fraction of solute atoms")


def learning(runs: Sequence[SpinLearning], name: str) -> str:
    """Draw errors on test data against the number of labels, for both ways to choose them."""
    with style.settings():
        figure = style.drawing(8.6, 2.9)
        for q, axes in enumerate(figure.subplots(1, len(QUANTITIES))):
            for k, strategy in enumerate(STRATEGIES):
                for one in runs:
                    axes.plot(
                        one.label_count[k], one.test_rmse[k, :, q], "o-", ms=3.5, lw=1.2, color=style.SERIES[k],
                        mec=style.PAPER, label=strategy if q == 0 and one is runs[0] else None,
                    )  # fmt: skip
            axes.set_title(WORDS[q], fontsize=8.5)
            axes.set_yscale("log")
            axes.set_xlabel("labels")
            axes.set_ylabel(UNITS[q])
        figure.legend(loc="outside upper right", ncols=len(STRATEGIES))
        return style.svg(figure, name, "Errors on test data against the number of labels")
