"""Sections of the hysteresis study: data, encoder, predictions, intervals, morphing."""

from __future__ import annotations

import numpy as np

from lodestone.artifacts.dataset import HysteresisDataset, Split
from lodestone.artifacts.morphing import Morphing
from lodestone.report import figures_curves, figures_learning, figures_morphing, figures_predictions
from lodestone.report import hysteresis_paper as paper
from lodestone.report.blocks import Block, Figure, Gallery, Panel, Section
from lodestone.report.hysteresis_checks import design_section, health_section
from lodestone.report.hysteresis_data import CHANNELS, Run, coverage_on_test, errors_on_test, name_of
from lodestone.report.hysteresis_tables import coverage_table, errors_table

MAX_SAMPLES = 6


def all_sections(run: Run) -> list[Section]:
    """Build the sections for which there are results, in reading order."""
    makers = (
        curves_section, predictions_section, intervals_section, encoder_section, training_section, morphing_section,
        design_section, health_section,
    )  # fmt: skip
    return [section for section in (maker(run) for maker in makers) if section is not None]


def curves_section(run: Run) -> Section | None:
    """Show the computed data, and samples with their predictions."""
    if run.dataset is None:
        return None
    data = run.dataset
    exists = data.anchor_exists.astype(bool)
    lines = figures_curves.all_curves(
        run.reduced(data.field_T), data.magnetisation, data.max_misorientation_rad, "curves"
    )
    trends = figures_curves.trends(data.max_misorientation_rad, data.grain_count, data.anchor, exists, "trends")
    shown = min(figures_curves.MAX_LINES, len(data))
    blocks: list[Block] = [
        Gallery(
            (Panel(lines, f"{shown} computed curves"), Panel(trends, f"All {len(data):,} loops")),
            "How the curves change with alignment and grain size",
            "Each structure draws its easy axes uniformly within ± its largest misorientation from the field "
            "direction. Every curve starts saturated at +H_{A}; fields and coercive fields are in units of the "
            "anisotropy field "
            f"H_{{A}} ({run.anisotropy_field_T:.2f} T), magnetisation in units of M_{{s}}.",
            run.library.origins("dataset", "loops"), "Section 2.2", paper.SECTION_2,
        )
    ]  # fmt: skip
    blocks += _samples(run, data)
    return Section(
        "curves",
        "Structures and their curves",
        blocks,
        "What was computed, and what the model makes of structures it never saw.",
    )


def _samples(run: Run, data: HysteresisDataset) -> list[Block]:
    """Draw samples of the test set as in the paper's Fig. 6, with the main encoding."""
    if run.main is None or run.main not in run.reconstructions:
        return []
    pictures, predictions = run.reconstructions[run.main], run.models[run.main]
    row_of, place_of = ({int(n): i for i, n in enumerate(a.index)} for a in (data, predictions))
    field, panels = run.reduced(data.field_T), []
    titles = CHANNELS.get(pictures.encoding, ("channel 1",))
    for i, number in enumerate(map(int, pictures.index[:MAX_SAMPLES])):
        if number not in row_of or number not in place_of:
            continue
        row, place = row_of[number], place_of[number]
        svg = figures_curves.sample(
            [(f"{titles[0]}, original", pictures.original[i, 0]), ("reconstruction", pictures.reconstructed[i, 0])],
            field, data.magnetisation[row], (data.anchor[row], data.anchor_exists[row]),
            (predictions.predicted[place], predictions.lower[place], predictions.upper[place]), f"sample{i}",
        )  # fmt: skip
        degrees = np.degrees(abs(data.max_misorientation_rad[row]))
        split = "test" if data.split[row] == Split.TEST else "training"
        panels.append(
            Panel(svg, f"Structure {number} ({split} set): {data.grain_count[row]} grains, within ±{degrees:.0f}°")
        )
    if not panels:
        return []
    caption = (
        "Colour runs from red (−1) to blue (+1). Blue line and squares: computed. Orange: predicted by the "
        f"{run.main} model, with its {predictions.coverage_level:.0%} intervals; where the bars are not seen they "
        "are shorter than the marker."
    )
    origins = run.library.origins("dataset", "loops", "reconstructions", "predictions")
    return [Gallery(panels, "Computed curves and predicted anchor points", caption, origins, "Fig. 6", paper.FIGURE_6)]


def predictions_section(run: Run) -> Section | None:
    """Errors beside the paper's, and predicted against computed values."""
    if not run.models:
        return None
    blocks: list[Block] = [errors_table(run)]
    if "mean" in run.models and len(run.models) > 1:
        errors = {name: errors_on_test(predictions).mean for name, predictions in run.models.items()}
        blocks.append(
            Figure(
                figures_predictions.errors(paper.ANCHOR_SYMBOLS, errors, "mean", "errors"),
                "What a sceptic would ask: does it beat simpler models?",
                "The mean predicts the training set's average for everything; gradient boosting sees grain count and "
                "statistics of the misorientation; the plain CNN sees the structure but no autoencoder. All were "
                "trained on the same loops.",
                run.library.origins("predictions", "baselines"),
            )
        )
    for name in run.encodings:
        p = run.models[name]
        svg = figures_predictions.scatter(
            p.target, p.target_exists.astype(bool), p.predicted, p.split == Split.TEST, f"scatter-{p.encoding}"
        )
        blocks.append(
            Figure(
                svg, f"Predicted against computed, {name} encoding",
                "On the dashed line predictions are exact. Training values are fits: the model has seen them.",
                run.library.origins("predictions"), "Fig. 5", paper.FIGURE_5,
            )
        )  # fmt: skip
    return Section(
        "predictions",
        "Predictions",
        blocks,
        "How far the predicted anchor points are from the computed ones, on loops that no model saw.",
    )


