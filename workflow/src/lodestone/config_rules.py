"""Rules of the config that join several keys; the schema has those of single keys."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from lodestone import config_rules_electronic, config_rules_search, config_rules_spin

Problem = tuple[str, str]
RULES: list[Callable[[dict[str, Any]], Iterator[Problem]]] = []


def broken(config: dict[str, Any]) -> Iterator[Problem]:
    """Problems of a config that has all its keys and fits the schema: path of the key, and what is wrong."""
    for rule in RULES:
        yield from rule(config["hysteresis"])
    search, exchange = config["nd_fe_search"], config["electronic_structure"]["exchange"]
    yield from config_rules_electronic.broken(config["electronic_structure"], search["validation"]["exchange"] > 0)
    yield from _material(config["hysteresis"]["material"]["from"], exchange)
    yield from config_rules_search.broken(search)
    yield from config_rules_search.without_couplings(search, exchange)
    yield from config_rules_spin.broken(config["spin_potential"])


def _material(name: str, exchange: dict[str, Any]) -> Iterator[Problem]:
    """Refuse the name of a crystal that has no couplings."""
    known = [one["name"] for one in exchange["files"]] if exchange["source"] == "files" else exchange["crystals"]
    if name and not name.endswith(".h5") and name not in known:
        crystals = ", ".join(known) or "none"
        yield (
            "hysteresis.material.from",
            f"found {name}, allowed: a crystal with exchange couplings ({crystals}) or a path that ends with .h5",
        )


def _rule(function: Callable[[dict[str, Any]], Iterator[Problem]]) -> Callable[[dict[str, Any]], Iterator[Problem]]:
    """Add a rule to `RULES`."""
    RULES.append(function)
    return function


def _at_most(study: dict[str, Any], key: str, limit: float, why: str) -> Iterator[Problem]:
    """One key of the study must not exceed a limit that follows from other keys."""
    section, name = key.split(".")
    value = study[section][name]
    if value > limit:
        yield f"hysteresis.{key}", f"found {value}, allowed: at most {limit:.6g} ({why})"


@_rule
def grains(study: dict[str, Any]) -> Iterator[Problem]:
    """Refuse an empty range, and more grains than cells."""
    s = study["structures"]
    yield from _at_most(study, "structures.grain_count_min", s["grain_count_max"], "grain_count_max")
    yield from _at_most(study, "structures.grain_count_max", s["cells"] ** 2, "the number of cells, cells * cells")


@_rule
def resolution(study: dict[str, Any]) -> Iterator[Problem]:
    """Refuse cells wider than a domain wall, which would pin it."""
    m = study["material"]
    if m["from"]:
        # Known once the crystal is computed; the job that computes curves refuses such cells then.
        return
    wall_nm = math.pi * math.sqrt(m["A_J_m"] / m["K1_J_m3"]) * 1e9
    yield from _at_most(study, "structures.cell_size_nm", wall_nm, "nm, the width of a domain wall, pi sqrt(A/K1)")


@_rule
def field_steps(study: dict[str, Any]) -> Iterator[Problem]:
    """Zero field and both ends must be among the fields: remanence is read there."""
    step = study["loops"]["field_step_HA"]
    number = round(1 / step)
    # Decimal fractions such as 0.01 are inexact by 1e-16.
    if abs(number * step - 1) > 1e-9:
        near = f"{1 / number:.6g}"
        yield "hysteresis.loops.field_step_HA", f"found {step}, allowed: 1 over a whole number, such as {near} (H_A)"


@_rule
def split(study: dict[str, Any]) -> Iterator[Problem]:
    """Something must be left for training, and a batch must not be larger than the whole."""
    count = study["loops"]["count"]
    yield from _at_most(study, "loops.test_count", count - 2, "count - 2, to leave pairs for training")
    yield from _at_most(study, "loops.batch_size", count, "count")


@_rule
def training(study: dict[str, Any]) -> Iterator[Problem]:
    """Folds and batches must not be larger than what there is to train on."""
    pairs = study["loops"]["count"] - study["loops"]["test_count"]
    folds = study["regressor"]["folds"]
    if pairs >= 2:
        yield from _at_most(study, "regressor.folds", pairs, "the training pairs, count - test_count")
    if folds <= pairs:
        smallest = pairs - -(-pairs // folds)
        yield from _at_most(study, "regressor.batch_size", smallest, "the training pairs of the smallest fold")
    if "cnn" in study["baselines"]["models"] and pairs > 0:
        yield from _at_most(study, "baselines.cnn_batch_size", pairs, "the training pairs, count - test_count")
    yield from _at_most(study, "autoencoder.batch_size", study["autoencoder"]["structures"], "autoencoder.structures")


@_rule
def precision(study: dict[str, Any]) -> Iterator[Problem]:
    """Half precision is for GPUs."""
    a = study["autoencoder"]
    if a["mixed_precision"] and a["device"] == "cpu":
        path = "hysteresis.autoencoder.mixed_precision"
        yield path, "found true with device cpu, allowed: false, or device auto or gpu"


@_rule
def search(study: dict[str, Any]) -> Iterator[Problem]:
    """Refuse more of the best structures than there are."""
    yield from _at_most(study, "inverse.candidates", study["inverse"]["population"], "population")
