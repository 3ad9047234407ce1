"""Lodestone designs permanent magnets, from electrons to hysteresis loops.

The functions here are a door for notebooks: each is a thin call into the code that the workflow's rules use. Importing
the package costs nothing; what a function needs is imported when it is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike

    from lodestone.artifacts.exchange import Exchange
    from lodestone.kkr.output_types import AkaiKKROutput

__version__ = "0.1.0"
__all__ = ["curie_temperature", "demagnetisation_curve", "read_akaikkr_output", "saturation_magnetisation"]


def demagnetisation_curve(
    axis_angle_rad: ArrayLike,
    fields_T: Sequence[float],
    *,
    cell_size_nm: tuple[float, float, float] = (2, 2, 36000),
    mu0_Ms_T: float = 1.61,
    K1_J_m3: float = 4.2e6,
    A_J_m: float = 8e-12,
    in_plane: bool = True,
) -> np.ndarray:
    """Magnetisation of a one-layer grain structure along a sequence of fields, from saturation along +y.

    Finite-difference micromagnetics with exchange, uniaxial anisotropy, stray field and Zeeman energy; the energy is
    minimised at each field, starting from the state at the last.

    Parameters
    ----------
    axis_angle_rad : array_like, (ny, nx)
        Angle of the easy axis of each cell from the field direction +y, positive towards +x; rows run along +y.
    fields_T : sequence of float
        Fields mu0 H along +y in T, in the order in which they are applied.
    cell_size_nm : (dx, dy, dz)
        Edges of a cell in nm; the height stands for translational symmetry.
    mu0_Ms_T, K1_J_m3, A_J_m : float
        Spontaneous polarisation (T), anisotropy constant (J/m3) and exchange stiffness (J/m).
    in_plane : bool
        Keep the magnetisation in the plane (fast); otherwise it is free in three dimensions.

    Returns
    -------
    ndarray, (field,)
        Magnetisation along the field over M_s.

    Raises
    ------
    ValueError
        If an argument is out of bounds.
    RuntimeError
        If a state did not converge; the message names the first such field.

    Examples
    --------
    >>> import numpy as np, lodestone
    >>> lodestone.demagnetisation_curve(np.zeros((8, 8)), [6.5, 0.0, -2.0]).round(2)
    array([1., 1., 1.])
    """
    from lodestone.micromagnetics import layer

    return layer.magnetisation(axis_angle_rad, fields_T, cell_size_nm, (mu0_Ms_T, K1_J_m3, A_J_m), in_plane)


def read_akaikkr_output(path: str | PathLike[str]) -> AkaiKKROutput:
    """Read what AkaiKKR printed, whatever its version.

    Parameters
    ----------
    path : path
        Output of a run with go, tc, j, dos, ...; of a file with several runs, the last.

    Returns
    -------
    AkaiKKROutput
        A mapping that also has its items as attributes: ``Tc_K``, ``moments_muB`` (by type, one per component),
        ``couplings`` and ``jij`` (the table of J_ij), ``total_energy_Ry``, ``converged``, ``finished``, ``iterations``
        and all else that the run printed. What it did not print is None or empty.

    Raises
    ------
    ValueError
        If the file is no such output, or a line cannot be read; the message names file and line.
    """
    from pathlib import Path

    from lodestone.kkr.output import read_output

    return read_output(Path(path))


def curie_temperature(
    exchange: Exchange | AkaiKKROutput | str | PathLike[str],
    method: str = "mean_field",
    *,
    seed: int = 0,
    **sampling: int,
) -> float:
    """Curie temperature from exchange couplings, in K.

    Parameters
    ----------
    exchange : Exchange, AkaiKKROutput or path
        Couplings of H = - sum over i != j of J_ij e_i.e_j: an artifact, an AkaiKKR output with a table of J_ij, or a
        file with couplings: artifact, AkaiKKR output, UppASD folder, VAMPIRE ``.UCF``, TB2J ``exchange.out``.
    method : str
        ``mean_field`` (largest eigenvalue over sublattices and components), ``rpa`` or ``monte_carlo`` (crossing of
        Binder cumulants of two lattices).
    seed : int
        Seed of the Monte Carlo.
    sampling
        ``spins`` and ``max_spins`` of the large lattice, ``sweeps``, ``thermalisation`` and ``over_relaxations`` of the
        Monte Carlo.

    Raises
    ------
    ValueError
        For an unknown method, a table of couplings that is not complete, or if there is no order.
    """
    from lodestone.kkr import curie, sources
    from lodestone.kkr.monte_carlo import Points

    couplings = sources.exchange_of(exchange)
    return curie.curie_temperature_K(couplings, method, Points(couplings, seed), **sampling)


def saturation_magnetisation(
    moments_muB: float | Sequence[float], volume_A3: float, elements: Sequence[str] | Mapping[str, float] = ()
) -> float:
    """Saturation magnetisation mu0 M_s of a crystal with open-core 4f moments, in T.

    Parameters
    ----------
    moments_muB : float or sequence of float
        Moment of the cell, or of every site, without the 4f shell.
    volume_A3 : float
        Volume of the cell, cubic angstrom.
    elements : sequence of str or mapping of str to float
        Element of every site, or number of atoms of each: g_J J of every trivalent rare earth is added, parallel to the
        3d moment for light ones and antiparallel for heavy ones. Leave it out if the moments hold the 4f shell already.

    Raises
    ------
    ValueError
        If an argument is out of bounds.

    Examples
    --------
    >>> import lodestone
    >>> round(lodestone.saturation_magnetisation(38.54, 5.852**3), 2)
    2.24
    """
    from lodestone.magnetism.figures import saturation_magnetisation_T

    return saturation_magnetisation_T(moments_muB, volume_A3, elements)
