"""M_s(T), A(T) and K_1(T) of one crystal for micromagnetics, each with its source."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lodestone.artifacts.anisotropy import Anisotropy
from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.curie import Curie
from lodestone.artifacts.exchange import Exchange
from lodestone.artifacts.material import MaterialTable
from lodestone.magnetism import kuzmin
from lodestone.magnetism.figures import polarisation_T
from lodestone.magnetism.temperature import CALLEN_CALLEN, Law

# The best that there is: exact for classical spins, then the others.
_METHODS = ("monte_carlo", "rpa", "mean_field")
_METHOD_WORDS = {"monte_carlo": "Monte Carlo", "rpa": "RPA", "mean_field": "mean field (too high)"}


def derive(
    exchange: Exchange,
    curie: Curie,
    anisotropy: Anisotropy | None,
    temperatures_K: Sequence[float],
    provenance: Provenance,
) -> MaterialTable:
    """Constants of micromagnetics at temperatures.

    Parameters
    ----------
    exchange, curie : Exchange, Curie
        Couplings of the crystal and what followed from them.
    anisotropy : Anisotropy, optional
        Constants of the structure set; that of the crystal with the same name is taken.
    temperatures_K : sequence of float
        Temperatures.
    provenance : Provenance
        Of the artifact.

    Returns
    -------
    MaterialTable
        Also where something is lacking: its flag is 0, and the message says why.
    """
    label = exchange.provenance.backend
    Tc_K, Tc_source = _curie_temperature(curie)
    full_T = polarisation_T(curie.moment_0_muB, exchange.volume_A3)
    shape, shape_source = _shape(curie, full_T, Tc_K)
    has_Ms = exchange.status == Status.CONVERGED and bool(shape_source)
    notes = [] if has_Ms else [_no_magnetisation(exchange, curie, Tc_K, full_T)]
    has_A = has_Ms and curie.A_J_m > 0
    if has_Ms and not has_A:
        notes.append(curie.message or "no stiffness was found")
    K1, K1_source, lacking = _anisotropy_constant(anisotropy, exchange.name)
    notes += [lacking] if lacking else []
    if has_Ms and exchange.f_moment_muB.any():
        notes.append(
            "4f moments fall off faster than the law, which is one for the whole moment: M_s is an upper bound"
        )
    law = Law(full_T, Tc_K, shape, curie.A_J_m, K1) if has_Ms else None
    rows = np.array([law(t) if law else (0.0, 0.0, 0.0) for t in temperatures_K]).reshape(-1, 3)
    return MaterialTable(
        temperature_K=np.array(temperatures_K, float),
        mu0_Ms_T=rows[:, 0],
        A_J_m=rows[:, 1],
        K1_J_m3=rows[:, 2],
        name=exchange.name,
        message="; ".join(notes),
        has_Ms=int(has_Ms),
        has_A=int(has_A),
        has_K1=int(has_Ms and K1_source != ""),
        mu0_Ms_0_T=full_T if has_Ms else 0.0,
        A_0_J_m=curie.A_J_m if has_A else 0.0,
        A_0_error_J_m=curie.A_error_J_m if has_A else 0.0,
        K1_0_J_m3=K1 if has_Ms else 0.0,
        Tc_K=Tc_K,
        shape=shape,
        Ms_source=_moment_source(exchange) if has_Ms else "",
        A_source=f"damped sums over J_ij of {label}; with M_s^2 (mean field), a model" if has_A else "",
        K1_source=K1_source if has_Ms else "",
        Tc_source=Tc_source,
        shape_source=shape_source,
        provenance=provenance,
    )


def _curie_temperature(curie: Curie) -> tuple[float, str]:
    """Curie temperature by the best method that found one, and that method in words; 0 without one."""
    for method in _METHODS:
        found = curie.curie_temperature_K(method)
        if found:
            return found, f"{_METHOD_WORDS[method]}, {curie.provenance.backend}"
    return 0.0, ""


def _no_magnetisation(exchange: Exchange, curie: Curie, Tc_K: float, full_T: float) -> str:
    """Say why there is no magnetisation."""
    if exchange.status != Status.CONVERGED:
        return f"no magnetisation: couplings with status {Status(exchange.status).name.lower()} ({exchange.message})"
    if Tc_K <= 0:
        return f"no magnetisation: no Curie temperature ({curie.message or 'none was found'})"
    if full_T <= 0:
        return "no magnetisation: the moments of the cell cancel"
    return f"no magnetisation: neither a stiffness nor a Monte Carlo says how M falls off ({curie.message})"


def _moment_source(exchange: Exchange) -> str:
    """Where the moment comes from."""
    parts = [f"spin moments of {exchange.provenance.backend}"]
    if exchange.orbital_moment_muB.any():
        parts.append("its orbital moments")
    if exchange.f_moment_muB.any():
        parts.append("open-core 4f moments by Hund's rules")
    return ", ".join(parts)


def _anisotropy_constant(anisotropy: Anisotropy | None, name: str) -> tuple[float, str, str]:
    """K_1 at T = 0 in J/m3, its source (empty without one), and why there is none."""
    if anisotropy is None:
        return 0.0, "", "no K_1: no anisotropy was computed"
    names = anisotropy.names()
    if name not in names:
        return 0.0, "", f"no K_1: {name} is not among the {len(names)} crystals with a computed anisotropy"
    k = names.index(name)
    if not (anisotropy.has_K1[k] and anisotropy.uniaxial[k]):
        return 0.0, "", f"no K_1: {anisotropy.reasons()[k] or 'the crystal is not uniaxial'}"
    source = f"{anisotropy.provenance.backend} at T = 0; with M_s^{CALLEN_CALLEN} (Callen and Callen), a model"
    return float(anisotropy.K1_J_m3[k]), source, ""


def _shape(curie: Curie, full_T: float, Tc_K: float) -> tuple[float, str]:
    """Shape parameter of quantum spin waves where there is a stiffness, else of classical Monte Carlo, else none."""
    if Tc_K <= 0 or full_T <= 0:
        return 0.0, ""
    reason = "no stiffness"
    if curie.A_J_m > 0:
        shape = kuzmin.shape_of_spin_waves(curie.A_J_m, full_T, Tc_K)
        if shape <= kuzmin.MAX_SHAPE:
            return shape, "spin waves of that stiffness (Bloch's law)"
        reason = f"spin waves would give {shape:.2g}, allowed are values up to {kuzmin.MAX_SHAPE:g}"
    if curie.has_kuzmin:
        return curie.kuzmin_s, f"fit to classical Monte Carlo, a lower bound of M_s far below T_C ({reason})"
    return 0.0, ""
