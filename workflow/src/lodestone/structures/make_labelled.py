"""Make the shipped file of labelled crystals: ``python -m lodestone.structures.make_labelled --help``."""

from __future__ import annotations

import argparse
import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lodestone.structures import snapshot

_LARGEST_DEVIATION = 0.01  # of the volume per atom: beyond it the crystal was relaxed again since it was labelled
_DIGITS = 5


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the downloads named on the command line and write the labelled file."""
    parser = argparse.ArgumentParser(description="Make the shipped file of crystals with published labels.")
    parser.add_argument("output", type=Path, help="file to write, such as config/data/labelled/maggen.jsonl.gz")
    parser.add_argument("--structures", type=Path, required=True, help="JSON lines of crystals")
    parser.add_argument("--labels", type=Path, nargs="+", required=True, help="tables of MagGen")
    parser.add_argument("--index", type=Path, required=True, help="table that says how well the two agree")
    given = parser.parse_args(arguments)
    labels = {row["ID"]: row for path in given.labels for row in _rows(path)}
    good = {row["id"] for row in _rows(given.index) if _agrees(row)}
    chosen = [_record(r, labels[r["id"]]) for r in snapshot.records(given.structures) if r["id"] in good]
    snapshot.write(given.output, sorted(chosen, key=lambda record: record["id"]))


def _rows(path: Path) -> Iterator[dict[str, str]]:
    """Rows of a gzipped table."""
    return iter(csv.DictReader(io.StringIO(gzip.decompress(path.read_bytes()).decode())))


def _agrees(row: dict[str, str]) -> bool:
    """Whether structure and label belong to the same relaxation."""
    return row["formula_ok"] == "1" and abs(float(row["vol_per_atom_rel_dev"])) <= _LARGEST_DEVIATION


def _record(record: dict[str, Any], row: dict[str, str]) -> dict[str, Any]:
    """Join a crystal and its labels, which are in meV per atom and mu_B per cubic angstrom in the table."""
    volume_A3 = abs(float(np.linalg.det(record["lattice"])))
    sites = len(record["species"])
    return {
        "id": record["id"],
        "lattice": np.round(record["lattice"], _DIGITS).tolist(),
        "species": record["species"],
        "frac_coords": np.round(record["frac_coords"], _DIGITS).tolist(),
        "formation_energy_eV_per_atom": round(float(row["hform"]) / 1000, _DIGITS),
        "moment_muB_per_atom": round(float(row["magnetization"]) * volume_A3 / sites, _DIGITS),
    }


if __name__ == "__main__":
    main()
