"""The Nd-Fe search in the report: which inputs it has, and what is said first.

Inputs by name: ``transfers`` (Transfer, one for each model and version), ``populations`` (Population, one for each
generation), ``screening`` (Screening), ``coupled`` (StructureSet), ``search_exchange`` (Exchange) and ``search_curie``
(Curie), one for each crystal with couplings, ``interstitials`` (Interstitials). Any may be absent.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from lodestone.artifacts.interstitials import Interstitials
from lodestone.artifacts.population import Population
from lodestone.artifacts.screening import Screening
from lodestone.artifacts.transfer import Transfer
from lodestone.report import search_sections
from lodestone.report.blocks import Block, Card, Cards, Notice, Study
from lodestone.report.coupled_section import coupled_section
from lodestone.report.inputs import Library
from lodestone.report.rulegraph import Rule
from lodestone.report.transfer_section import transfer_section

# What is computed later (finds, learned crystals, fillings) goes through the same rules again, and a generation follows
# the one before: the drawing has each rule once and goes forward.
SETS = ("build_references", "build_training_set", "build_pretraining_set")
COUPLINGS = (
    Rule("select_coupled", ("collect_calculations",), "coupled"),
    Rule("prepare_kkr", ("select_coupled",)),
    Rule("run_kkr", ("prepare_kkr",)),
    Rule("collect_kkr", ("run_kkr",), "search_exchange"),
    Rule("prepare_gpaw", ("select_coupled",)),
    Rule("run_gpaw", ("prepare_gpaw",)),
    Rule("collect_gpaw", ("run_gpaw",), "search_exchange"),
    Rule("compute_curie", ("warm_caches", "collect_kkr", "collect_gpaw"), "search_curie"),
)
RULES = (
    Rule("warm_caches"),
    Rule("select_published_labels"),
    Rule("pretrain_properties", ("warm_caches", "select_published_labels")),
    Rule("select_anisotropy_labels"),
    Rule(
        "pretrain_anisotropy",
        ("warm_caches", "pretrain_properties", "load_model", "select_anisotropy_labels"),
        "transfers",
    ),
    *(Rule(name) for name in SETS),
    Rule("check_calculations", SETS),
    Rule("prepare_calculations", ("check_calculations", *SETS)),
    Rule("run_calculations", ("prepare_calculations",)),
    Rule("collect_calculations", ("run_calculations", *SETS)),
    Rule("collect_labels", ("collect_calculations",)),
    Rule("pretrain_force_field", ("warm_caches", "collect_labels")),
    Rule("load_model"),
    Rule(
        "transfer_model",
        ("warm_caches", "pretrain_properties", "pretrain_force_field", "load_model", "collect_labels"),
        "transfers",
    ),
    Rule("breed_candidates"),
    Rule("relax_candidates", ("warm_caches", "breed_candidates", "transfer_model"), "populations"),
    Rule(
        "rank_population", ("warm_caches", "relax_candidates", "transfer_model", "pretrain_anisotropy"), "populations"
    ),
    Rule("pick_uncertain", ("rank_population",)),
    Rule("select_candidates", ("rank_population",)),
    *COUPLINGS,
    Rule(
        "derive_screening",
        ("rank_population", "select_candidates", "collect_calculations", "select_coupled", "compute_curie"),
        "screening",
    ),
    Rule("build_interstitials", ("derive_screening", "collect_calculations")),
    Rule("derive_interstitials", ("build_interstitials", "collect_calculations"), "interstitials"),
    Rule("render_report", ("transfer_model", "rank_population", "derive_screening", "derive_interstitials")),
)

TITLE = "New crystals of a rare earth and iron"
QUESTION = "Which crystals nobody has made have more magnetisation than Nd2Fe14B, and how far from stable are they?"


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
    if not library.has("transfers", "populations", "screening", "interstitials", "search_exchange", "search_curie"):
        return None
    transfers = library.all("transfers", Transfer)
    populations = library.all("populations", Population)
    screening = library.one("screening", Screening)
    found = [
        transfer_section(library, transfers),
        search_sections.search_section(library, populations),
        search_sections.screening_section(library, screening),
        coupled_section(library),
        search_sections.interstitial_section(library, library.one("interstitials", Interstitials)),
    ]
    sections = [section for section in found if section is not None]
    log.info("Nd-Fe search: %d sections", len(sections))
    return Study("nd_fe_search", TITLE, QUESTION, _summary(populations, screening), sections)


def _summary(populations: list[Population], table: Screening | None) -> list[Block]:
    """Headline numbers, and what is computed and what predicted."""
    cards = []
    if populations:
        last = max(populations, key=lambda one: one.generation)
        note = f"{len(last.front())} on the front, {last.generation + 1} generations"
        cards.append(Card(f"{len(last):,}", "crystals relaxed by the search", note))
    blocks: list[Block] = []
    if table is not None:
        good = (table.kind == 0) & (table.has_energy == 1) & (table.has_mu0_Ms == 1)
        strong = good & (table.mu0_Ms_T >= table.threshold_mu0_Ms_T)
        text = f"validated with µ_{{0}}M_{{s}} of {table.threshold_mu0_Ms_T:g} T or more"
        cards.append(Card(f"{int(strong.sum())}", text, f"of {int(good.sum())} computed by {table.provenance.backend}"))
        if good.any():
            best = int(np.flatnonzero(good)[np.argmin(table.formation_eV[good])])
            energy = f"{1e3 * table.formation_eV[best]:.0f} meV"
            cards.append(Card(energy, "lowest formation energy per atom", table.formulas()[best]))
        blocks.append(
            Notice(
                "**What is what.** The search compares *predictions* of graph networks; what the section on "
                f"validation says was computed by *{table.provenance.backend}*."
                + (
                    "" if table.moments_signed else " That is a fitted model and no DFT: good to about 0.1 eV per atom."
                ),
                "info" if table.moments_signed else "warn",
            )
        )
    return [Cards(cards), *blocks] if cards else blocks
