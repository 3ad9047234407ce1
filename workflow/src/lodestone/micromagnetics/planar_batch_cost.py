"""What a batch of in-plane layers has cost: evaluations, and the memory traffic that they need at least.

The traffic is counted, not measured: for every operation the arrays that it must read and write once it is fused into
as few passes as its data allow, and none of them found in a cache. Divided by the bandwidth of a device it gives the
time below which this algorithm cannot come there; plain, unfused operations move four to eight times as much.
"""

from __future__ import annotations

from dataclasses import dataclass

from lodestone.micromagnetics.planar_batch_kernels import FLOW_SWEEPS, NEWTON_SWEEPS

# Arrays of one number per cell, read or written, for one layer.
EVALUATE = 10  # six read, gradient and curvature written, both read again for the sums
EXCHANGE = 24  # to and from the slots: six arrays before, six after, each read and written
PAIR = 14  # of L-BFGS: both arrays taken from their slot (4), two products (4), two additions (6)
SWEEP = 8  # of the Chebyshev iteration: bonds, inverse, gradient, solution, change; two written
LOCAL_HESSIAN = 8  # moments, curvature and gradient read; bonds, inverse and first solution written
FLOW_START = 11  # the same, with the gradient made on the way
TURN = 20  # scaling, rotation, products with the gradients, the new pair


@dataclass
class Work:
    """What a batch has cost.

    Attributes
    ----------
    iterations : int
        Iterations of the whole batch.
    newtons, flows : int
        Stray fields of layers, after quasi-Newton steps (and extrapolated starts) and after steps of the flow.
    flow_steps : float
        Steps of the flow, those in windows counted by their share of the layer.
    refused : int
        Trials that were not accepted.
    """

    iterations: int = 0
    newtons: int = 0
    flows: int = 0
    flow_steps: float = 0.0
    refused: int = 0


def stray_field_bytes(cells: tuple[int, int], padded: tuple[int, int]) -> int:
    """Bytes moved for one stray field: two components forth and back, and their product with the kernels."""
    (ny, nx), (py, px) = cells, padded
    half = 8 * (px // 2 + 1)  # bytes of one row of a spectrum
    forward = 4 * (ny * nx + 2 * ny * px) + 2 * ny * half + 3 * py * half
    back = 2 * py * half + 2 * ny * half + 4 * ny * (px + nx)
    return 2 * forward + 4 * py * half + 2 * back


def bytes_moved(work: Work, cells: tuple[int, int], padded: tuple[int, int], memory: int) -> int:
    """Bytes that the counted work moves at least, once every operation is fused.

    Parameters
    ----------
    work : Work
        Counts.
    cells, padded : (int, int)
        Rows and columns of a layer and of its padded transforms.
    memory : int
        Correction pairs of the quasi-Newton method.

    Returns
    -------
    int
    """
    each = stray_field_bytes(cells, padded) + 4 * cells[0] * cells[1] * (EVALUATE + EXCHANGE)
    newton = PAIR * memory + LOCAL_HESSIAN + SWEEP * NEWTON_SWEEPS + TURN
    flow_step = FLOW_START + SWEEP * FLOW_SWEEPS
    arrays = newton * work.newtons + flow_step * work.flow_steps
    return round(each * (work.newtons + work.flows) + 4 * cells[0] * cells[1] * arrays)