def intervals_section(run: Run) -> Section | None:
    """Coverage of the prediction intervals."""
    if not run.encodings:
        return None
    covers = {name: coverage_on_test(run.models[name]) for name in run.encodings}
    level = run.models[run.encodings[-1]].coverage_level
    svg = figures_predictions.coverage(
        paper.ANCHOR_SYMBOLS, {name: (c.share, c.low, c.high) for name, c in covers.items()}, level, "coverage"
    )
    figure = Figure(
        svg, f"Share of computed test values inside the {level:.0%} intervals",
        "Interval widths come from how far the cross-validation folds of the training set were off (conformal "
        "prediction); the test set plays no part in them. Bars: 95 % confidence range of the share, given the number "
        "of "
        "test loops.", run.library.origins("predictions"),
        "all figures", "gives no uncertainty with its predictions.",
    )  # fmt: skip
    return Section(
        "intervals", "Are the intervals honest?", (figure, coverage_table(run)),
        f"Every prediction comes with an interval that should hold the computed value {level:.0%} of the time.",
    )  # fmt: skip


def encoder_section(run: Run) -> Section | None:
    """Structures through the autoencoder."""
    if not run.reconstructions:
        return None
    blocks: list[Block] = []
    for name, r in run.reconstructions.items():
        channels = CHANNELS.get(r.encoding, tuple(f"channel {i + 1}" for i in range(r.original.shape[1])))
        few = slice(0, 4)
        svg = figures_learning.reconstructions(
            r.original[few], r.reconstructed[few], r.code[few], channels, f"reconstruction-{r.encoding}"
        )
        kept = 1 - np.mean((r.original - r.reconstructed) ** 2) / max(float(np.var(r.original)), 1e-12)
        blocks.append(
            Figure(
                svg, f"Original, latent code, reconstruction: {name} encoding",
                f"Channels: {', '.join(channels)}, red −1 to blue +1. Over all {len(r.index)} structures passed "
                f"through, the reconstruction explains {f'{kept:.0%}' if kept > 0 else 'none'} of the pictures' "
                "variance.",
                run.library.origins("reconstructions"), "Fig. 4", paper.FIGURE_4,
            )
        )  # fmt: skip
    return Section(
        "encoder", "What the autoencoder keeps", blocks,
        "Each structure becomes 512 numbers. The decoder shows what of the structure is still in them.",
    )  # fmt: skip


def training_section(run: Run) -> Section | None:
    """Learning curves."""
    blocks: list[Block] = []
    if run.autoencoders:
        losses = {name: (t.train, t.validation) for name, t in run.autoencoders.items()}
        blocks.append(
            Figure(
                figures_learning.autoencoder_losses(losses, "autoencoder-losses"), "Autoencoder",
                "Reconstruction error plus weighted Kullback–Leibler divergence. Validation structures are never "
                "trained on.",
                run.library.origins("autoencoders"),
            )
        )  # fmt: skip
    if run.folds:
        curves = {name: [(t.train, t.validation, t.best_epoch) for t in folds] for name, folds in run.folds.items()}
        blocks.append(
            Figure(
                figures_learning.regressor_losses(curves, "regressor-losses"), "Regressor in cross-validation",
                "Mean squared error of the normalised anchor points, one line per fold. The number of epochs of the "
                "final models comes from these folds, which hold training loops only; the test set plays no part.",
                run.library.origins("folds"), "Section 4.1",
                f"trains for {paper.REGRESSOR_EPOCHS} epochs, found by four-fold cross-validation in the same way.",
            )
        )  # fmt: skip
    return Section("training", "How the networks learned", blocks) if blocks else None


def morphing_section(run: Run) -> Section | None:
    """Show walks through the latent space."""
    if not run.morphings:
        return None
    main_first = sorted(run.morphings, key=lambda m: (name_of(m.encoding) != run.main, m.encoding, m.pair))
    blocks = [_walk(run, morphing) for morphing in main_first]
    return Section(
        "morphing", "Morphing between structures", blocks,
        "Straight lines in the latent space lead from one structure to another. The curves of the decoded structures "
        "are predicted from the codes, and recomputed by micromagnetics to see whether the prediction holds off the "
        "training data.",
    )  # fmt: skip


def _walk(run: Run, m: Morphing) -> Figure:
    """Draw the structures with their curves, and the figures of merit along the way."""
    label, words = paper.MORPHING.get(m.pair, ("", ""))
    computed, predicted = (m.anchor, m.anchor_exists), (m.predicted, m.lower, m.upper)
    key, encoding = f"{m.encoding}-{m.pair}", name_of(m.encoding)
    channel = CHANNELS.get(m.encoding, ("channel 1",))[0]
    picture, field = np.clip(m.image[:, 0], -1, 1), run.reduced(m.field_T)
    walk = figures_morphing.walk(m.alpha, picture, field, m.magnetisation, computed, predicted, f"walk-{key}")
    progress = figures_morphing.progress(m.alpha, computed, predicted, f"progress-{key}")
    return Figure(
        walk + progress, f"Pair “{m.pair.replace('_', ' ')}”, {encoding} encoding",
        f"Top: {channel} of the decoded structures, red −1 to blue +1. Middle: curves recomputed for the easy axes "
        "read "
        "from the decoded pictures (blue), and anchor points predicted from the codes (orange). Bottom: the same along "
        "the way, with the interval of the prediction as a band.",
        run.library.origins("morphing"), label, words, folded=encoding != run.main,
    )  # fmt: skip
