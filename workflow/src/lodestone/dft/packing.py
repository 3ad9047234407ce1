"""From the results of a batch to its artifact."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculations import Calculations
from lodestone.artifacts.ragged import pack_texts
from lodestone.dft.backend import Backend
from lodestone.dft.calculation import Calculation, Result
from lodestone.dft.spin_axes import cartesian

if TYPE_CHECKING:
    from pymatgen.core import Structure


@dataclass(frozen=True)
class Item:
    """One calculation with its crystal: number in the set, name, geometry at the start, and what came out."""

    index: int
    name: str
    start: Structure
    result: Result


def pack(
    items: Sequence[Item],
    calculation: Calculation,
    backend: Backend,
    preset: str,
    provenance: Provenance,
) -> Calculations:
    """Pack the results of a batch.

    Parameters
    ----------
    items : sequence of Item
        In the order of their numbers.
    calculation : Calculation
        The same for all.
    backend : Backend
        What made them.
    preset : str
        Name of the settings.
    provenance : Provenance
        Of the artifact.
    """
    results = [item.result for item in items]
    final = [item.result.structure or item.start for item in items]
    sized = [(item.result, len(structure)) for item, structure in zip(items, final, strict=True)]
    counts = [sites for _, sites in sized]
    held = [_held(r.magnetic_forces_eV_muB, n) for r, n in sized]
    return Calculations(
        index=np.array([item.index for item in items], dtype=np.int64),
        status=np.array([int(r.status) for r in results], dtype=np.uint8),
        lattice_A=_rows([s.lattice.matrix for s in final], (3, 3)),
        site_offset=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        atomic_number=_joined([np.array(s.atomic_numbers, dtype=np.uint8) for s in final], np.uint8),
        fractional=_joined([s.frac_coords for s in final]).reshape(-1, 3),
        **_energies(results, calculation, backend.models),
        force_eV_A=_joined([_or_zeros(r.forces_eV_A, (n, 3)) for r, n in sized]).reshape(-1, 3),
        stress_eV_A3=_rows([_or_zeros(r.stress_eV_A3, (3, 3)) for r in results], (3, 3)),
        moment_muB=_joined([_or_zeros(_along_axis(r.moments_muB), (n,)) for r, n in sized]),
        total_moment_muB=np.array([r.total_moment_muB or 0.0 for r in results]),
        magnetic_force_eV_muB=_joined([np.nan_to_num(f) for f in held]),
        has_magnetic_force=_joined([np.isfinite(f) for f in held], np.uint8),
        **_flags(results),
        hubbard=np.array([bool(r.hubbard_U_eV) for r in results], dtype=np.uint8),
        ionic_steps=np.array([r.steps for r in results], dtype=np.int64),
        **_texts("name", [item.name for item in items]),
        **_texts("message", [r.message for r in results]),
        **_texts("extra", [_extra(item, calculation) for item in items]),
        kind=calculation.kind,
        backend=backend.name,
        preset=preset,
        moments_signed=int(backend.moments_are_signed),
        settings=calculation.as_dict(),
        models=list(backend.models),
        provenance=provenance,
    )


def _texts(name: str, texts: Sequence[str]) -> dict[str, np.ndarray]:
    """Texts as the two arrays that the artifact has for them."""
    offset, utf8 = pack_texts(texts)
    return {f"{name}_offset": offset, f"{name}_utf8": utf8}


def _energies(results: Sequence[Result], calculation: Calculation, models: Sequence[str]) -> dict[str, np.ndarray]:
    """Energies by calculation, by axis and by model."""
    directions = calculation.axes if calculation.kind == "anisotropy" else ()
    by_axis = [list(r.axis_energies_eV) or [0.0] * len(directions) for r in results]
    by_model = [[r.model_energies_eV.get(name, r.energy_eV or 0.0) for name in models] for r in results]
    return {
        "energy_eV": np.array([r.energy_eV or 0.0 for r in results]),
        "direction": np.array(directions, dtype=float).reshape(-1, 3),
        "axis_energy_eV": np.array(by_axis, dtype=float).reshape(len(results), len(directions)),
        "model_energy_eV": np.array(by_model, dtype=float).reshape(len(results), len(models)),
    }


def _flags(results: Sequence[Result]) -> dict[str, np.ndarray]:
    """Which values exist."""
    values: dict[str, list[Any]] = {
        "has_structure": [r.structure is not None for r in results],
        "has_energy": [r.energy_eV is not None for r in results],
        "has_forces": [r.forces_eV_A is not None for r in results],
        "has_stress": [r.stress_eV_A3 is not None for r in results],
        "has_moments": [r.moments_muB is not None for r in results],
        "has_axis_energies": [bool(r.axis_energies_eV) for r in results],
    }
    return {name: np.array(flags, dtype=np.uint8) for name, flags in values.items()}


def _along_axis(moments: np.ndarray | None) -> np.ndarray | None:
    """Moments (site,) as they are, vectors (site, 3) along the direction of their sum."""
    if moments is None or np.ndim(moments) == 1:
        return moments
    total = np.sum(moments, axis=0)
    length = np.linalg.norm(total)
    axis = total / length if length > 1e-6 else moments[np.linalg.norm(moments, axis=1).argmax()]
    norm = np.linalg.norm(axis)
    return moments @ (axis / norm) if norm > 0 else np.zeros(len(moments))


def _held(forces: np.ndarray | None, sites: int) -> np.ndarray:
    """Magnetic forces (site,), NaN where there is none."""
    return np.full(sites, np.nan) if forces is None else np.asarray(forces, dtype=float)


def _extra(item: Item, calculation: Calculation) -> str:
    """Return what has no array of its own, as JSON."""
    result = item.result
    values = {
        "spin_axes": cartesian(item.start, calculation).tolist() if result.axis_energies_eV else [],
        "run_type": result.run_type,
        "hubbard_U_eV": dict(result.hubbard_U_eV),
        "potentials": dict(result.potentials),
    }
    present = {key: value for key, value in values.items() if value}
    return json.dumps({**result.extras, **present}, sort_keys=True)


def _or_zeros(value: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
    """Array of this shape, zeros where there is none."""
    return np.zeros(shape) if value is None else np.asarray(value, dtype=float)


def _joined(values: Sequence[Any], dtype: Any = np.float64) -> np.ndarray:
    """Arrays one after the other; also none."""
    return np.concatenate([np.asarray(v, dtype=dtype) for v in values]) if values else np.zeros(0, dtype)


def _rows(values: Sequence[Any], shape: tuple[int, ...]) -> np.ndarray:
    """Arrays of one shape as rows; also none."""
    return np.array(values, dtype=float).reshape(-1, *shape)
