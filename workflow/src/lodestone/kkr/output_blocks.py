"""Readers of the blocks of an AkaiKKR output; each takes the block's first line and moves the cursor past the block."""

from __future__ import annotations

import re
from typing import Any

from lodestone.kkr.lines import NUMBER, Lines, assignments, number, numbers, plain
from lodestone.kkr.output_types import AkaiKKROutput, Component, SiteType

_LABELLED = re.compile(rf"({NUMBER})\s*(?:Ry|kG)?\s*\((\d?[spdfg])\)(\*?)")
_NAMED = re.compile(rf"(core|valence|orbital)=\s*({NUMBER})")
_TYPE = re.compile(
    rf"\s*type=(?P<name>\S+)\s+rmt=\s*(?P<rmt>{NUMBER})\s+field=\s*(?P<field>{NUMBER})\s+lmxtyp=\s*(?P<lmax>\d+)"
)
# The version with conductivities says `cmpnt`, adds a displacement, and calls the share x.
_COMPONENT = re.compile(
    rf"\s*(?:component=|cmpnt)\s*\d+\s+(?:dsp=(?:\s*{NUMBER}){{3}}\s+)?"
    rf"anclr=\s*(?P<z>{NUMBER})\s+(?:conc|x)=\s*(?P<share>{NUMBER})"
)
_SPIN = re.compile(rf"spin moment=\s*({NUMBER})")
_ORBITAL = re.compile(rf"orbital moment=\s*({NUMBER})")
_FIXED = re.compile(rf"fixed spin moment=\s*({NUMBER})\s+field used to fix the spin=\s*({NUMBER})")
_HEAD = re.compile(rf"\s*\*\*\* type-(?P<type>\S+)\s+(?P<symbol>\S+)\s+\(z=\s*(?P<z>{NUMBER})\) \*\*\*")


def mesh(line: str, lines: Lines, out: AkaiKKROutput) -> None:
    """Sizes of the meshes, under their names."""
    values = lines.take(next(iter(lines), ""), 4, "meshr, mse, ng and mxl")
    out.mesh = {name: int(value) for name, value in zip(line.split(), values, strict=True)}


def parameters(line: str, lines: Lines, out: AkaiKKROutput) -> None:
    """Read the input as the program understood it."""
    lines.skip_blank()
    for text in lines.block():
        out.parameters.update({key: plain(value) for key, value in assignments(text).items()})
    if "go" not in out.parameters:
        raise lines.error(lines.lines[max(lines.at - 1, 0)], "the task, go=...")


def energy_mesh(line: str, lines: Lines, out: AkaiKKROutput) -> None:
    """Energies of the contour."""
    for text in lines.block():
        for point in re.findall(rf"\d+\(\s*({NUMBER}),\s*({NUMBER})\)", text):
            out.energy_mesh_Ry.append((number(point[0]), number(point[1])))


def lattice(line: str, lines: Lines, out: AkaiKKROutput) -> None:
    """Bravais lattice, lattice constant, volume."""
    for text in lines.block():
        out.lattice.update({key: plain(value) for key, value in assignments(text).items()})
        if match := re.search(rf"(unit cell volume|volume filling)=\s*({NUMBER})", text):
            out.lattice[match.group(1).replace(" ", "_")] = number(match.group(2))
    if not isinstance(out.lattice.get("a"), int | float):
        raise lines.error(line, "the lattice constant, a=")


def primitive_vectors(line: str, lines: Lines, out: AkaiKKROutput) -> None:
    """Three vectors in units of a."""
    out.primitive_vectors = [tuple(lines.take(text.partition("(")[2], 3, "a vector")) for text in lines.block()]


def reciprocal_vectors(line: str, lines: Lines, out: AkaiKKROutput) -> None:
    """Three vectors in units of 2 pi/a."""
    out.reciprocal_vectors = [tuple(lines.take(text.partition("(")[2], 3, "a vector")) for text in lines.block()]


def site_types(line: str, lines: Lines, out: AkaiKKROutput) -> None:
    """Types of site with their components."""
    for text in lines.block():
        if match := _TYPE.match(text):
            rmt, field = number(match["rmt"]), number(match["field"])
            out.types.append(SiteType(match["name"], rmt, field, int(match["lmax"])))
        elif (match := _COMPONENT.match(text)) and out.types:
            out.types[-1].components.append((number(match["z"]), number(match["share"])))
        else:
            raise lines.error(text, "type=, rmt=, field=, lmxtyp= or component=, anclr=, conc=")


def atoms(line: str, lines: Lines, out: AkaiKKROutput) -> None:
    """Positions, Cartesian in units of a."""
    for text in lines.block():
        place, _, name = text.partition("type=")
        position = lines.take(place.partition("=")[2], 3, "a position and type=")
        out.atoms.append((tuple(position), name.strip()))


def symmetry(line: str, lines: Lines, out: AkaiKKROutput) -> None:
    """Which operations the crystal has, with inversion (u) and without (g)."""
    for text in lines.block():
        kind, *found = text.split()
        out.symmetry_operations[kind] = [int(n) for n in found if n.isdigit()]


def core_configuration(line: str, lines: Lines, out: AkaiKKROutput) -> None:
    """Core states of one element, filled by spin."""
    one: dict[str, object] = {"Z": numbers(line)[-1]}
    for text in lines.block():
        kind, *entries = text.split()
        one[kind] = entries if kind == "state" else [int(n) for n in entries if n.lstrip("-").isdigit()]
    out.core_configurations.append(one)


