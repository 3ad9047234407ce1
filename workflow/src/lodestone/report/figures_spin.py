"""Drawings of magnetic potentials: errors by weight and basis, moments, formation energies, lattice parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from lodestone.artifacts.spin_checks import SpinChecks
from lodestone.artifacts.spin_fits import QUANTITIES, UNITS
from lodestone.report import style

WORDS = ("energy", "forces", "stresses", "magnetic forces")
# Where a weight of 0 is drawn on a logarithmic axis: so many decades below the smallest other.
_ZERO_DECADES = 1.0


def by_weight(weights: Sequence[float], errors: np.ndarray, name: str) -> str:
    """Draw errors on left-out folds against the weight of magnetic forces (the paper's Fig. 2).

    Parameters
    ----------
    weights : sequence of float
        Rising; may begin with 0.
    errors : ndarray, shape (weight, fold, quantity)
        Root mean square errors where a fold was left out.
    name : str
        Unique on the page.
    """
    positive = [w for w in weights if w > 0] or [1.0]
    places = [np.log10(w) if w > 0 else np.log10(positive[0]) - _ZERO_DECADES for w in weights]
    with style.settings():
        figure = style.drawing(8.6, 2.7)
        for q, axes in enumerate(figure.subplots(1, len(QUANTITIES))):
            mean, spread = errors[:, :, q].mean(axis=1), errors[:, :, q].std(axis=1)
            axes.fill_between(places, mean - spread, mean + spread, color=style.SERIES[q], alpha=0.18, lw=0)
            axes.plot(places, mean, "o-", ms=4.0, color=style.SERIES[q], mec=style.PAPER)
            axes.set_title(WORDS[q], fontsize=8.5)
            axes.set_xticks(places, [f"{w:g}" for w in weights])
            axes.set_xlabel("weight w_{t}")
            axes.set_ylabel(UNITS[q])
            axes.set_ylim(bottom=0.0)
        return style.svg(figure, name, "Errors on left-out folds against the weight of magnetic forces")


def by_size(errors: Mapping[tuple[int, float], np.ndarray], name: str) -> str:
    """Draw errors of ensembles by magnetic basis size and weight (the paper's Fig. 3).

    Parameters
    ----------
    errors : mapping of (N_psi, w_t) to ndarray, shape (member, quantity)
        Root mean square errors on the whole training set.
    name : str
        Unique on the page.
    """
    sizes, weights = sorted({size for size, _ in errors}), sorted({weight for _, weight in errors})
    with style.settings():
        figure = style.drawing(8.6, 2.7)
        for q, axes in enumerate(figure.subplots(1, len(QUANTITIES))):
            for k, weight in enumerate(weights):
                found = [(s, errors[s, weight][:, q]) for s in sizes if (s, weight) in errors]
                at = [sizes.index(s) + 0.16 * (k - (len(weights) - 1) / 2) for s, _ in found]
                mean, spread = [v.mean() for _, v in found], [2 * v.std() for _, v in found]
                axes.errorbar(
                    at, mean, yerr=spread, fmt="o", ms=5.0, color=style.SERIES[k], mec=style.PAPER, capsize=2.5,
                    label=f"w_{{t}} = {weight:g}" if q == 0 else None,
                )  # fmt: skip
            axes.set_title(WORDS[q], fontsize=8.5)
            axes.set_xticks(range(len(sizes)), [str(s) for s in sizes])
            axes.set_xlim(-0.6, len(sizes) - 0.4)
            axes.set_xlabel("magnetic basis")
            axes.set_ylabel(UNITS[q])
            axes.set_ylim(bottom=0.0)
        figure.legend(loc="outside upper right", ncols=len(weights))
        return style.svg(figure, name, "Errors of ensembles by basis size and weight")


def moments(found: Sequence[SpinChecks], name: str) -> str:
    """Draw equilibrium moments of the host against those of the labels (the paper's Fig. 4), one panel per ensemble."""
    with style.settings():
        figure = style.drawing(8.6, 3.4)
        for k, (axes, one) in enumerate(zip(_row(figure, len(found)), found, strict=True)):
            of_atom = np.repeat(np.arange(len(one.row)), np.diff(one.atom_offset))
            host = one.is_host == 1
            top = float(np.abs(one.label_moment_muB[host]).max(initial=1.0))
            for member in range(len(one.moment_muB)):
                good = host & (one.equilibrated[member][of_atom] == 1)
                said = np.abs(one.moment_muB[member][good])
                top = max(top, float(said.max(initial=0.0)))
                axes.plot(
                    np.abs(one.label_moment_muB[good]), said, "o", ms=3.4, mfc=style.SERIES[k % len(style.SERIES)],
                    mec=style.PAPER, mew=0.3, alpha=0.8,
                )  # fmt: skip
            axes.plot([0, top], [0, top], color=style.MUTED, lw=0.8, ls=(0, (4, 3)), zorder=1)
            axes.set_title(_title(one))
            axes.set_xlabel(f"label  (µ_{{B}} per {one.species[0]})")
            axes.set_ylabel("potential  (µ_{B})")
        return style.svg(figure, name, "Equilibrium moments of potentials against labels")


def formation(found: Sequence[SpinChecks], name: str) -> str:
    """Draw formation energies of the relaxed crystals against the solute's fraction (the paper's Fig. 5)."""
    with style.settings():
        figure = style.drawing(7.8, 3.6)
        axes: Axes = figure.subplots()
        first = found[0]
        axes.plot(100 * first.solute_fraction, 1e3 * first.label_formation_eV, "s", ms=6.0, mfc="none",
                  mec=style.INK, label="labels")  # fmt: skip
        for k, one in enumerate(found):
            x = 100 * one.solute_fraction + 0.5 * (k - (len(found) - 1) / 2)
            mean, spread = _over_members(one, 1e3 * one.formation_eV)
            axes.errorbar(
                x, mean, yerr=spread, fmt="o", ms=4.0, color=style.SERIES[k % len(style.SERIES)], mec=style.PAPER,
                capsize=2.0, label=_title(one),
            )  # fmt: skip
        axes.set_xlabel(f"{first.species[-1]}  (at. %)")
        axes.set_ylabel("formation energy  (meV / atom)")
        axes.legend(loc="best")
        return style.svg(figure, name, "Formation energies of relaxed crystals")


def lowest(found: Sequence[SpinChecks], name: str) -> str:
    """Draw moment and lattice parameter of each composition's crystal of lowest energy (the paper's Fig. 6)."""
    first = found[0]
    fractions = np.unique(first.solute_fraction)
    rows = [
        int(here[np.argmin(np.nan_to_num(first.label_formation_eV[here], nan=np.inf))])
        for here in (np.flatnonzero(first.solute_fraction == f) for f in fractions)
    ]
    quantities = (
        ("label_moment_per_host_muB", "moment_per_host_muB", f"total moment  (µ_{{B}} per {first.species[0]})"),
        ("label_lattice_A", "lattice_A", "lattice parameter  (Å)"),
    )
    with style.settings():
        figure = style.drawing(8.6, 3.4)
        for axes, (label, said, words) in zip(figure.subplots(1, 2), quantities, strict=True):
            sizes = np.abs if "moment" in said else np.asarray
            axes.plot(100 * fractions, sizes(getattr(first, label))[rows], "s-", ms=6.0, mfc="none", color=style.INK,
                      label="labels")  # fmt: skip
            for k, one in enumerate(found):
                mean, spread = _over_members(one, sizes(getattr(one, said)))
                axes.errorbar(
                    100 * fractions, mean[rows], yerr=spread[rows], fmt="o--", lw=0.9, ms=4.0, capsize=2.0,
                    color=style.SERIES[k % len(style.SERIES)], mec=style.PAPER, label=_title(one),
                )  # fmt: skip
            axes.set_xlabel(f"{first.species[-1]}  (at. %)")
            axes.set_ylabel(words)
            axes.legend(loc="best")
        return style.svg(figure, name, "Moment and lattice parameter of the crystals of lowest energy")


def _over_members(one: SpinChecks, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and two standard deviations over the members that relaxed each crystal; NaN where none did."""
    used = (one.relaxed == 1) & np.isfinite(values)
    count = np.maximum(used.sum(axis=0), 1)
    mean = np.where(used, values, 0.0).sum(axis=0) / count
    spread = np.sqrt(np.where(used, (values - mean) ** 2, 0.0).sum(axis=0) / count)
    none = ~used.any(axis=0)
    return np.where(none, np.nan, mean), np.where(none, np.nan, 2 * spread)


def _row(figure: style.Drawing, count: int) -> list[Axes]:
    """Panels side by side."""
    return list(np.atleast_1d(figure.subplots(1, count)))


def _title(one: SpinChecks) -> str:
    """Name an ensemble."""
    return f"N_{{ψ}} = {one.magnetic_size}, w_{{t}} = {one.magnetic_weight:g}"
