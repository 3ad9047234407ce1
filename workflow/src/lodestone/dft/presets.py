"""Settings by name: those of the three papers whose studies share this layer."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from lodestone.dft.calculation import KINDS, Calculation

HARTREE_EV = 27.211386245988
# Potentials with the 4f electrons in the core, by VASP's names; every one stands for the trivalent ion.
OPEN_CORE = ("Ce", "Pr", "Nd", "Pm", "Sm", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Lu")
# High-spin starts: a self-consistent cycle finds its way down from there more often than up.
START_MOMENTS_MUB = {"Cr": 3.0, "Mn": 4.0, "Fe": 3.0, "Co": 2.0, "Ni": 1.0, "O": 0.2, "default": 0.1}
# 5d moments of the rare earths are antiparallel to the 3d moments.
OPEN_CORE_MOMENT_MUB = -0.3
# U of the Materials Project, for oxides and fluorides (Jain et al., Phys. Rev. B 84, 045115).
HUBBARD_U_EV = {"Co": 3.32, "Cr": 3.7, "Fe": 5.3, "Mn": 3.9, "Mo": 4.38, "Ni": 6.2, "V": 3.25, "W": 6.2}
# Spin-orbit energies are differences of micro-electronvolts.
ANISOTROPY_TOLERANCE_EV = 1e-8
# A constraint on the moments is met, and their forces are right, only at tight convergence.
CONSTRAINED_TOLERANCE_EV = 1e-7

_ND_FE: dict[str, Any] = {
    # Ito et al. (Nd-Fe search): PBE, 350 eV, 4f in the core. The k points are ours: the paper does not give them.
    "cutoff_eV": 350.0,
    "kpoint_spacing_per_A": 0.2,
    "start_moments_muB": {**START_MOMENTS_MUB, **dict.fromkeys(OPEN_CORE, OPEN_CORE_MOMENT_MUB)},
    "potentials": {element: f"{element}_3" for element in OPEN_CORE},
    "energy_tolerance_eV": 1e-6,
    "force_tolerance_eV_A": 0.02,
    "max_ionic_steps": 200,
}
_MAGGEN: dict[str, Any] = {
    # MagGen, supplement S1: largest recommended cutoff, spacing 0.15 (0.10 and 1.5 times the cutoff for K_1).
    "cutoff_eV": 0.0,
    "kpoint_spacing_per_A": 0.15,
    "start_moments_muB": {**START_MOMENTS_MUB, "Fe": 5.0, "Mn": 5.0, "Ni": 5.0, "default": 0.6},
    "hubbard_U_eV": HUBBARD_U_EV,
    "hubbard_with": ("O", "F"),
    "energy_tolerance_eV": 1e-6,
    "ionic_energy_tolerance_eV": 1e-5,
    "force_tolerance_eV_A": 1e-3,
    "max_ionic_steps": 300,
    "corrections": "mp2020",
}
_MMTP: dict[str, Any] = {
    # Magnetic MTP: 25 Ha and 6 x 6 x 6 k points for 16 atoms of bcc Fe-Al (edges of 5.55 to 6.6 angstrom).
    "cutoff_eV": 25 * HARTREE_EV,
    "kpoint_spacing_per_A": 0.19,
    "gamma_centred": False,
    "smearing": "gaussian",
    "smearing_eV": 0.01 * HARTREE_EV,
    "start_moments_muB": START_MOMENTS_MUB,
    "energy_tolerance_eV": 1e-7,
    "force_tolerance_eV_A": 5e-3,
    "max_electronic_steps": 200,
    "max_ionic_steps": 100,
}
_PRESETS = {"nd_fe": _ND_FE, "maggen": _MAGGEN, "mmtp": _MMTP}
_BY_KIND: dict[str, dict[str, Any]] = {
    "anisotropy": {"energy_tolerance_eV": ANISOTROPY_TOLERANCE_EV, "max_electronic_steps": 300},
    "constrained": {"energy_tolerance_eV": CONSTRAINED_TOLERANCE_EV, "max_electronic_steps": 200},
}
_BY_PRESET_AND_KIND: dict[tuple[str, str], dict[str, Any]] = {
    ("maggen", "anisotropy"): {"kpoint_spacing_per_A": 0.10, "cutoff_factor": 1.5},
    ("nd_fe", "anisotropy"): {"kpoint_spacing_per_A": 0.10},
}
NAMES = tuple(_PRESETS)
OVERRIDES = ("cutoff_eV", "kpoint_spacing_per_A", "smearing_eV", "force_tolerance_eV_A", "max_ionic_steps")


def preset(name: str) -> dict[str, Calculation]:
    """Return the calculations of a preset by kind.

    Raises
    ------
    ValueError
        If there is no such preset; the message lists those that there are.
    """
    if name not in _PRESETS:
        raise ValueError(f"preset: found {name!r}, allowed: {', '.join(NAMES)}")
    return {
        kind: Calculation(
            kind=kind, **{**_PRESETS[name], **_BY_KIND.get(kind, {}), **_BY_PRESET_AND_KIND.get((name, kind), {})}
        )
        for kind in KINDS
    }


def from_settings(settings: Mapping[str, Any], kind: str) -> Calculation:
    """Return the calculation of one kind that the config's section ``calculations`` asks for.

    Values of 0 in the section stand for those of the preset.
    """
    changed = {key: settings[key] for key in OVERRIDES if settings.get(key)}
    return dataclasses.replace(preset(settings["preset"])[kind], **changed)
