"""Rules of the section `electronic_structure` that join several keys, or need the table of elements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Problem = tuple[str, str]
ELEMENTS = """
    H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb Mo
    Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au Hg Tl
    Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr
"""
_SYMBOLS = frozenset(ELEMENTS.split())
_STRUCTURES = "electronic_structure.structures"
# A fitted model has no spin-orbit coupling and no moments to hold.
_FITTED_STEPS = ("relax", "static")


def broken(section: dict[str, Any], others_coupled: bool = False) -> Iterator[Problem]:
    """Problems of a section that has all its keys and fits the schema: path of the key, and what is wrong.

    With `others_coupled` crystals of another study have exchange couplings, and this one need not name any.
    """
    yield from _elements(section["structures"])
    yield from _sources(section["structures"])
    yield from _exchange(section["exchange"], others_coupled)
    yield from _calculations(section["calculations"])


def _elements(structures: dict[str, Any]) -> Iterator[Problem]:
    """Symbols must be those of elements."""
    prototypes = structures["prototypes"]
    named = [(f"prototypes.{key}", [prototypes[key]]) for key in ("minority", "majority")]
    named += [(f"systems[{i}]", system.split("-")) for i, system in enumerate(structures["systems"])]
    pairs = [entry["pair"] for entry in structures["min_distances"]]
    named += [(f"min_distances[{i}].pair", pair.split("-")) for i, pair in enumerate(pairs)]
    for key, symbols in named:
        unknown = ", ".join(symbol for symbol in symbols if symbol not in _SYMBOLS)
        if unknown:
            yield f"{_STRUCTURES}.{key}", f"found {unknown}, allowed: elements up to Lr"


def _sources(structures: dict[str, Any]) -> Iterator[Problem]:
    """Files must be named for the source `files`, and prototypes need two elements."""
    if structures["source"] == "files" and not structures["files"]:
        yield f"{_STRUCTURES}.files", "found none with source files, allowed: one path or more"
    prototypes = structures["prototypes"]
    if prototypes["minority"] == prototypes["majority"]:
        found = prototypes["majority"]
        yield f"{_STRUCTURES}.prototypes.majority", f"found {found}, allowed: another element than minority"


def _calculations(calculations: dict[str, Any]) -> Iterator[Problem]:
    """Refuse steps that the fitted model cannot do, and a relaxation after what should start from it."""
    steps = calculations["steps"]
    for number, step in enumerate(steps):
        key = f"electronic_structure.calculations.steps[{number}]"
        if calculations["backend"] == "chgnet" and step not in _FITTED_STEPS:
            yield key, f"found {step} with backend chgnet, allowed: {', '.join(_FITTED_STEPS)}, or abinit or vasp"
        if step == "relax" and number > 0:
            yield key, "found relax after another step, allowed: relax as the first step"


def _exchange(exchange: dict[str, Any], others_coupled: bool) -> Iterator[Problem]:
    """Names once, crystals for AkaiKKR and GPAW, alloys of elements with shares up to 1."""
    where = "electronic_structure.exchange"
    names = [one["name"] for one in exchange["files"]]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        yield f"{where}.files", f"found {', '.join(twice)} more than once, allowed: each name once"
    if exchange["source"] != "files" and not exchange["crystals"] and not others_coupled:
        yield f"{where}.crystals", f"found none with source {exchange['source']}, allowed: one name or more"
    curie = exchange["curie"]
    if curie["spins"] > curie["max_spins"]:
        yield f"{where}.curie.spins", f"found {curie['spins']}, allowed: at most max_spins, {curie['max_spins']}"
    yield from _gpaw(exchange["gpaw"], f"{where}.gpaw")
    for i, alloy in enumerate(exchange["akaikkr"]["alloys"]):
        parts = alloy["becomes"]
        unknown = [name for name in (alloy["element"], *(part["element"] for part in parts)) if name not in _SYMBOLS]
        if unknown:
            yield f"{where}.akaikkr.alloys[{i}]", f"found {', '.join(unknown)}, allowed: elements up to Lr"
        total = sum(part["share"] for part in parts)
        if not 0 < total <= 1 + 1e-9:
            yield f"{where}.akaikkr.alloys[{i}].becomes", f"found shares of {total:g}, allowed: 1 in all at most"


def _gpaw(gpaw: dict[str, Any], where: str) -> Iterator[Problem]:
    """Wave vectors q that join k points, radii of elements, each once."""
    if any(k % q for k, q in zip(gpaw["kpoints"], gpaw["qpoints"], strict=True)):
        found = f"found {gpaw['qpoints']} for {gpaw['kpoints']} k points"
        yield f"{where}.qpoints", f"{found}, allowed: divisors of the k points along each axis"
    elements = [one["element"] for one in gpaw["site_radii"]]
    wrong = sorted({name for name in elements if name not in _SYMBOLS or elements.count(name) > 1})
    if wrong:
        yield f"{where}.site_radii", f"found {', '.join(wrong)}, allowed: elements up to Lr, each once"
