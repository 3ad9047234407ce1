"""Make the shipped file of anisotropy constants: ``python -m lodestone.structures.make_novamag --help``."""

from __future__ import annotations

import argparse
import gzip
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pymatgen.core import Structure

from lodestone.structures import snapshot
from lodestone.structures.cells import symmetry

LARGEST_MJ_m3 = 20.0  # no magnet has more: L1_0 FePt has 15 by the same method
# What the constants may differ from their own energies by, absolute and relative.
_DEVIATION_MJ_m3, _DEVIATION = 0.1, 0.1
_EV_PER_A3_IN_MJ_m3 = 160.2176634e3
SYMPREC_A = 0.1  # as in the search, whose cubic crystals have no constant either
_UNIAXIAL = range(75, 195)  # space groups, tetragonal to hexagonal, whose unique axis is c
_CUBIC = 195
_DIGITS = 6


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the records named on the command line, write those that can be used, and say what was left out."""
    parser = argparse.ArgumentParser(description="Make the shipped file of crystals with anisotropy constants.")
    parser.add_argument("output", type=Path, help="file to write, such as config/data/labelled/novamag.jsonl.gz")
    parser.add_argument("--records", type=Path, required=True, help="JSON lines of Novamag, gzipped")
    given = parser.parse_args(arguments)
    chosen, reasons = [], Counter[str]()
    for record in _lines(given.records):
        why = refusal(record)
        if why:
            reasons[why] += 1
        else:
            chosen.append(_record(record))
    snapshot.write(given.output, sorted(chosen, key=lambda record: record["id"]))
    print(f"{len(chosen)} crystals; left out: " + "; ".join(f"{n} {why}" for why, n in reasons.most_common()))


def refusal(record: dict[str, Any]) -> str:
    """Return why a record of Novamag cannot be learned from; empty if it can."""
    if "K_MJ_m3" not in record:
        return "without an anisotropy constant"
    if "lattice" not in record:
        return "without a structure"
    crystal = Structure(record["lattice"], record["species"], record["frac_coords"])
    found = symmetry(crystal, SYMPREC_A).number
    if max(found, int(record["spacegroup"])) >= _CUBIC:
        return "cubic within 0.1 angstrom: no constant of second order"
    if found not in _UNIAXIAL or int(record["spacegroup"]) not in _UNIAXIAL:
        return "not uniaxial: one constant about c does not describe it"
    if abs(float(record["K_MJ_m3"][0])) > LARGEST_MJ_m3:
        return f"beyond {LARGEST_MJ_m3:g} MJ/m3"
    return "" if _agrees(record) else "whose constants contradict their own energies"


def _agrees(record: dict[str, Any]) -> bool:
    """Whether K_1 + K_2 is the energy between the c axis and the plane, where the energies are given.

    They are rows of a direction and the energy of the cell in eV.
    """
    if "MAE" not in record:
        return True
    if len(record["MAE"]) % 4:
        return False
    rows = np.array(record["MAE"], float).reshape(-1, 4)
    tilt = 1 - rows[:, 2] ** 2 / (rows[:, :3] ** 2).sum(1)
    volume_A3 = abs(float(np.linalg.det(record["lattice"])))
    energy_eV = rows[np.argmax(tilt), 3] - rows[np.argmin(tilt), 3]
    measured, claimed = energy_eV / volume_A3 * _EV_PER_A3_IN_MJ_m3, float(sum(record["K_MJ_m3"]))
    return abs(measured - claimed) <= _DEVIATION_MJ_m3 + _DEVIATION * abs(measured)


def _record(record: dict[str, Any]) -> dict[str, Any]:
    """Return what is shipped of a record."""
    return {
        "id": record["id"].replace("#", ""),  # a sign that names of structures cannot have
        "lattice": np.round(record["lattice"], _DIGITS).tolist(),
        "species": record["species"],
        "frac_coords": np.round(record["frac_coords"], _DIGITS).tolist(),
        "anisotropy_MJ_m3": round(float(record["K_MJ_m3"][0]), _DIGITS),
    }


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """Read the records of the download; those without a structure included."""
    return (json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines())


if __name__ == "__main__":
    main()
