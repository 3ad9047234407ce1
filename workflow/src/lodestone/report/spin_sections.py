"""Sections on magnetic potentials: data, cross-validation, ensembles, equilibrium moments, relaxed crystals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from lodestone.artifacts.spin_checks import SpinChecks
from lodestone.artifacts.spin_data import SpinData
from lodestone.artifacts.spin_fits import QUANTITIES, UNITS, SpinFits
from lodestone.report import figures_spin, spin_paper
from lodestone.report.blocks import Block, Cell, Figure, Notice, Prose, Section, Table
from lodestone.report.inputs import Library

_SIZES = ("meV/atom about the mean of its crystal", "meV/Å", "GPa", "meV/µ_{B}")
_GPA_PER_EV_A3 = 160.2176634
Key = tuple[int, float]


def data_section(library: Library, data: SpinData | None) -> Section | None:
    """Say what the potentials are fitted to."""
    if data is None:
        return None
    names = [name.partition("+")[0] for name in data.names()]
    rows = []
    for ordering in np.unique(data.ordering):
        here = data.ordering == ordering
        free, held = here & (data.equilibrium == 1), here & (data.equilibrium == 0)
        first = int(np.flatnonzero(here)[0])
        cells = [names[first], str(data.counts()[first]), str(int(free.sum())), str(int(held.sum()))]
        rows.append([Cell(text) for text in cells])
    sizes = ", ".join(
        f"{word} {value:.3g} {unit}"
        for word, value, unit in zip(figures_spin.WORDS, _label_sizes(data), _SIZES, strict=True)
    )
    blocks: list[Block] = [
        Prose(
            f"{len(data)} configurations of {len(rows)} crystals, {len(data.kind)} atoms, labelled by "
            f"{data.labels_from}; {int(data.equilibrium.sum())} with free moments, {int(data.relaxed.sum())} of them "
            f"relaxed. Root mean squares of the labels: {sizes}. The paper has {spin_paper.CONFIGURATIONS:,} cells of "
            f"16 atoms ({spin_paper.EQUILIBRIUM} with free moments, {spin_paper.RELAXED} relaxed)."
        ),
        Table(
            ["crystal", "atoms", "moments free", "moments held"],
            rows,
            "Configurations by the crystal that they were made from",
            origins=library.origins("spin_data"),
            folded=True,
        ),
    ]
    if data.left_out:
        blocks.append(Notice(f"{len(data.left_out)} left out: {'; '.join(data.left_out[:5])}", "warn"))
    lead = "Constrained calculations hold the moments, and say with which force they pull."
    return Section("spin-data", "Labels", blocks, lead)


def _label_sizes(data: SpinData) -> list[float]:
    """Root mean squares of the labels, in the units of the errors."""
    per_atom = data.energy_eV / data.counts()
    centred = np.concatenate([per_atom[data.ordering == k] - per_atom[data.ordering == k].mean()
                              for k in np.unique(data.ordering)])  # fmt: skip
    factors = (1e3, 1e3, _GPA_PER_EV_A3, 1e3)
    values = (centred, data.force_eV_A, data.stress_eV_A3, data.magnetic_force_eV_muB)
    return [float(factor * np.sqrt(np.nanmean(np.square(v)))) for factor, v in zip(factors, values, strict=True)]


def folds_section(library: Library, folds: Sequence[SpinFits]) -> Section | None:
    """Errors where a fold was left out, by the weight of magnetic forces."""
    if not folds:
        return None
    weights = sorted({one.magnetic_weight for one in folds})
    errors = [np.concatenate([one.test_rmse for one in folds if one.magnetic_weight == w]) for w in weights]
    origins = library.origins("spin_folds")
    rows = [
        [Cell(f"{w:g}"), *(_pair(e[:, q], 1) for q in range(len(QUANTITIES)))]
        for w, e in zip(weights, errors, strict=True)
    ]
    columns = ["w_{t}", *(f"{word} ({unit})" for word, unit in zip(figures_spin.WORDS, UNITS, strict=True))]
    caption = "Mean over the folds and one standard deviation; equal configurations and one trajectory stay together."
    figure = figures_spin.by_weight(weights, np.array(errors), "spin-weights")
    blocks: list[Block] = [
        Figure(figure, "Errors where a fold was left out", caption, origins, "Fig. 2", spin_paper.FIGURE_2),
        Table(columns, rows, "Cross-validation", caption, origins),
    ]
    if len(weights) > 1 and weights[0] == 0.0:
        best = min(range(len(weights)), key=lambda k: errors[k][:, 3].mean())
        ratio = errors[0][:, 3].mean() / errors[best][:, 3].mean()
        blocks.append(
            Prose(
                f"Without magnetic forces in the fit their error on data that was left out is {ratio:.1f} times that "
                f"with w_{{t}} = {weights[best]:g}."
            )
        )
    lead = "How much weight magnetic forces should have, judged on data that was left out."
    return Section("spin-folds", "Weight of magnetic forces", blocks, lead)


def ensembles_section(library: Library, fits: Mapping[Key, np.ndarray]) -> Section | None:
    """Errors of the ensembles on what they were fitted to (Table 2, Fig. 3)."""
    if not fits:
        return None
    origins = library.origins("spin_ensembles")
    rows = _rows(
        {key: [_pair(errors[:, q], 2) for q in range(len(QUANTITIES))] for key, errors in fits.items()},
        spin_paper.TABLE_2,
        (1, 1, 2, 1),
    )
    units = [f"{word} ({unit})" for word, unit in zip(figures_spin.WORDS, UNITS, strict=True)]
    members = max(len(errors) for errors in fits.values())
    caption = f"On the whole training set, as the paper does; {members} potentials from random starts, two standard "
    caption += "deviations among them. The lines of the paper are for its own, larger data."
    blocks: list[Block] = [
        Table(["N_{ψ}", "w_{t}", "", *units], rows, "Errors of the ensembles", caption, origins, "Table 2",
              text_columns=(2,)),
        Figure(figures_spin.by_size(fits, "spin-sizes"), "Errors by magnetic basis and weight", caption, origins,
               "Fig. 3", spin_paper.FIGURE_3),
    ]  # fmt: skip
    return Section("spin-ensembles", "Ensembles", blocks, "Potentials of the same form from different random starts.")


def checks_section(library: Library, found: Sequence[SpinChecks]) -> Section | None:
    """Equilibrium moments and relaxed crystals (Tables 3 and 4, Figs. 4 to 6)."""
    if not found:
        return None
    origins = library.origins("spin_checks")
    ordered = sorted(found, key=lambda one: (one.magnetic_size, one.magnetic_weight))
    fitted = [one for one in ordered if one.magnetic_weight > 0] or ordered
    equilibrium = {_key(one): [_pair(one.moment_rmse_muB(), 2), _reliability(one.equilibrated)] for one in ordered}
    relaxed = {_key(one): _relaxed_cells(one) for one in ordered}
    head = ["N_{ψ}", "w_{t}", ""]
    blocks: list[Block] = [
        Table(
            [*head, "moment (µ_{B})", "equilibration reliability (%)"],
            _rows(equilibrium, spin_paper.TABLE_3, (3, 1)),
            "Equilibrium moments",
            f"{len(ordered[0].row)} configurations with free moments; errors where no magnetic force was left.",
            origins,
            "Table 3",
            text_columns=(2,),
        ),
        Figure(figures_spin.moments(ordered[-2:], "spin-moments"), "Equilibrium moments", "All members; sizes.",
               origins, "Fig. 4", spin_paper.FIGURE_4),
    ]  # fmt: skip
    if len(ordered[0].solute_fraction):
        blocks += [
            Table(
                [*head, "formation energy (meV/atom)", "lattice parameter (Å)", "total moment (µ_{B}/host atom)",
                 "relaxation reliability (%)"],
                _rows(relaxed, spin_paper.TABLE_4, (1, 4, 3, 1)),
                "Relaxed crystals",
                f"{len(ordered[0].solute_fraction)} crystals, relaxed anew by every potential; errors where all forces "
                "vanished.",
                origins,
                "Table 4",
                text_columns=(2,),
            ),
            Figure(figures_spin.formation(fitted, "spin-formation"), "Formation energies", "Bars: two standard "
                   "deviations over the members.", origins, "Fig. 5", spin_paper.FIGURE_5),
            Figure(figures_spin.lowest(fitted, "spin-lowest"), "Crystals of lowest energy", "Bars: two standard "
                   "deviations over the members.", origins, "Fig. 6", spin_paper.FIGURE_6),
        ]  # fmt: skip
    lead = "Moments and crystals that the potentials bring to rest, beside those of the calculations."
    return Section("spin-checks", "What the potentials are good for", blocks, lead)


def _relaxed_cells(one: SpinChecks) -> list[Cell]:
    return [
        _pair(1e3 * one.formation_rmse_eV(), 2),
        _pair(one.lattice_rmse_A(), 2, 4),
        _pair(one.total_moment_rmse_muB(), 2, 3),
        _reliability(one.relaxed),
    ]


def _key(one: SpinChecks) -> Key:
    return one.magnetic_size, one.magnetic_weight


def _rows(
    ours: Mapping[Key, Sequence[Cell]], paper: Mapping[Key, Sequence[spin_paper.Pair]], digits: Sequence[int]
) -> list[list[Cell]]:
    """Lines of ours, each with the paper's below it where it has the same form."""
    rows = []
    for size, weight in sorted(ours):
        rows.append([Cell(str(size)), Cell(f"{weight:g}"), Cell("here"), *ours[size, weight]])
        if (size, weight) in paper:
            cells = [
                Cell(f"{value:.{n}f}", f"± {spread:.{n}f}", "muted")
                for (value, spread), n in zip(paper[size, weight], digits, strict=True)
            ]
            rows.append([Cell(""), Cell(""), Cell("paper", tone="muted"), *cells])
    return rows


