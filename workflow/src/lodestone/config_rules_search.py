"""Rules of the section `nd_fe_search` that join several keys, or need the table of elements."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lodestone.config_rules_electronic import ELEMENTS
from lodestone.paths_search import coupled

Problem = tuple[str, str]
_SYMBOLS = frozenset(ELEMENTS.split())
_LANTHANIDES = frozenset(ELEMENTS.partition(" Ba ")[2].partition(" Hf ")[0].split())
# Elements of whose crystals none is shipped: no energy can be counted from them (`lodestone.dft.elements.known`).
_NO_CRYSTALS = "He S Br I Hg Po At Rn Fr Ra Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr"
WITHOUT_REFERENCE = frozenset(_NO_CRYSTALS.split())
_ENERGIES = ("formation_energy", "above_hull")


def broken(section: dict[str, Any]) -> Iterator[Problem]:
    """Problems of a section that has all its keys and fits the schema: path of the key, and what is wrong."""
    for path, text in (*_elements(section), *_search(section), *_pretraining(section), *_learning(section)):
        yield f"nd_fe_search.{path}", text


def _elements(section: dict[str, Any]) -> Iterator[Problem]:
    """Two different elements."""
    for key in ("minority", "majority"):
        if section[key] not in _SYMBOLS:
            yield key, f"found {section[key]}, allowed: elements up to Lr"
        elif section[key] in WITHOUT_REFERENCE:
            yield key, f"found {section[key]}, allowed: elements other than {', '.join(sorted(WITHOUT_REFERENCE))}"
    if section["minority"] == section["majority"]:
        yield "majority", f"found {section['majority']}, allowed: another element than minority"
    twice = sorted({section["minority"], section["majority"]} & set(section["interstitials"]["elements"]))
    if twice:
        yield "interstitials.elements", f"found {', '.join(twice)}, allowed: other elements than those searched"


def _search(section: dict[str, Any]) -> Iterator[Problem]:
    """Ranges that hold a composition, weights that are not all zero, a relaxer and objectives that can be had."""
    search = section["search"]
    yield from _range(search)
    for key in ("seeds", "operators"):
        weights = [weight for weight in search[key].values() if isinstance(weight, float)]
        if not any(weights) and not search[key].get("files"):
            yield f"search.{key}", "found weights of 0 only, allowed: one above 0"
    if search["elite"] > 4 * search["population"]:
        yield "search.elite", f"found {search['elite']}, allowed: at most {4 * search['population']} (4 populations)"
    if not set(search["objectives"]) & set(_ENERGIES) or set(search["objectives"]) >= set(_ENERGIES):
        found = ", ".join(search["objectives"])
        yield "search.objectives", f"found {found}, allowed: exactly one of {' and '.join(_ENERGIES)} among them"
    if search["relaxer"] == "calculator" and not search["calculator"]:
        yield "search.calculator", "found nothing with relaxer calculator, allowed: text like package.module:Class"
    try:
        json.loads(search["calculator_arguments"], parse_constant=_no_json)
    except ValueError as error:
        yield "search.calculator_arguments", f"found no JSON ({error}), allowed: a JSON object"


def _no_json(word: str) -> None:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(f"{word} is no number of JSON")


def _range(search: dict[str, Any]) -> Iterator[Problem]:
    """Refuse ranges that hold no composition."""
    low, high = search["min_minority_fraction"], search["max_minority_fraction"]
    if search["min_atoms"] > search["max_atoms"]:
        found = f"found {search['min_atoms']}"
        yield "search.min_atoms", f"{found}, allowed: at most {search['max_atoms']} (max_atoms)"
    elif low > high:
        yield "search.min_minority_fraction", f"found {low:g}, allowed: at most {high:g} (max_minority_fraction)"
    elif not any(
        low - 1e-9 <= few / atoms <= high + 1e-9
        for atoms in range(search["min_atoms"], search["max_atoms"] + 1)
        for few in range(1, atoms)
    ):
        atoms = f"{search['min_atoms']} to {search['max_atoms']} atoms"
        found = f"found {low:g} to {high:g}"
        yield "search.max_minority_fraction", f"{found}, allowed: a range that a cell of {atoms} can have"


def _pretraining(section: dict[str, Any]) -> Iterator[Problem]:
    """Angles among neighbours only."""
    pretraining = section["pretraining"]
    if pretraining["three_body_cutoff_A"] > pretraining["cutoff_A"]:
        found = f"found {pretraining['three_body_cutoff_A']:g}"
        limit = f"{pretraining['cutoff_A']:g} (cutoff_A)"
        yield "pretraining.three_body_cutoff_A", f"{found}, allowed: at most {limit}"


def _learning(section: dict[str, Any]) -> Iterator[Problem]:
    """Refuse a last round after which no generation uses what was learned."""
    learning, last = section["learning"], section["search"]["max_generations"]
    if learning["rounds"] and learning["rounds"] * learning["every"] >= last:
        found = f"found {learning['rounds']} rounds after {learning['every']} generations each"
        yield "learning.rounds", f"{found}, allowed: less than {last} generations in all (search.max_generations)"


def without_couplings(section: dict[str, Any], exchange: dict[str, Any]) -> Iterator[Problem]:
    """Refuse couplings of more crystals than are validated, or by a source that cannot compute them."""
    validation, source = section["validation"], exchange["source"]
    key, count = "nd_fe_search.validation.exchange", validation["exchange"]
    if not count:
        return
    if count > validation["candidates"]:
        yield key, f"found {count}, allowed: at most {validation['candidates']} (candidates)"
    if source == "files":
        where = "electronic_structure.exchange.source"
        yield key, f"found {count} with {where} files, allowed: 0, or akaikkr or gpaw as the source"
    core = [name for name in (section["minority"], section["majority"]) if name in _LANTHANIDES]
    if source == "gpaw" and core:
        yield key, f"found {count} with gpaw and {core[0]}, allowed: 0, or akaikkr, which has open 4f cores"
    twice = sorted({*coupled(validation, section["minority"], section["majority"])} & {*exchange["crystals"]})
    if twice:
        found = f"found {', '.join(twice)}"
        yield "electronic_structure.exchange.crystals", f"{found}, allowed: names other than those of the search"
