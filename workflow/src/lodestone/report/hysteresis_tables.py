"""Tables of the hysteresis section."""

from __future__ import annotations

import numpy as np

from lodestone.artifacts.inverse import FIGURES, InverseDesigns
from lodestone.artifacts.loops import Status
from lodestone.report import hysteresis_paper as paper
from lodestone.report.blocks import Cell, Table
from lodestone.report.hysteresis_data import Health, Run, coverage_on_test, errors_on_test

FIGURE_SYMBOLS = {"M_r": "M_{r} / M_{s}", "H_c": "H_{c} / H_{A}", "squareness": "H_{k,90} / H_{c}"}
STATUS_WORDS = {
    Status.CONVERGED: "converged at every field",
    Status.ITERATION_LIMIT: "iteration limit reached at some field",
    Status.STALLED: "stalled at some field",
}


def errors_table(run: Run) -> Table:
    """Table 3 of the paper beside ours: every model on the same test set, the best of ours marked."""
    errors = {name: errors_on_test(predictions) for name, predictions in run.models.items()}
    rows = []
    for i, (symbol, unit) in enumerate(zip(paper.ANCHOR_SYMBOLS, paper.ANCHOR_UNITS, strict=True)):
        best = min((e.mean[i] for e in errors.values() if not np.isnan(e.mean[i])), default=np.nan)
        cells = [Cell(symbol, note=f"in {unit}"), Cell(f"{paper.TABLE_3[i]:.4f}", tone="muted")]
        for e in errors.values():
            if np.isnan(e.mean[i]):
                cells.append(Cell("no sample", tone="muted"))
                continue
            note = "" if np.isnan(e.standard_error[i]) else f"±{e.standard_error[i]:.4f}"
            cells.append(Cell(f"{e.mean[i]:.4f}", note=note, tone="best" if e.mean[i] == best else ""))
        rows.append(tuple(cells))
    heads = [f"{'autoencoder' if name in run.encodings else 'baseline'}: {name}" for name in run.models]
    count = max((int(e.count.max()) for e in errors.values()), default=0)
    return Table(
        ("anchor", "paper, Table 3", *heads), rows, "Mean absolute error on the test set",
        f"All our models saw the same training loops and are tested on the same {count} loops; the paper's column is "
        "for its "
        "own sizes and structures. Behind each error its standard error from the number of test loops; the best of "
        "our models per row is marked.",
        origins=run.library.origins("predictions", "baselines"), paper_label="Table 3", paper=paper.TABLE_3_WORDS,
    )  # fmt: skip


def coverage_table(run: Run) -> Table:
    """How often the intervals held, and how wide they are."""
    rows = []
    found = {name: coverage_on_test(run.models[name]) for name in run.encodings}
    for i, (symbol, unit) in enumerate(zip(paper.ANCHOR_SYMBOLS, paper.ANCHOR_UNITS, strict=True)):
        cells = [Cell(symbol)]
        for name, c in found.items():
            level = run.models[name].coverage_level
            fits = c.low[i] <= level <= c.high[i]
            cells.append(
                Cell(f"{c.share[i]:.0%}", note=f"{c.low[i]:.0%} – {c.high[i]:.0%}", tone="good" if fits else "warn")
            )
            cells.append(Cell(f"±{c.half_width[i]:.4f}", note=unit))
        rows.append(tuple(cells))
    heads = [head for name in found for head in (f"{name}: values inside", f"{name}: mean half width")]
    return Table(
        ("anchor", *heads), rows, "Measured coverage of the intervals",
        "Behind each share the range in which the true coverage lies with 95 % confidence, given the number of test "
        "loops. Green: the claimed level lies in this range.",
        origins=run.library.origins("predictions"),
    )  # fmt: skip


def health_table(run: Run, health: Health) -> Table:
    """How the loops ended."""
    total = len(health.status)
    rows = []
    for status, words in STATUS_WORDS.items():
        count = int((health.status == status).sum())
        tone = "good" if status == Status.CONVERGED and count == total else "warn" if status and count else ""
        rows.append((Cell(words), Cell(f"{count:,}", note=f"of {total:,}", tone=tone)))
    quantiles = np.quantile(health.evaluations, [0.5, 1.0])
    rows += [
        (Cell("field steps above the tolerance"), Cell(f"{health.bad_steps:,}", note=f"of {health.steps:,}")),
        (Cell("torque tolerance"), Cell(f"{health.tolerance:.1e}", note="of M_{s}")),
        (Cell("largest torque left anywhere"), Cell(f"{health.max_torque.max():.1e}", note="of M_{s}")),
        (Cell("field evaluations per loop, median"), Cell(f"{quantiles[0]:,.0f}", note=f"at most {quantiles[1]:,.0f}")),
        (Cell("field evaluations in all"), Cell(f"{health.evaluations.sum():,}")),
    ]
    cost = run.library.costs.get("compute_loops")
    if cost is not None and cost.jobs == run.library.count("loops"):
        rows.append((Cell("CPU time per loop, everything included"), Cell(f"{cost.cpu_s / total:.2f} s")))
    return Table(
        ("loops", "count or value"), rows, "How the loops ended",
        "A loop's status is that of its worst field step. A loop that did not converge stays in the data with its "
        "status.",
        origins=run.library.origins("loops"),
    )  # fmt: skip


def designs_table(run: Run, designs: InverseDesigns) -> Table:
    """Goals and what the candidates reached, predicted and recomputed."""
    rows = []
    goals, candidates = designs.predicted.shape[:2]
    for g in range(goals):
        for c in range(candidates):
            cells = [Cell(f"goal {g + 1}, candidate {c + 1}")]
            for f in range(len(FIGURES)):
                there = bool(designs.computed_exists[g, c, f])
                value, wanted = designs.computed[g, c, f], designs.goal[g, f]
                held = designs.predicted_lower[g, c, f] <= value <= designs.predicted_upper[g, c, f]
                cells += [
                    Cell(f"{wanted:.3f}", tone="muted"),
                    Cell(f"{designs.predicted[g, c, f]:.3f}"),
                    Cell(
                        f"{value:.3f}" if there else "–",
                        note=f"{value - wanted:+.3f}" if there else "",
                        tone="" if not there else "good" if held else "warn",
                    ),
                ]
            rows.append(tuple(cells))
    heads = [head for f in FIGURES for head in (f"{FIGURE_SYMBOLS[f]} wanted", "predicted", "recomputed")]
    return Table(
        ("design", *heads), rows, "How close the designs came",
        "Recomputed by micromagnetics; behind it the distance to the goal. Green: inside the interval that the "
        "model gave for its prediction; orange: outside. Candidates in the order in which the search ranked them, "
        "before recomputing.",
        origins=run.library.origins("designs"),
    )  # fmt: skip


def design_misses(designs: InverseDesigns, candidate: int | None = 0) -> np.ndarray:
    """Distances |recomputed - wanted| of one candidate of each goal (or all), figures that exist only."""
    chosen = slice(None) if candidate is None else slice(candidate, candidate + 1)
    miss = np.abs(designs.computed[:, chosen] - designs.goal[:, None, :])
    return miss[designs.computed_exists[:, chosen].astype(bool)]