def atomic_levels(line: str, lines: Lines, out: AkaiKKROutput) -> None:
    """Levels of the free atom that the first potential comes from."""
    for text in lines.block():
        if match := re.match(rf"\s*(\d[spdf])\s+({NUMBER})\s+({NUMBER})", text):
            out.atomic_levels.append((match.group(1), number(match.group(2)), number(match.group(3))))


def last_iteration(line: str, lines: Lines, out: AkaiKKROutput) -> None:
    """Read what is printed once the iterations end."""
    found: dict[str, Any] = {key: plain(value) for key, value in assignments(line).items()}
    while (text := lines.peek()) is not None and not re.match(r"\s*\*\*\* type-", text):
        lines.at += 1
        if re.match(r"\s*itr=", text) and "chr,spn" in text:
            found["iteration"] = numbers(text)
        elif "rms err=" in text:
            found["rms_errors"] = numbers(text)
            rest = lines.peek()
            while rest is not None and re.fullmatch(rf"(\s*({NUMBER}))+\s*", rest):
                found["rms_errors"] += numbers(rest)
                lines.at += 1
                rest = lines.peek()
        elif re.match(r"\s*ef=", text):
            before, _, after = text.partition("def=")
            out.fermi_energy_Ry, out.fermi_density = tuple(numbers(before)), tuple(numbers(after))
        if match := re.search(rf"band energy=\s*({NUMBER})", text):
            out.band_energy_Ry = number(match.group(1))
        if match := re.search(rf"total energy=\s*({NUMBER})", text):
            out.total_energy_Ry = number(match.group(1))
        if match := re.search(rf"magnetization=\s*({NUMBER}) T", text):
            out.magnetization_T = number(match.group(1))
        if match := _FIXED.search(text):
            found["fixed_spin_moment"], found["fixing_field_Ry"] = map(number, match.groups())
        if re.search(r"calculation starts|sbtime report", text):
            lines.at -= 1
            break
    out.last_iteration = found


def component(line: str, lines: Lines, out: AkaiKKROutput) -> None:
    """Charges, moments, levels and hyperfine field of one component."""
    head = _HEAD.match(line)
    if head is None:
        raise lines.error(line, "*** type-NAME  SYMBOL (z= NUMBER) ***")
    one = Component(head["type"], head["symbol"], number(head["z"]))
    out.components.append(one)
    section, spin = "", "up"
    stop = re.compile(r"\s*(\*\*\* type-|BZ-mesh|sbtime|J_ij calc|Tc calc|elapsed)")
    while (text := lines.peek()) is not None and not stop.match(text):
        lines.at += 1
        if match := re.match(
            r"\s*(core level|orbital occupation|hyperfine field|charge density|core contribution)", text
        ):
            section = (
                "nuclear" if section in ("charge density", "nuclear") and "contribution" in text else match.group(1)
            )
            spin = "down" if "down" in text else "up"
        else:
            _component_line(text, one, section, spin)


def _component_line(text: str, one: Component, section: str, spin: str) -> None:
    """One line of a component's block, by what stands in it or by the heading above it."""
    values = numbers(text)
    if text.lstrip().startswith("core charge in"):
        one.core_charge = values[-1]
    elif "valence charge in the cell" in text:
        shells = {label: number(value) for value, label, _ in _LABELLED.findall(text.partition("=")[2])}
        (one.valence_down if "spin down" in text else one.valence_up).update(shells)
    elif "total charge=" in text:
        one.total_charge, one.valence_charge = values[0], tuple(values[1:])
    elif match := _SPIN.search(text):
        orbital = _ORBITAL.search(text)
        one.spin_moment_muB = number(match.group(1))
        one.orbital_moment_muB = number(orbital.group(1)) if orbital else None
    elif "orbital current" in text:
        one.orbital_current = tuple(values)
    elif section == "orbital occupation":
        if match := re.match(r"\s*([spdfg])\s+(.*)", text):
            shells_m = one.occupation_down if spin == "down" else one.occupation_up
            shells_m[match.group(1)] = tuple(numbers(match.group(2)))
    elif section in ("hyperfine field", "charge density") and "(" in text:
        into = one.hyperfine_kG if section == "hyperfine field" else one.nuclear_charge_density
        into.update({"total": values[0], **{name: number(value) for name, value in _NAMED.findall(text)}})
    else:
        _levels(text, one, section, spin)


def _levels(text: str, one: Component, section: str, spin: str) -> None:
    """Numbers with the name of a core state behind them."""
    into = {
        "core level": one.core_levels_down_Ry if spin == "down" else one.core_levels_up_Ry,
        "core contribution": one.hyperfine_core_kG,
        "nuclear": one.nuclear_core_density,
    }.get(section)
    for value, label, star in _LABELLED.findall(text) if into is not None else ():
        into[label] = number(value)  # type: ignore[index]
        if star:
            one.shallow_levels.append(f"{label} {spin}")


def routine_times(line: str, lines: Lines, out: AkaiKKROutput) -> None:
    """Read calls and seconds of the most costly routines."""
    for text in lines.block():
        if match := re.match(r"\s*(routine|count|cpu\(sec\))\s+(.*)", text):
            out.routine_times[match.group(1)] = numbers(match.group(2))
    out.finished = True
