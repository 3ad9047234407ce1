"""Rules of the section `spin_potential` that join several keys, or need the table of elements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lodestone.config_rules_electronic import ELEMENTS

Problem = tuple[str, str]
_SYMBOLS = frozenset(ELEMENTS.split())


def broken(section: dict[str, Any]) -> Iterator[Problem]:
    """Problems of a section that has all its keys and fits the schema: path of the key, and what is wrong."""
    for key in ("host", "solute"):
        if section[key] not in _SYMBOLS:
            yield f"spin_potential.{key}", f"found {section[key]}, allowed: elements up to Lr"
    if section["host"] == section["solute"]:
        yield "spin_potential.solute", f"found {section['solute']}, allowed: another element than host"
    if (section["source"] == "files") != bool(section["files"]):
        found = f"{len(section['files'])} files with source: {section['source']}"
        yield "spin_potential.files", f"found {found}, allowed: files where source is files, and only there"
    shipped = (section["host"], section["solute"]) == ("Fe", "Al")
    if section["source"] == "shipped" and not shipped:
        found = f"shipped with {section['host']} and {section['solute']}"
        yield "spin_potential.source", f"found {found}, allowed: computed or files; what is shipped is Fe and Al"
    form = section["form"]
    if form["r_min_A"] >= form["r_cut_A"]:
        found = f"{form['r_min_A']:g} with r_cut_A {form['r_cut_A']:g}"
        yield "spin_potential.form.r_min_A", f"found {found}, allowed: less than r_cut_A"
    for key in ("volume_range", "moment_range_muB"):
        low, high = section["data"][key]
        if low > high:
            yield f"spin_potential.data.{key}", f"found {low:g} to {high:g}, allowed: the smaller first"
    fit = section["fit"]
    if fit["device"] == "gpu" and fit["method"] != "lbfgs":
        yield "spin_potential.fit.method", f"found {fit['method']} with device: gpu, allowed there: lbfgs"
    asked = section["asked"]
    if asked["count"] > asked["pool"]:
        yield "spin_potential.asked.count", f"found {asked['count']}, allowed: up to asked.pool, {asked['pool']}"
    yield from _broken_uses(section)


def _broken_uses(section: dict[str, Any]) -> Iterator[Problem]:
    """Problems of what takes an ensemble."""
    uses, ensembles, dynamics = section["uses"], section["ensembles"], section["dynamics"]
    for key, among in (("magnetic_size", "magnetic_sizes"), ("weight", "weights")):
        if uses[key] not in ensembles[among]:
            allowed = ", ".join(f"{value:g}" for value in ensembles[among])
            yield f"spin_potential.uses.{key}", f"found {uses[key]:g}, allowed: one of ensembles.{among}, {allowed}"
    if uses["members"] > ensembles["members"]:
        found = f"found {uses['members']}, allowed: up to ensembles.members, {ensembles['members']}"
        yield "spin_potential.uses.members", found
    sites = 2 * dynamics["cells"] ** 3
    most = int(section["data"]["max_solute_fraction"] * sites)
    if max(dynamics["solutes"], default=0) > most:
        allowed = f"allowed: up to {most} of {sites} atoms, as data.max_solute_fraction says"
        yield "spin_potential.dynamics.solutes", f"found {max(dynamics['solutes'])}, {allowed}"
