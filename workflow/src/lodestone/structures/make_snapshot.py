"""Make the shipped snapshot from downloads: ``python -m lodestone.structures.make_snapshot --help``."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from pathlib import Path

from lodestone.structures import snapshot


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the downloads named on the command line and write the snapshot."""
    parser = argparse.ArgumentParser(description="Make the shipped snapshot of crystal structures.")
    parser.add_argument("output", type=Path, help="file to write, such as config/data/structures/snapshot.jsonl.gz")
    parser.add_argument("--all", type=Path, nargs="+", required=True, help="JSON lines that are all taken")
    parser.add_argument("--some", type=Path, nargs="*", default=[], help="JSON lines of which a part is taken")
    given = parser.parse_args(arguments)
    every = [record for path in given.all for record in snapshot.records(path)]
    others = itertools.chain.from_iterable(map(snapshot.records, given.some))
    chosen = snapshot.select(itertools.chain(others, every), {record["id"] for record in every})
    snapshot.write(given.output, chosen)


if __name__ == "__main__":
    main()
