"""Square windows around what moves, one in each layer of a batch, for the local steps of the flow.

Where the torque is small against its largest value nothing happens in the time of a few steps; those cells are held.
The windows come in few sizes, so that the layers of one size are one batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

SIZES = (48, 96, 128)
MARGIN = 5  # cells between what moves and the border of a window, of which the outermost is held
QUIET_SHARE = 0.05  # of the largest torque of a layer, below which a cell is quiet


@dataclass(frozen=True)
class Windows:
    """Windows of one size.

    Attributes
    ----------
    size : int or None
        Edge in cells; None for whole layers.
    members : ndarray of int
        Which layers.
    first : ndarray of int, (member, 2)
        First row and column of each.
    """

    size: int | None
    members: NDArray[np.intp]
    first: NDArray[np.int64]

    def cells(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Rows (member, size, 1) and columns (member, 1, size) of the layers."""
        assert self.size is not None
        reach = np.arange(self.size)
        rows, columns = self.first[:, :1] + reach, self.first[:, 1:] + reach
        return torch.as_tensor(rows[:, :, None], device=device), torch.as_tensor(columns[:, None, :], device=device)

    def free(self, shape: tuple[int, int], device: torch.device) -> Tensor:
        """One where a cell may move, zero in the outermost cells that have the layer around them."""
        assert self.size is not None
        position = np.arange(self.size)
        sides = []
        for axis in (0, 1):
            start = self.first[:, axis : axis + 1]
            inside = (position > 0) | (start == 0)
            sides.append(inside & ((position < self.size - 1) | (start + self.size == shape[axis])))
        free = sides[0][:, :, None] & sides[1][:, None, :]
        return torch.as_tensor(free, dtype=torch.float32, device=device)


def windows(gradient: Tensor) -> list[Windows]:
    """Windows around the cells of each layer (n, ny, nx) that are not quiet, those of one size together."""
    shape = np.array(gradient.shape[1:])
    magnitude = gradient.abs()
    moving = magnitude > QUIET_SHARE * magnitude.amax((1, 2), keepdim=True)
    ends = []
    for other in (2, 1):
        line = moving.any(other)
        index = torch.arange(line.shape[1], device=line.device)
        ends += [torch.where(line, index, line.shape[1] - 1).amin(1), torch.where(line, index, 0).amax(1)]
    first_row, last_row, first_column, last_column = torch.stack(ends).cpu().numpy()
    first, last = np.stack([first_row, first_column], 1), np.stack([last_row, last_column], 1)
    wanted = (last - first + 1).max(1) + 2 * MARGIN
    usable = [size for size in SIZES if size < shape.min()]
    choice = np.searchsorted(usable, wanted) if usable else np.zeros(len(wanted), np.intp)
    parts = []
    for k in np.unique(choice):
        members = np.flatnonzero(choice == k)
        size = usable[k] if k < len(usable) else None
        middle = (first[members] + last[members] + 1 - (size or 0)) // 2
        corner = np.clip(middle, 0, shape - size) if size else np.zeros((len(members), 2), np.int64)
        parts.append(Windows(size, members, corner))
    return parts
