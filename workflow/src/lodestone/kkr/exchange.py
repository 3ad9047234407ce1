"""Exchange couplings in one convention: artifacts from AkaiKKR outputs and from plain lists of bonds.

Everywhere H = - sum over i != j of J_ij e_i.e_j with unit vectors, so that every pair counts as ij and as ji. AkaiKKR
prints J_ij for this Hamiltonian: its mean-field T_C is 2/(3 k_B) sum_j J_ij.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.exchange import CONVENTION, Exchange
from lodestone.kkr import symmetry
from lodestone.kkr.output_types import AkaiKKROutput
from lodestone.magnetism.four_f import is_rare_earth, moment_4f_muB
from lodestone.magnetism.units import BOHR_A, RYDBERG_MEV

# Programs compute J_ij and J_ji apart; their difference is noise up to this share of the largest coupling, and worth
# a warning from the second on.
_ASYMMETRY = 0.1
_NOTICED = 0.02
_LOG = logging.getLogger(__name__)


def from_bonds(
    *,
    lattice_A: ArrayLike,
    fractional: ArrayLike,
    moment_muB: Sequence[float],
    source: ArrayLike,
    target: ArrayLike,
    cell: ArrayLike,
    meV: ArrayLike,
    name: str,
    provenance: Provenance,
    **more: Any,
) -> Exchange:
    """Exchange artifact from a list of bonds; a bond given in both directions is averaged, one in one gets its partner.

    Parameters
    ----------
    lattice_A : array_like, (3, 3)
        Lattice vectors as rows.
    fractional : array_like, (site, 3)
        Positions.
    moment_muB : sequence of float, (component,)
        Moments.
    source, target, cell, meV : array_like, (bond,), (bond,), (bond, 3), (bond,)
        Components i and j, cell of j, and J_ij.
    more
        Other fields of `Exchange`; sites hold one component each, without 4f moment, unless said otherwise.

    Raises
    ------
    ValueError
        If indices or shares do not fit, the two directions of a bond differ by more than noise, or a site is bound to
        itself.
    """
    count = len(moment_muB)
    forth = np.column_stack([source, target, np.asarray(cell).reshape(-1, 3)]).astype(np.int64)
    back = np.column_stack([forth[:, 1], forth[:, 0], -forth[:, 2:]])
    kept, group = np.unique(np.concatenate([forth, back]), axis=0, return_inverse=True)
    values = np.concatenate([np.asarray(meV, float)] * 2)
    strength = np.bincount(group.ravel(), values) / np.bincount(group.ravel())
    _check_bonds(name, forth, 2 * np.abs(values - strength[group.ravel()])[: len(forth)], np.abs(values).max(initial=0))
    on_site = np.asarray(more.get("component_site", np.arange(count)))
    inside = (kept[:, :2] >= 0).all(axis=1) & (kept[:, :2] < len(on_site)).all(axis=1) & ~kept[:, 2:].any(axis=1)
    for i, j in kept[inside, :2]:
        if on_site[i] == on_site[j]:
            raise ValueError(
                f"exchange of {name}: found a bond of component {i} with component {j} in the same cell, which is site "
                f"{on_site[i]} with itself; expected bonds between different sites"
            )
    fields: dict[str, Any] = {
        "component_site": np.arange(count),
        "atomic_number": np.zeros(count, np.uint8),
        "concentration": np.ones(count),
        "f_moment_muB": np.zeros(count),
        "orbital_moment_muB": np.zeros(count),
        "complete": 1,
        "printed_Tc_K": 0.0,
        "printed_field_Tc_K": 0.0,
        "has_energy": 0,
        "total_energy_eV": 0.0,
        "status": int(Status.CONVERGED),
        "message": "",
        **more,
    }
    return Exchange(
        lattice_A=np.asarray(lattice_A, float),
        fractional=np.asarray(fractional, float),
        moment_muB=np.asarray(moment_muB, float),
        bond_source=kept[:, 0],
        bond_target=kept[:, 1],
        bond_cell=kept[:, 2:],
        bond_meV=strength,
        name=name,
        convention=CONVENTION,
        provenance=provenance,
        **fields,
    )


def _check_bonds(name: str, bonds: NDArray[np.int64], apart: NDArray[np.float64], largest: float) -> None:
    """Warn about bonds whose two directions differ, `apart` in meV, and refuse those that differ by more than noise."""
    if not len(bonds) or apart.max() <= 2 * _NOTICED * largest:
        return
    told = f"exchange of {name}: bond {bonds[apart.argmax()].tolist()} (i, j, cell of j) has two values "
    if apart.max() > 2 * _ASYMMETRY * largest:
        raise ValueError(f"{told}{apart.max():.4g} meV apart, expected J_ij = J_ji")
    _LOG.warning(
        "%s%.2g meV apart, %.0f %% of the largest; taken is the mean", told, apart.max(), 100 * apart.max() / largest
    )


def from_akaikkr(output: AkaiKKROutput, name: str, provenance: Provenance, **more: Any) -> Exchange:
    """Exchange artifact of a run with ``go j``: the table is spread over all equivalent pairs by symmetry.

    The printed moments leave out an open 4f core, so that its moment g_J J is added to rare earths of such a run.
    Where spheres leave room between them the spin moment of the cell differs from the sum over sites; the difference
    is shared out over the components by the size of their moments, so that the sum is the printed one.
    AkaiKKR counts J_ij with e along each component's own direction in the state computed: all e parallel there.
    Status and message say how the run ended, see `ending`; a `message` given with `more` goes before.

    Raises
    ------
    ValueError
        If the output has no table of J_ij, or the symmetry does not give the multiplicities of the table.
    """
    if not output.couplings:
        raise ValueError(f"{output.path}: found no table of J_ij (go={output.go}), expected that of a run with go=j...")
    names = [site.name for site in output.types]
    sites = [names.index(kind) for _, kind in output.atoms]
    shares, first, components = _components(output, sites)
    primitive = np.array(output.primitive_vectors)
    positions = np.array([place for place, _ in output.atoms]) @ np.linalg.inv(primitive)
    source, target, cells, meV = symmetry.spread(output, primitive, positions, sites, first)
    status, told = ending(output)
    message = "; ".join(text for text in (more.pop("message", ""), told) if text)
    return from_bonds(
        lattice_A=primitive * output.a_bohr * BOHR_A,
        fractional=positions,
        moment_muB=_shared_out(np.array([one[1] for one in components]), shares, output.total_moment_muB).tolist(),
        source=source,
        target=target,
        cell=cells,
        meV=meV,
        name=name,
        provenance=provenance,
        component_site=np.array([one[2] for one in components]),
        atomic_number=np.array([one[0] for one in components], np.uint8),
        concentration=shares,
        f_moment_muB=np.array([one[3] for one in components]),
        complete=int(is_complete(output)),
        orbital_moment_muB=np.array([one[4] for one in components]),
        printed_Tc_K=output.Tc_K or 0.0,
        has_energy=int(output.total_energy_Ry is not None),
        total_energy_eV=(output.total_energy_Ry or 0.0) * RYDBERG_MEV * 1e-3,
        status=int(status),
        message=message,
        **more,
    )


def is_complete(output: AkaiKKROutput) -> bool:
    """Whether the table has every kind of pair that was announced, each with all pairs of components."""
    counts = {kind.name: len(kind.components) for kind in output.types}
    rows: dict[int, set[tuple[int, int]]] = {}
    wanted: dict[int, int] = {}
    for row in output.couplings:
        same = row.type_1 == row.type_2
        one, two = row.component_1, row.component_2
        rows.setdefault(row.index, set()).add((min(one, two), max(one, two)) if same else (one, two))
        a, b = counts[row.type_1], counts[row.type_2]
        wanted[row.index] = a * (a + 1) // 2 if same else a * b
    return len(rows) == output.j_numbers.get("npair") and all(len(rows[k]) == wanted[k] for k in rows)


def ending(output: AkaiKKROutput) -> tuple[Status, str]:
    """How a run with ``go j`` ended, and in words what is wrong with it.

    An output that ends within the list of pairs, behind a whole table and its T_C, has all that is taken from it:
    converged, with a message.
    """
    name = Path(output.path).name
    if output.errors:
        return Status.FAILED, f"{name}: {output.errors[0]}"
    if output.no_convergence:
        last = output.iterations[-1]["err"] if output.iterations else float("nan")
        return Status.NOT_CONVERGED, f"{name}: no convergence, error 10^{last:.2f}"
    if not output.last_iteration:
        return Status.FAILED, f"{name}: cut off before the end of the iterations"
    if output.Tc_K is None or not is_complete(output):
        return Status.FAILED, f"{name}: the table of J_ij is cut off or lacks rows"
    return Status.CONVERGED, "" if output.finished else f"{name}: ends behind the table of J_ij, before the run"


def _shared_out(
    spin_muB: NDArray[np.float64], shares: NDArray[np.float64], cell_muB: float | None
) -> NDArray[np.float64]:
    """Spin moments of the components with a sum that is the moment of the cell, if that was printed."""
    size = float(shares @ np.abs(spin_muB))
    lacking = (cell_muB - float(shares @ spin_muB)) if cell_muB is not None else 0.0
    # Four decimals of the cell, five of every component: what is below is rounding.
    if size == 0 or not np.isfinite(lacking) or abs(lacking) <= 5e-5 + 5e-6 * shares.sum():
        return spin_muB
    return spin_muB + lacking * np.abs(spin_muB) / size


def _components(
    output: AkaiKKROutput, sites: Sequence[int]
) -> tuple[NDArray[np.float64], NDArray[np.int64], list[tuple[int, float, int, float, float]]]:
    """Shares, first component of each site, and (Z, spin, site, 4f and orbital moment) of each component."""
    offsets = np.concatenate([[0], np.cumsum([len(kind.components) for kind in output.types])])
    shares: list[float] = []
    first: list[int] = []
    components: list[tuple[int, float, int, float, float]] = []
    for site, kind in enumerate(sites):
        first.append(len(components))
        for number, (z, share) in enumerate(output.types[kind].components):
            block = int(offsets[kind]) + number
            printed = output.components[block] if block < len(output.components) else None
            spin = (printed.spin_moment_muB or 0.0) if printed else 0.0
            orbital = (printed.orbital_moment_muB or 0.0) if printed else 0.0
            open_core = output.open_core and is_rare_earth(round(z))
            components.append((round(z), spin, site, moment_4f_muB(round(z)) if open_core else 0.0, orbital))
            shares.append(share)
    return np.array(shares), np.array(first), components
