"""The material of a study: numbers of the config, or what electronic structure found for a crystal at a temperature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lodestone.artifacts.material import MaterialTable
from lodestone.magnetism.domain_wall import wall_width_m
from lodestone.magnetism.material import Material
from lodestone.magnetism.temperature import Law

_KEY = "hysteresis.material"


def material_of(section: Mapping[str, Any], paths: Sequence[str | Path] = ()) -> Material:
    """Return the material that a config section stands for.

    Parameters
    ----------
    section : mapping
        With numbers (`Material.from_config`), or with ``from``, ``temperature_K`` and ``fallback_K1_J_m3``.
    paths : sequence of path
        The `material` artifact, where the section has ``from``.

    Raises
    ------
    ValueError
        If the crystal lacks a constant, or is no uniaxial ferromagnet at the temperature; the message names the key.
    """
    if not section.get("from"):
        return Material.from_config(section)
    if len(paths) != 1:
        raise ValueError(f"{_KEY}.from: found {len(paths)} files for {section['from']}, expected one material artifact")
    return at_temperature(MaterialTable.read(paths[0]), section["temperature_K"], section["fallback_K1_J_m3"])


def at_temperature(table: MaterialTable, temperature_K: float, fallback_K1_J_m3: float = 0.0) -> Material:
    """Return the material of a crystal at a temperature; `fallback_K1_J_m3` is K_1 there if the crystal has none.

    Raises
    ------
    ValueError
        As for `material_of`.
    """
    for flag, what in ((table.has_Ms, "magnetisation"), (table.has_A, "exchange stiffness")):
        if not flag:
            raise ValueError(f"{_KEY}.from: found {table.name} without {what} ({table.message}), expected one with it")
    if not 0 <= temperature_K < table.Tc_K:
        raise ValueError(
            f"{_KEY}.temperature_K: found {temperature_K:g}, allowed: from 0 to below {table.Tc_K:.0f} K, the Curie "
            f"temperature of {table.name} ({table.Tc_source})"
        )
    Ms, A, K1 = Law(table.mu0_Ms_0_T, table.Tc_K, table.shape, table.A_0_J_m, table.K1_0_J_m3)(temperature_K)
    if not table.has_K1:
        K1 = fallback_K1_J_m3
        if K1 <= 0:
            raise ValueError(
                f"{_KEY}.fallback_K1_J_m3: found {K1:g} where {table.name} has no constant of its own "
                f"({table.message}), allowed: K_1 at {temperature_K:g} K, above 0 J/m3"
            )
    if K1 <= 0:
        raise ValueError(
            f"{_KEY}.from: found {table.name} with K_1 = {K1:.3g} J/m3, an easy plane; expected K_1 above 0"
        )
    return Material(Ms, K1, A)


def require_resolved(material: Material, cell_size_nm: float) -> None:
    """Refuse cells wider than a domain wall, which would pin it; config rules do so where the config has the numbers.

    Raises
    ------
    ValueError
        Names the key.
    """
    wall_nm = wall_width_m(material.A_J_m, material.K1_J_m3) * 1e9
    if cell_size_nm > wall_nm:
        raise ValueError(
            f"hysteresis.structures.cell_size_nm: found {cell_size_nm:g}, allowed: at most {wall_nm:.3g} nm, the width "
            "of a domain wall, pi sqrt(A/K1), of the material"
        )
