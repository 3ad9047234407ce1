"""A model specialised from files to files, for the rules that do so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from logging import Logger
from typing import Any

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.graph_model import GraphModel
from lodestone.artifacts.labelled_set import LabelledSet
from lodestone.graph_models.deep_transfer import remove_checkpoints
from lodestone.graph_models.model import for_target
from lodestone.graph_models.samples import UNITS
from lodestone.graph_models.transfer import TransferSettings, specialise
from lodestone.paths import checkpoint


def specialise_files(
    start: str,
    labels: Sequence[str],
    model_out: str,
    transfer_out: str,
    *,
    seed: int,
    settings: Mapping[str, Any],
    algorithm: int,
    log: Logger,
    target: str = "",
) -> None:
    """Read a model and labels, specialise, and write the model and what it said before and after.

    Parameters
    ----------
    start : str
        `GraphModel` artifact.
    labels : sequence of str
        `LabelledSet` artifacts.
    model_out, transfer_out : str
        `GraphModel` and `Transfer` artifacts.
    seed, settings, algorithm
        Of the rule.
    log : Logger
        Told about the progress.
    target : str
        Column of the labels, where the model is to predict something else than it did.
    """
    provenance = Provenance.of("ALIGNN", seed, settings, [start, *labels], algorithm)
    state = checkpoint(model_out)
    model = GraphModel.read(start)
    made, transfer = specialise(
        for_target(model, target, UNITS[target]) if target else model,
        [LabelledSet.read(path) for path in labels],
        TransferSettings.of(settings),
        seed=seed,
        checkpoint_path=state,
        log=log,
        provenance=provenance,
    )
    made.write(model_out)
    transfer.write(transfer_out)
    remove_checkpoints(state)
