"""Section on the models of the Nd-Fe search: what they predicted before and after they were specialised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lodestone.artifacts.transfer import TEST, Transfer
from lodestone.report import figures_search
from lodestone.report.blocks import Block, Cell, Figure, Prose, Section, Table
from lodestone.report.inputs import Library

_WORDS = {
    "formation_energy_eV_per_atom": ("formation energy", "eV/atom"),
    "moment_muB_per_atom": ("moment", "µ_{B}/atom"),
    "energy_eV_per_atom": ("energy (force field)", "eV/atom"),
    "anisotropy_MJ_m3": ("anisotropy constant K_{1}", "MJ/m³"),
}
_STAGES = (("before", "as it came"), ("referenced", "elements refitted"), ("after", "specialised"))
_PAPER = {
    "formation_energy_eV_per_atom": "R² 0.47 before, 0.93 after.",
    "moment_muB_per_atom": "MAE 6.53 before, 0.109 µ_{B}/atom after; R² -333 before, 0.81 after.",
}


def transfer_section(library: Library, transfers: Sequence[Transfer]) -> Section | None:
    """Show parity before and after for each target, and the errors of every version of the models."""
    if not transfers:
        return None
    origins = library.origins("transfers")
    blocks: list[Block] = []
    for number, (name, one) in enumerate(_newest(transfers).items()):
        column, (words, unit) = one.column(name), _WORDS.get(name, (name, ""))
        known = one.exists[:, column] == 1
        figure = figures_search.parity(
            one.true[known, column],
            one.before[known, column],
            one.after[known, column],
            np.maximum(0.0, one.upper[known, column] - one.lower[known, column]) / 2,
            one.split[known] == TEST,
            f"{words}  ({unit})",
            f"parity-{number}",
        )
        caption = (
            f"Labels by {one.labels_from}. Moved: {one.scope.replace('_', ' ')}. Bars after: calibrated intervals. "
            "No crystal and none of its copies is on both sides of the split."
        )
        label = "Fig. 1" if name in _PAPER else ""
        blocks.append(Figure(figure, words.capitalize(), caption, origins, label, _PAPER.get(name, "")))
    blocks += [_errors(transfers, origins), _intervals(transfers, origins)]
    forces = _forces(transfers)
    blocks += [Prose(forces)] if forces else []
    lead = "Networks trained on other crystals, specialised by fitting what the back end says of these two elements."
    return Section("models", "Models, before and after", blocks, lead)


def _newest(transfers: Sequence[Transfer]) -> dict[str, Transfer]:
    """By target the transfer that saw the most crystals: the last version."""
    found: dict[str, Transfer] = {}
    for one in transfers:
        for name in one.target_names:
            if name not in found or len(one) > len(found[name]):
                found[name] = one
    return found


def _errors(transfers: Sequence[Transfer], origins: Sequence) -> Table:
    """R2 and mean absolute error on the test set, at every stage of every version."""
    rows = []
    for one in transfers:
        for name in one.target_names:
            words, unit = _WORDS.get(name, (name, ""))
            cells = [
                Cell(words, unit),
                Cell(str(int((one.split != TEST).sum()))),
                Cell(str(int((one.split == TEST).sum()))),
            ]
            for stage, _ in _STAGES:
                found = _metric(one.metrics, name, stage)
                cells.append(_score(found))
            cells.append(_score(_metric(one.metrics, name, "out_of_fold", "train")))
            rows.append(cells)
    columns = ["target", "crystals to learn", "to test", *(f"R² {words}" for _, words in _STAGES), "R² out of fold"]
    caption = (
        "On crystals kept aside; the last column is on those learned from, each predicted by models that did not see "
        "it, and rests on more crystals. R² counts against the spread of the labels; below 0 the mean would be better. "
        "Rows with more crystals to learn are later versions, which learned from crystals of the search."
    )
    return Table(columns, rows, "Errors on the test set", caption, origins)


def _intervals(transfers: Sequence[Transfer], origins: Sequence) -> Table:
    """Coverage of the intervals on the test set."""
    rows = []
    for one in transfers:
        for name in one.target_names:
            column, (words, unit) = one.column(name), _WORDS.get(name, (name, ""))
            tested = (one.split == TEST) & (one.exists[:, column] == 1)
            true, low, high = one.true[tested, column], one.lower[tested, column], one.upper[tested, column]
            inside = float(((true >= low) & (true <= high)).mean()) if tested.any() else 0.0
            width = float((high - low).mean()) if tested.any() else 0.0
            claimed = f"{float(one.settings.get('coverage_level', 0.0)):.0%}"
            rows.append([Cell(words), Cell(claimed), Cell(f"{inside:.0%}"), Cell(f"{width:.3f}", unit)])
    caption = "Calibrated by cross-validation within the training set; measured on the test set."
    return Table(["target", "claimed", "measured", "mean width"], rows, "Coverage of the intervals", caption, origins)


def _forces(transfers: Sequence[Transfer]) -> str:
    """Errors of forces and stresses of the newest force field, in words."""
    one = next((t for t in reversed(transfers) if t.task == "force_field"), None)
    if one is None:
        return ""
    tested = np.flatnonzero((one.split == TEST) & (one.has_forces == 1))
    sites = np.concatenate(
        [np.arange(one.site_offset[k], one.site_offset[k + 1]) for k in tested] or [np.zeros(0, int)]
    )
    if not len(sites):
        return ""
    before, after = (
        float(np.abs(values[sites] - one.force_true_eV_A[sites]).mean())
        for values in (one.force_before_eV_A, one.force_after_eV_A)
    )
    size = float(np.abs(one.force_true_eV_A[sites]).mean())
    return (
        f"Force field on test crystals: mean absolute error of a force component {before:.3f} eV/Å before, "
        f"{after:.3f} after, at a mean size of {size:.3f}."
    )


def _score(found: Mapping[str, float] | None) -> Cell:
    """R2 and mean absolute error."""
    return Cell(f"{found['r2']:.2f}", f"MAE {found['mae']:.3f}") if found else Cell("-")


def _metric(metrics: Mapping[str, Any], target: str, stage: str, split: str = "test") -> Mapping[str, float] | None:
    """Metrics of one target at one stage."""
    found = metrics.get(target, {}).get(stage, {}).get(split)
    return found if found and found.get("count") else None
