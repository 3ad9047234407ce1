"""Morphing between two structures along a line in latent space (Kovacs et al., section 4.2, Eq. 10)."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lodestone.artifacts.morphing import Morphing
from lodestone.artifacts.network import Network
from lodestone.artifacts.predictions import Predictions
from lodestone.artifacts.provenance import Provenance
from lodestone.logs import Progress
from lodestone.loop_learning.encodings import decode_axes
from lodestone.loop_learning.forward import ForwardModel
from lodestone.loop_learning.recompute import LoopSolver
from lodestone.loop_learning.reconstruction import decode_images
from lodestone.magnetism.material import Material
from lodestone.microstructure.voronoi import Sample, label_cells, sample_with
from lodestone.random import stream

PAIRS: dict[str, tuple[tuple[int, float], tuple[int, float]]] = {  # grain count and theta in degrees of A and of B
    "alignment": ((197, 176.0), (252, 18.0)),
    "grain_size": ((16, 178.0), (256, 175.0)),
}


def endpoints(pair: str, seed: int) -> tuple[Sample, Sample]:
    """Draw the two structures of a pair of the paper.

    Raises
    ------
    ValueError
        If the pair is unknown.
    """
    if pair not in PAIRS:
        raise ValueError(f"pair: found {pair!r}, allowed are {sorted(PAIRS)}")
    first = 2 * list(PAIRS).index(pair)
    a, b = (
        sample_with(stream(seed, "morphing", first + k), count, float(np.deg2rad(theta)))
        for k, (count, theta) in enumerate(PAIRS[pair])
    )
    return a, b


def latent_line(code_a: np.ndarray, code_b: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Return ``(1 - alpha) z_A + alpha z_B`` for each alpha (Eq. 10), with a leading axis of steps."""
    weight = np.asarray(alpha, np.float32).reshape(-1, *[1] * code_a.ndim)
    return (1 - weight) * code_a + weight * code_b


def morph(
    network: Network,
    members: Sequence[Network],
    fold_predictions: Sequence[Predictions],
    pair: str,
    settings: Mapping[str, Any],
    structure_settings: Mapping[str, Any],
    loop_settings: Mapping[str, Any],
    material: Material,
    seed: int,
    log: logging.Logger,
    *,
    provenance: Provenance,
) -> Morphing:
    """Walk from structure A to structure B in latent space; decode, predict and recompute every step.

    The prediction averages over the four symmetric copies: each copy of A is joined with the same copy of B. The
    curve is computed for the decoded structure, easy axes read cell by cell from the decoded image.
    """
    model = ForwardModel(network, members, fold_predictions)
    ends = endpoints(pair, seed)
    cells = structure_settings["cells"]
    axes = np.stack([s.grain_angle_rad.astype(np.float32)[label_cells(s.seed_xy, cells)] for s in ends])
    code_a, code_b = model.encode(axes)
    alpha = np.linspace(0.0, 1.0, settings["steps"])
    code = latent_line(code_a, code_b, alpha)
    image = decode_images(model.autoencoder, code[:, 0])
    axis_angle = decode_axes(image, network.encoding)
    found = model.predict_codes(code)
    solver = LoopSolver(structure_settings, loop_settings, material, log)
    progress = Progress(len(alpha), "loops", log)
    rows = {}
    for step, row in solver.compute(axis_angle):
        rows[step] = row
        progress.update(1)
    loops = {name: np.stack([rows[k][name] for k in range(len(alpha))]) for name in rows[0]}
    return Morphing(
        alpha=alpha,
        image=image,
        axis_angle_rad=axis_angle,
        predicted=found.predicted,
        lower=found.lower,
        upper=found.upper,
        anchor=loops["anchor"],
        anchor_exists=loops["exists"],
        field_T=solver.field_T,
        magnetisation=loops["magnetisation"],
        pair=pair,
        encoding=network.encoding,
        endpoints={
            name: {"grain_count": len(s.grain_angle_rad), "max_misorientation_rad": s.max_misorientation_rad}
            for name, s in zip("AB", ends, strict=True)
        },
        provenance=provenance,
    )
