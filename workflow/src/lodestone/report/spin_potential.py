"""The study of magnetic potentials in the report: which inputs it has, and what is said first.

Inputs by name: ``spin_data`` (SpinData), ``spin_folds`` and ``spin_ensembles`` (SpinFits), ``spin_checks``
(SpinChecks), ``spin_points`` (Calculations), ``spin_dynamics`` (SpinDynamics), ``spin_learning`` (SpinLearning),
``spin_exchange`` (Exchange). Any may be absent.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lodestone.artifacts.exchange import Exchange
from lodestone.artifacts.spin_checks import SpinChecks
from lodestone.artifacts.spin_data import SpinData
from lodestone.artifacts.spin_dynamics import SpinDynamics
from lodestone.artifacts.spin_fits import SpinFits
from lodestone.artifacts.spin_learning import SpinLearning
from lodestone.report import spin_sections, spin_use_sections
from lodestone.report.blocks import Block, Card, Cards, Study
from lodestone.report.inputs import Library
from lodestone.report.rulegraph import Rule

SETS = ("build_spin_orderings", "build_spin_snapshots", "build_spin_held")
NAMES = ("spin_data", "spin_folds", "spin_ensembles", "spin_checks", "spin_points", "spin_dynamics", "spin_learning")
USES = ("build_spin_points", "simulate_spin_dynamics", "compute_spin_exchange", "learn_spin_potential")
RULES = (
    Rule("warm_caches"),
    *(Rule(name) for name in SETS),
    Rule("check_calculations", SETS),
    Rule("prepare_calculations", ("check_calculations", *SETS)),
    Rule("run_calculations", ("prepare_calculations",)),
    Rule("collect_calculations", ("run_calculations", *SETS)),
    Rule("collect_spin_data", ("collect_calculations",), "spin_data"),
    Rule("fit_spin_folds", ("warm_caches", "collect_spin_data"), "spin_folds"),
    Rule("fit_spin_ensemble", ("warm_caches", "collect_spin_data"), "spin_ensembles"),
    Rule("check_spin_potentials", ("collect_spin_data", "fit_spin_ensemble"), "spin_checks"),
    Rule("build_spin_points", ("collect_spin_data",), "spin_points"),
    Rule("simulate_spin_dynamics", ("warm_caches", "fit_spin_ensemble"), "spin_dynamics"),
    Rule("compute_spin_exchange", ("warm_caches", "fit_spin_ensemble"), "spin_exchange"),
    Rule("learn_spin_potential", ("warm_caches", "collect_spin_data"), "spin_learning"),
    Rule("ask_spin_labels", ("warm_caches", "collect_spin_data", "fit_spin_ensemble")),
    Rule("collect_spin_asked", ("ask_spin_labels",)),
    Rule("render_report", ("fit_spin_folds", "check_spin_potentials", *USES)),
)

TITLE = "Potentials that know the moments"
QUESTION = "Does it help to fit the forces on the moments, and what can the potentials be trusted with?"


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
    if not library.has(*NAMES, "spin_exchange"):
        return None
    data = library.one("spin_data", SpinData)
    folds = library.all("spin_folds", SpinFits)
    errors = spin_sections.joined_errors(library.all("spin_ensembles", SpinFits), lambda one: one.train_rmse)
    checks = library.all("spin_checks", SpinChecks)
    found = [
        spin_sections.data_section(library, data),
        spin_use_sections.points_section(library, data),
        spin_sections.folds_section(library, folds),
        spin_sections.ensembles_section(library, errors),
        spin_sections.checks_section(library, checks),
        spin_use_sections.dynamics_section(library, library.all("spin_dynamics", SpinDynamics), _fitted(checks)),
        spin_use_sections.learning_section(library, library.all("spin_learning", SpinLearning)),
        spin_use_sections.exchange_section(library, library.all("spin_exchange", Exchange)),
    ]
    sections = [section for section in found if section is not None]
    log.info("magnetic potentials: %d sections", len(sections))
    return Study("spin_potential", TITLE, QUESTION, _summary(data, folds, checks), sections)


def _fitted(checks: Sequence[SpinChecks]) -> SpinChecks | None:
    """Return the largest ensemble with magnetic forces in the fit."""
    found = [one for one in checks if one.magnetic_weight > 0]
    return max(found, key=lambda one: one.magnetic_size, default=None)


def _summary(data: SpinData | None, folds: Sequence[SpinFits], checks: Sequence[SpinChecks]) -> list[Block]:
    """Headline numbers."""
    cards = []
    if data is not None:
        cards.append(Card(f"{len(data):,}", "labelled configurations", data.labels_from))
    errors = spin_sections.joined_errors(folds, lambda one: one.test_rmse)
    by_weight = {weight: float(found[:, 3].mean()) for (_, weight), found in errors.items()}
    if by_weight:
        best = min(by_weight, key=lambda weight: by_weight[weight])
        note = f"with w_{{t}} = {best:g}"
        if 0.0 in by_weight:
            note += f"; {by_weight[0.0]:.0f} without magnetic forces in the fit"
        cards.append(Card(f"{by_weight[best]:.0f} meV/µ_{{B}}", "error of magnetic forces, left out", note))
    for one in checks:
        if one.magnetic_weight > 0 and one.magnetic_size == max(c.magnetic_size for c in checks):
            share = float(np.mean(one.equilibrated)) if one.equilibrated.size else 0.0
            cards.append(Card(f"{share:.0%}", "moments brought to equilibrium", f"w_{{t}} = {one.magnetic_weight:g}"))
    return [Cards(cards)] if cards else []
