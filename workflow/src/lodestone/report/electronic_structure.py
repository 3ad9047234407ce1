"""The electronic-structure study in the report: which inputs it has, and what is said first.

Inputs by name: ``structure_set`` (StructureSet), ``relax_calculations``, ``static_calculations`` and so on
(Calculations, one per batch), ``stability`` (Hull), ``anisotropy`` (Anisotropy), ``exchange`` (Exchange), ``curie``
(Curie) and ``material`` (MaterialTable), one per crystal. Any may be absent.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from lodestone.artifacts.anisotropy import Anisotropy
from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.calculations import Calculations
from lodestone.artifacts.curie import Curie
from lodestone.artifacts.exchange import Exchange
from lodestone.artifacts.hull import Hull
from lodestone.artifacts.material import MaterialTable
from lodestone.artifacts.structure_set import StructureSet
from lodestone.report.blocks import Block, Card, Cards, Notice, Study
from lodestone.report.electronic_sections import Run, all_sections
from lodestone.report.exchange_sections import exchange_section
from lodestone.report.inputs import Library
from lodestone.report.material_sections import material_section
from lodestone.report.rulegraph import Rule

STEPS = ("relax", "static", "anisotropy", "constrained")
RULES = (
    Rule("warm_caches"),
    Rule("download_structures"),
    Rule("build_structure_set", ("download_structures",), "structure_set"),
    Rule("build_element_references", ("build_structure_set",)),
    Rule("check_calculations", ("build_structure_set", "build_element_references")),
    Rule("prepare_calculations", ("check_calculations", "build_structure_set", "build_element_references")),
    Rule("run_calculations", ("prepare_calculations",)),
    Rule("collect_calculations", ("run_calculations", "build_structure_set", "build_element_references"),
         "relax_calculations"),
    Rule("derive_stability", ("collect_calculations",), "stability"),
    Rule("derive_anisotropy", ("collect_calculations",), "anisotropy"),
    Rule("prepare_kkr", ("build_structure_set",)),
    Rule("run_kkr", ("prepare_kkr",)),
    Rule("collect_kkr", ("run_kkr",), "exchange"),
    Rule("prepare_gpaw", ("build_structure_set",)),
    Rule("run_gpaw", ("prepare_gpaw",)),
    Rule("collect_gpaw", ("run_gpaw",), "exchange"),
    Rule("read_exchange", (), "exchange"),
    Rule("compute_curie", ("warm_caches", "collect_kkr", "collect_gpaw", "read_exchange"), "curie"),
    Rule("derive_material", ("collect_kkr", "collect_gpaw", "read_exchange", "compute_curie", "derive_anisotropy"),
         "material"),
    Rule("render_report", ("build_structure_set", "collect_calculations", "derive_stability", "derive_anisotropy",
                           "derive_material")),
)  # fmt: skip

TITLE = "Energies, moments and stability of crystals"
QUESTION = "Which crystals of these elements are stable, how large is their magnetisation, and can that be trusted?"


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
    names = [f"{step}_calculations" for step in STEPS]
    if not library.has("structure_set", "stability", "anisotropy", "exchange", "curie", "material", *names):
        return None
    run = Run(
        library=library,
        structures=library.one("structure_set", StructureSet),
        calculations={step: found for step in STEPS if (found := library.all(f"{step}_calculations", Calculations))},
        hull=library.one("stability", Hull),
        anisotropy=library.one("anisotropy", Anisotropy),
    )
    sections = all_sections(run)
    exchange = exchange_section(library, library.all("exchange", Exchange), library.all("curie", Curie))
    sections += [exchange] if exchange is not None else []
    tables = library.all("material", MaterialTable)
    sections += [material_section(library, tables)] if tables else []
    study = Study("electronic_structure", TITLE, QUESTION, _summary(run), sections)
    log.info("electronic structure: %d sections", len(study.sections))
    return study


def _summary(run: Run) -> list[Block]:
    """Cards, and what computed the numbers."""
    cards = []
    if run.structures is not None:
        cards.append(Card(f"{len(run.structures):,}", "crystals", f"{run.structures.site_counts().sum():,} atoms"))
    for step, batches in run.calculations.items():
        total = sum(len(batch) for batch in batches)
        good = sum(int((batch.status == Status.CONVERGED).sum()) for batch in batches)
        note = "all converged" if good == total else f"{total - good} did not converge, see below"
        cards.append(Card(f"{good:,}", f"calculations converged ({step})", note))
    if run.hull is not None:
        known = run.hull.has_formation_energy == 1
        stable = int((run.hull.above_hull_eV_per_atom[known] < 1e-4).sum())
        cards.append(Card(f"{stable:,}", "crystals on the convex hull", f"of {int(known.sum()):,} with an energy"))
    blocks: list[Block] = [Cards(cards)]
    backends = sorted({batch.backend for batches in run.calculations.values() for batch in batches})
    if "chgnet" in backends:
        blocks.append(
            Notice(
                "**What is what.** Energies and moments on this page come from *CHGNet*, a model fitted to "
                "calculations of others: they are no DFT results. Fe-rich crystals are good to about 0.1 eV per atom; "
                "the spread of the bundled models is shown as the error bar. Moments have no sign and no 4f part.",
                "warn",
            )
        )
    return blocks
