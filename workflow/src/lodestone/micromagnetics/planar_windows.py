"""Rectangles around the parts of a layer that move; compiled, for they are sought after every few steps."""

from __future__ import annotations

import numpy as np

from lodestone.micromagnetics.planar_kernels import compiled


@compiled
def active_tiles(gradient, threshold, tile):  # type: ignore[no-untyped-def]
    """Whether |gradient| exceeds a threshold anywhere in each square tile of inner cells."""
    ny, nx = gradient.shape[0] - 2, gradient.shape[1] - 2
    active = np.zeros(((ny + tile - 1) // tile, (nx + tile - 1) // tile), np.uint8)
    for row in range(active.shape[0]):
        for column in range(active.shape[1]):
            count = 0
            for i in range(row * tile + 1, min(row * tile + tile, ny) + 1):
                for value in gradient[i, column * tile + 1 : min(column * tile + tile, nx) + 1]:
                    count += abs(value) > threshold  # no branch: vectorised
            active[row, column] = count > 0
    return active


@compiled
def active_box(gradient, threshold, tiles, tile):  # type: ignore[no-untyped-def]
    """First and last row and column, without ghost cells, of the cells above the threshold in the active tiles."""
    ny, nx = gradient.shape[0] - 2, gradient.shape[1] - 2
    box = (ny, -1, nx, -1)
    for row in range(tiles.shape[0]):
        for column in range(tiles.shape[1]):
            top, left = row * tile, column * tile
            bottom, right = min(top + tile, ny) - 1, min(left + tile, nx) - 1
            inside = box[0] <= top and bottom <= box[1] and box[2] <= left and right <= box[3]
            if not tiles[row, column] or inside:
                continue
            for i in range(top, bottom + 1):
                for j in range(left, right + 1):
                    if abs(gradient[i + 1, j + 1]) > threshold:
                        box = (min(box[0], i), max(box[1], i), min(box[2], j), max(box[3], j))
    return box


@compiled
def take_part(active, row, column, waiting):  # type: ignore[no-untyped-def]
    """Clear the active tiles connected with one, corners included; returns their first and last row and column."""
    rows, columns = active.shape
    box = (row, row, column, column)
    waiting[0] = row * columns + column
    active[row, column] = 0
    count = 1
    while count > 0:
        count -= 1
        i, j = waiting[count] // columns, waiting[count] % columns
        box = (min(box[0], i), max(box[1], i), min(box[2], j), max(box[3], j))
        for near_i in range(max(i - 1, 0), min(i + 2, rows)):
            for near_j in range(max(j - 1, 0), min(j + 2, columns)):
                if active[near_i, near_j]:
                    active[near_i, near_j] = 0
                    waiting[count] = near_i * columns + near_j
                    count += 1
    return box


@compiled
def span(first, last, cells, margin, lengths):  # type: ignore[no-untyped-def]
    """Start and length, one of `lengths` or all cells, of a range around cells first to last of a row or column."""
    length = cells
    for known in lengths:
        if known >= last - first + 1 + 2 * margin and known < cells:
            length = known
            break
    return min(max((first + last + 1 - length) // 2, 0), cells - length), length


@compiled
def moving_windows(gradient, threshold, tile, margin, lengths, small):  # type: ignore[no-untyped-def]
    """Rectangles that hold all cells with a larger gradient than the threshold.

    Parameters
    ----------
    gradient : ndarray, (ny + 2, nx + 2)
        Torques, with ghost cells.
    threshold : float
        Largest gradient of a cell that counts as quiet.
    tile : int
        Edge, in cells, of the tiles by which separate parts are told apart.
    margin : int
        Cells between what moves and the border of a rectangle.
    lengths : ndarray, (n,)
        Edge lengths that rectangles may have, ascending; any may also span the layer.
    small : float
        Number of cells up to which one rectangle around everything is taken without looking for parts.

    Returns
    -------
    ndarray, int64, (rectangle, 4)
        First row, rows, first column, columns, counted without ghost cells. One rectangle around everything if the
        parts would not take less.
    """
    ny, nx = gradient.shape[0] - 2, gradient.shape[1] - 2
    tiles = active_tiles(gradient, threshold, tile)
    box = active_box(gradient, threshold, tiles, tile)
    whole = np.empty((1, 4), np.int64)
    whole[0, 0], whole[0, 1] = span(box[0], box[1], ny, margin, lengths)
    whole[0, 2], whole[0, 3] = span(box[2], box[3], nx, margin, lengths)
    cells = whole[0, 1] * whole[0, 3]
    if cells <= small:
        return whole
    waiting, parts = np.empty(tiles.size, np.int64), np.empty((tiles.size, 4), np.int64)
    count, area = 0, 0
    for i in range(tiles.shape[0]):
        for j in range(tiles.shape[1]):
            if tiles[i, j]:
                part = take_part(tiles, i, j, waiting)
                bottom, right = min(part[1] * tile + tile, ny) - 1, min(part[3] * tile + tile, nx) - 1
                parts[count, 0], parts[count, 1] = span(part[0] * tile, bottom, ny, margin, lengths)
                parts[count, 2], parts[count, 3] = span(part[2] * tile, right, nx, margin, lengths)
                area += parts[count, 1] * parts[count, 3]
                count += 1
    return parts[:count].copy() if area < cells else whole
