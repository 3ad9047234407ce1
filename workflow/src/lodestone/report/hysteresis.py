"""The hysteresis study in the report: which inputs it has, and what is said first.

Inputs by name: ``dataset`` (HysteresisDataset), ``loops`` (Loops, one per batch), ``autoencoders`` and ``folds``
(Network), ``reconstructions``, ``predictions`` (one per encoding), ``baselines`` (Predictions, one per baseline),
``morphing``, ``designs`` (InverseDesigns) and ``hysteresis_material`` (MaterialTable). Any may be absent.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from lodestone.artifacts.dataset import Split
from lodestone.artifacts.loops import Status
from lodestone.report import hysteresis_paper as paper
from lodestone.report.blocks import Block, Card, Cards, Notice, Prose, Study
from lodestone.report.hysteresis_data import INPUTS, Run, coverage_on_test, errors_on_test, gather
from lodestone.report.hysteresis_sections import all_sections
from lodestone.report.hysteresis_tables import design_misses
from lodestone.report.inputs import Library
from lodestone.report.rulegraph import Rule

RULES = (
    Rule("warm_caches"),
    Rule("generate_structures", ("warm_caches",)),
    Rule("compute_loops", ("warm_caches", "generate_structures"), "loops"),
    Rule("collect_dataset", ("generate_structures", "compute_loops"), "dataset"),
    Rule("train_autoencoder", ("warm_caches",), "autoencoders"),
    Rule("encode_structures", ("train_autoencoder", "generate_structures")),
    Rule("reconstruct_structures", ("train_autoencoder", "generate_structures", "collect_dataset"), "reconstructions"),
    Rule("validate_regressor", ("encode_structures", "collect_dataset"), "folds"),
    Rule("train_regressor", ("encode_structures", "collect_dataset", "validate_regressor"), "folds"),
    Rule("predict_anchors", ("encode_structures", "collect_dataset", "validate_regressor", "train_regressor"),
         "predictions"),
    Rule("train_baseline", ("warm_caches", "collect_dataset", "generate_structures"), "baselines"),
    Rule("morph_structures", ("warm_caches", "train_autoencoder", "train_regressor", "validate_regressor"), "morphing"),
    Rule("search_designs", ("warm_caches", "train_autoencoder", "train_regressor", "validate_regressor"), "designs"),
    Rule(
        "render_report",
        ("collect_dataset", "compute_loops", "train_autoencoder", "reconstruct_structures", "validate_regressor",
         "predict_anchors", "train_baseline", "morph_structures", "search_designs"),
    ),
)  # fmt: skip

TITLE = "Demagnetisation curves of nanocrystalline magnets, learned from their grains"
QUESTION = (
    "How does a permanent magnet's grain structure shape its hysteresis, can a neural network read the loop off the "
    "structure, and can it be asked backwards for the structure that gives a wanted loop?"
)


def compose(library: Library, config: Mapping[str, Any], log: logging.Logger) -> Study | None:
    """Read the study's artifacts and lay out its part of the page.

    Parameters
    ----------
    library : Library
        Inputs by the names above.
    config : mapping
        The run's whole configuration.

    Returns
    -------
    Study or None
        None if no artifact of the study was given.
    """
    if not library.has(*INPUTS):
        return None
    run = gather(library, config["hysteresis"])
    study = Study("hysteresis", TITLE, QUESTION, _summary(run), all_sections(run))
    log.info("hysteresis: %d sections", len(study.sections))
    return study


def _summary(run: Run) -> list[Block]:
    """Cards, plain words, what is what, and how the size compares with the paper's."""
    blocks: list[Block] = [Cards([*_loop_cards(run), *_model_cards(run), *_design_cards(run)])]
    blocks += [Prose(text) for text in _words(run)]
    blocks.append(
        Notice(
            "**What is what.** Grain structures are synthetic (Voronoi cells). *Computed* and *recomputed* values come "
            "from finite-difference micromagnetics, in the plane, on cells of "
            f"{run.config['structures']['cell_size_nm']:g} nm. *Predicted* values come from a neural network trained "
            "on "
            "computed ones; they are not simulations. Nothing on this page was measured on a magnet."
        )
    )
    more = (_material_notice(run), _size_notice(run))
    return [*blocks, *(notice for notice in more if notice)]


def _material_notice(run: Run) -> Notice | None:
    """Say where the material comes from, if not from numbers of the configuration."""
    if run.crystal is None:
        return None
    one, material, section = run.crystal, run.material, run.config["material"]
    K1_source = one.K1_source if one.has_K1 else "given in the configuration"
    return Notice(
        f"**Material.** That of `{one.name}` at {section['temperature_K']:g} K, from electronic structure: "
        f"μ_{{0}}M_{{s}} = {material.mu0_Ms_T:.3f} T ({one.Ms_source}), A = {1e12 * material.A_J_m:.2f} pJ/m "
        f"({one.A_source}), K_{{1}} = {1e-6 * material.K1_J_m3:.3g} MJ/m³ ({K1_source}). T_{{C}} {one.Tc_K:.0f} K "
        f"({one.Tc_source}). {one.message}".rstrip()
    )


