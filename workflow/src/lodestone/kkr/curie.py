"""Everything at finite temperature that follows from the exchange couplings of one crystal."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lodestone.artifacts.curie import METHODS, CurieStatus
from lodestone.artifacts.exchange import Exchange
from lodestone.kkr import binder_crossing, mean_field, rpa, stiffness
from lodestone.kkr.monte_carlo import Points, Sampling, atoms_of, cells_for, moment_per_cell_muB
from lodestone.magnetism import kuzmin
from lodestone.magnetism.figures import polarisation_T

SAMPLING = ("spins", "max_spins", "sweeps", "thermalisation", "over_relaxations")
# Lattices larger than asked for by this factor are told.
_ENLARGED = 1.5


def curie_temperature_K(exchange: Exchange, method: str, points: Points | None = None, **sampling: int) -> float:
    """Curie temperature by one method, ``mean_field``, ``rpa`` or ``monte_carlo`` (with the fields of `Sampling`).

    Raises
    ------
    ValueError
        For an unknown method, incomplete couplings, or if the method finds no temperature.
    """
    if method == "mean_field":
        return mean_field.curie_temperature_K(exchange)
    if method == "rpa":
        return rpa.curie_temperature_K(exchange)
    if method == "monte_carlo":
        return binder_crossing.curie_temperature(points or Points(exchange), Sampling(**sampling)).Tc_K
    raise ValueError(f"method: found {method!r}, allowed are {', '.join(METHODS)}")


def compute(points: Points, settings: Mapping[str, Any], log: logging.Logger) -> dict[str, Any]:
    """Fields of a `Curie` artifact.

    Parameters
    ----------
    points : Points
        The crystal, and where simulated points are kept.
    settings : mapping
        Config section ``curie``: ``methods``, ``temperatures`` and the fields of `Sampling`.
    log : logging.Logger
        Told what was found and what failed.
    """
    exchange = points.exchange
    sampling = Sampling(**{key: settings[key] for key in SAMPLING if key in settings})
    Tc, error = np.zeros(len(METHODS)), np.zeros(len(METHODS))
    status = np.full(len(METHODS), CurieStatus.NOT_ASKED, np.uint8)
    messages: list[str] = []
    crossing = None
    for k, method in enumerate(METHODS):
        if method not in settings["methods"]:
            continue
        try:
            if method == "monte_carlo":
                crossing = binder_crossing.curie_temperature(points, sampling)
                Tc[k], error[k] = crossing.Tc_K, crossing.error_K
            else:
                Tc[k] = curie_temperature_K(exchange, method)
            status[k] = CurieStatus.FOUND
            log.info("%s: %s T_C = %.1f K, error %.1f K", exchange.name, method, Tc[k], error[k])
        except ValueError as problem:
            status[k] = CurieStatus.FAILED
            messages.append(f"{method}: {problem}")
            log.warning("%s: %s", method, problem)
    found = crossing.Tc_K if crossing is not None else 0.0
    curve = _magnetisation(points, sampling, settings["temperatures"], found)
    stiff, reason = _stiffness(exchange, log)
    enlarged = _enlarged(exchange, sampling, crossing, log)
    messages += [text for text in (reason, enlarged) if text]
    return {
        "Tc_K": Tc,
        "Tc_error_K": error,
        "status": status,
        "name": exchange.name,
        "message": "; ".join(messages),
        **curve,
        **_crossing_fields(crossing),
        **stiff,
    }


def _enlarged(
    exchange: Exchange, sampling: Sampling, crossing: binder_crossing.Crossing | None, log: logging.Logger
) -> str:
    """Say by how much lattices are larger than asked for; empty if they are not."""
    atoms = atoms_of(exchange, crossing.cells[1]) if crossing is not None else 0
    if atoms <= _ENLARGED * sampling.spins:
        return ""
    told = f"monte_carlo: {atoms:,} spins in place of {sampling.spins:,}, for the couplings reach far"
    log.warning("%s: %s", exchange.name, told)
    return told


def _crossing_fields(crossing: binder_crossing.Crossing | None) -> dict[str, Any]:
    """Cumulants, empty if no crossing was looked for or found."""
    if crossing is None:
        empty = np.zeros((2, 0))
        return {
            "crossing_temperature_K": np.zeros(0),
            "binder": empty,
            "binder_error": empty,
            "cells": np.zeros((2, 3), np.int64),
        }
    return {
        "crossing_temperature_K": crossing.temperature_K,
        "binder": crossing.binder,
        "binder_error": crossing.binder_error,
        "cells": np.array(crossing.cells),
    }


def _magnetisation(points: Points, sampling: Sampling, shares: Sequence[float], Tc_K: float) -> dict[str, Any]:
    """M(T) at shares of the Monte Carlo T_C with Kuz'min's law, and the moment at T = 0."""
    exchange = points.exchange
    aligned = exchange.total_moment_muB * mean_field.gauge(exchange)
    at_zero = float(aligned @ exchange.concentration)
    temperatures = [share * Tc_K for share in shares] if Tc_K > 0 else []
    cells = cells_for(exchange, sampling.spins)
    done = points.compute([(cells, t, sampling) for t in temperatures])
    found = np.array([moment_per_cell_muB(exchange, point) for point in done]).reshape(-1, 2)
    moment, error = np.abs(found[:, 0]), found[:, 1]
    components = [
        np.sign(m or 1.0) * point["moment_muB"].mean(axis=0) for (m, _), point in zip(found, done, strict=True)
    ]
    fields: dict[str, Any] = {
        "temperature_K": np.array(temperatures),
        "moment_muB": moment,
        "moment_error_muB": error,
        "mu0_Ms_T": np.array([polarisation_T(float(m), exchange.volume_A3) for m in moment]),
        "component_moment_muB": np.array(components).reshape(len(done), len(aligned)),
        "moment_0_muB": abs(at_zero),
        "kuzmin_s": 0.0,
        "kuzmin_rms_muB": 0.0,
        "has_kuzmin": 0,
    }
    below = [t for t in temperatures if t < 0.97 * Tc_K]
    if len(below) >= 3 and at_zero != 0:
        fit = kuzmin.fit(temperatures, moment, Tc_K, M0=abs(at_zero))
        fields.update(kuzmin_s=fit.s, kuzmin_rms_muB=fit.rms, has_kuzmin=1)
    return fields


def _stiffness(exchange: Exchange, log: logging.Logger) -> tuple[dict[str, float], str]:
    """Exchange stiffness, 0 where the couplings give none, and why they do not."""
    try:
        found = stiffness.exchange_stiffness(exchange)
    except ValueError as problem:
        log.warning("no stiffness: %s", problem)
        return {"A_J_m": 0.0, "A_error_J_m": 0.0}, f"no stiffness: {problem}"
    log.info("%s: A = %.3g pJ/m, error %.2g pJ/m", exchange.name, found.A_J_m * 1e12, found.error_J_m * 1e12)
    return {"A_J_m": found.A_J_m, "A_error_J_m": found.error_J_m}, ""