def _pair(values: np.ndarray, sigmas: int, digits: int | None = None) -> Cell:
    """Write a mean and its standard deviations as a cell."""
    known = values[np.isfinite(values)]
    if not len(known):
        return Cell("-", tone="muted")
    n = digits if digits is not None else (1 if abs(known.mean()) >= 10 else 3)
    return Cell(f"{known.mean():.{n}f}", f"± {sigmas * known.std():.{n}f}")


def _reliability(flags: np.ndarray) -> Cell:
    """Percentage of successes with two standard deviations over the members."""
    if not flags.size:
        return Cell("-", tone="muted")
    by_member = 100 * flags.mean(axis=1)
    tone = "good" if by_member.min() == 100 else "warn"
    return Cell(f"{by_member.mean():.1f}", f"± {2 * by_member.std():.1f}", tone)


def joined_errors(fits: Sequence[SpinFits], choose: Callable[[SpinFits], np.ndarray]) -> dict[Key, np.ndarray]:
    """Errors (member, quantity) by form, over the parts that an ensemble was fitted in."""
    parts: dict[Key, list[np.ndarray]] = {}
    for one in fits:
        parts.setdefault((one.magnetic_size, one.magnetic_weight), []).append(choose(one))
    return {key: np.concatenate(found) for key, found in parts.items()}