def _loop_cards(run: Run) -> list[Card]:
    if run.health is None:
        return []
    total, good = len(run.health.status), int((run.health.status == Status.CONVERGED).sum())
    note = "all converged at every field" if good == total else f"{total - good} did not converge everywhere"
    return [Card(f"{total:,}", "demagnetisation curves computed", note)]


def _model_cards(run: Run) -> list[Card]:
    if run.main is None:
        return []
    errors, cover = errors_on_test(run.models[run.main]), coverage_on_test(run.models[run.main])
    level = run.models[run.main].coverage_level
    cards = [
        Card(
            f"{errors.mean[i]:.4f} {unit}", f"mean error of {word}", f"{_against(run, i)}; paper {paper.TABLE_3[i]:.4f}"
        )
        for i, word, unit in ((1, "M_{r}", "M_{s}"), (5, "H_{c}", "H_{A}"))
    ]
    cards.append(
        Card(f"{np.nanmean(cover.share):.0%}", f"of test values inside {level:.0%} intervals", "over all anchors")
    )
    return cards


def _against(run: Run, anchor: int) -> str:
    """Say how much smaller an error is than that of predicting the mean."""
    if "mean" not in run.models or run.main is None:
        return "test set"
    ratio = errors_on_test(run.models["mean"]).mean[anchor] / errors_on_test(run.models[run.main]).mean[anchor]
    if not np.isfinite(ratio):
        return "test set"
    return f"{ratio:.1f} × better than the mean" if ratio > 1 else f"{1 / ratio:.1f} × worse than the mean"


def _design_cards(run: Run) -> list[Card]:
    if run.designs is None:
        return []
    misses = design_misses(run.designs)
    if not len(misses):
        return [Card("none", "designs with a computed loop", "no recomputed figure exists")]
    goals = len(run.designs.goal)
    which = "the one goal" if goals == 1 else f"each of {goals} goals"
    note = f"M_{{r}}, H_{{c}} and squareness, first choice for {which}"
    return [Card(f"{np.median(misses):.3f}", "median distance of designs to their goal, recomputed", note)]


def _words(run: Run) -> list[str]:
    """Say in plain words what was done and what came out."""
    words = []
    if run.dataset is not None:
        test = int((run.dataset.split == Split.TEST).sum())
        words.append(
            f"{len(run.dataset):,} synthetic grain structures were drawn and the demagnetisation curve of each was "
            f"computed. {len(run.dataset) - test:,} of them trained the models and {test:,} were kept aside to test "
            "them. "
            "From each curve six anchor points are read: M_{1}, M_{r}, H_{k,90}, H_{k,80}, H_{k,70} and H_{c}."
        )
    if run.main is not None:
        beaten = _comparison(run)
        words.append(
            "An autoencoder that saw only structures folds each of them into 512 numbers, and a small network "
            f"reads the anchor points from these. {beaten}"
        )
    return words


def _comparison(run: Run) -> str:
    """Compare the encodings with each other and with the baselines, anchor by anchor."""
    means = {name: errors_on_test(predictions).mean for name, predictions in run.models.items()}
    parts = []
    if len(run.encodings) == 2:
        first, second = run.encodings
        gain = 1 - float(np.nanmean(means[second] / means[first]))
        size = f"{abs(gain):.0%} {'smaller' if gain > 0 else 'larger'}"
        parts.append(f"With the {second} encoding its errors are on average {size} than with the {first} of the paper.")
    won = [
        f"{name} for {int(np.nansum(means[str(run.main)] < errors))}"
        for name, errors in means.items()
        if name not in run.encodings
    ]
    if won:
        parts.append(
            f"On the test loops it beats the baselines {', '.join(won)} of {len(paper.ANCHOR_SYMBOLS)} anchors."
        )
    return " ".join(parts)


def _size_notice(run: Run) -> Notice | None:
    """Say so if the run is smaller than the paper's, and which configuration is not."""
    loops, encoder = run.config["loops"]["count"], run.config["autoencoder"]
    seen, epochs = encoder["structures"], encoder["epochs"]
    if loops >= paper.LOOPS and seen >= paper.STRUCTURES and epochs >= paper.EPOCHS:
        return None
    return Notice(
        f"**This is a small run.** {loops:,} loops where the paper has {paper.LOOPS:,}; {seen:,} structures and "
        f"{epochs:,} epochs for the autoencoder where the paper has {paper.STRUCTURES:,} and {paper.EPOCHS}. Its "
        f"errors are not the paper's errors. `{paper.CONFIG}` has the paper's sizes.",
        "warn",
    )
