"""Repulsion at short distance that alignn adds to its networks, crystal by crystal.

Two fixed terms: a linear penalty below a threshold, and the screened Coulomb potential of Ziegler, Biersack and
Littmark (1985), faded out at a cutoff. alignn's forces contain the penalty and its energy does not; here both do.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lodestone.graph_models import operations
from lodestone.graph_models.graphs import GraphBatch

COULOMB_EV_A = 14.399645  # e^2 / (4 pi epsilon_0)
_SCREENING_A, _SCREENING_POWER = 0.46850, 0.23
_SHARES = (0.18175, 0.50986, 0.28022, 0.02817)
_RATES = (3.19980, 0.94229, 0.40290, 0.20162)
_ENVELOPE_EXPONENT = 4


def energy(module: Any, batch: GraphBatch, length: Tensor) -> Tensor:
    """Repulsion of each crystal, (crystal,) eV, from the lengths of its edges (edge,), each pair in both directions."""
    config = module.config
    reach = max(module.penalty_threshold if config.use_penalty else 0.0, module.zbl_cutoff if zbl(module) else 0.0)
    total = length.new_zeros(len(batch))
    near = torch.nonzero(length.detach() < reach).squeeze(1)
    if not len(near):
        return total
    r = length[near].double()  # rounding to single precision hides what the place in an array does to a power
    pair = torch.zeros_like(r)
    if config.use_penalty:
        pair = pair + module.penalty_factor * (module.penalty_threshold - r).clamp(min=0)
    if zbl(module):
        numbers = batch.atomic_number.double()
        pair = pair + 0.5 * screened_coulomb(
            numbers[batch.source[near]], numbers[batch.destination[near]], r, module.zbl_cutoff
        )
    return total.index_add(0, batch.edge_crystal[near], pair.to(total.dtype))


def zbl(module: Any) -> bool:
    """Whether a model has the screened Coulomb term: force fields only."""
    return bool(module.use_zbl and module.config.calculate_gradient)


def screened_coulomb(z_i: Tensor, z_j: Tensor, r: Tensor, cutoff: float) -> Tensor:
    """``k Z_i Z_j / r phi(r / a) envelope(r)``, ``phi(x) = sum c_n exp(-d_n x)``, eV; r in angstrom."""
    a = _SCREENING_A / (z_i**_SCREENING_POWER + z_j**_SCREENING_POWER)
    x = r / a
    phi = sum((share * torch.exp(-rate * x) for share, rate in zip(_SHARES, _RATES, strict=True)), torch.zeros_like(x))
    return COULOMB_EV_A * z_i * z_j / r * phi * operations.envelope(r, cutoff, _ENVELOPE_EXPONENT)
