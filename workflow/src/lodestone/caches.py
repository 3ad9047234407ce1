"""Compiled functions: made once, before jobs that share numba's cache run side by side.

Two processes that compile into one cache at the same time can spoil it. The rule `warm_caches` fills the cache before
anything fans out; its mark holds a hash of the sources, and a job that finds another hash there (the package has been
edited or upgraded since) fills the cache again, alone, before it starts.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
from pathlib import Path

SOURCES = Path(__file__).resolve().parent


def source_hash() -> str:
    """Return a hash of the modules with compiled functions."""
    digest = hashlib.sha256()
    for path in sorted(SOURCES.rglob("*.py")):
        text = path.read_bytes()
        if b"numba" in text or b"compiled" in text:
            digest.update(path.relative_to(SOURCES).as_posix().encode() + text)
    return digest.hexdigest()


def warm() -> list[str]:
    """Run every compiled function that jobs share on tiny inputs; returns what was run."""
    import numpy as np

    from lodestone.graph_models import kernels
    from lodestone.kkr import lanes
    from lodestone.loop_learning import optimiser
    from lodestone.magnetism.material import Material
    from lodestone.micromagnetics import loops
    from lodestone.microstructure import voronoi
    from lodestone.search.warm import warm_up as warm_search
    from lodestone.spin_potential import warm as spin_potentials
    from lodestone.structures import neighbours

    structures = {"cells": 32, "grain_count_min": 2, "grain_count_max": 4, "max_misorientation_deg": 90.0}
    voronoi.batch(0, "labelled_structures", 0, 1, structures)
    voronoi.images(0, "labelled_structures", [0], structures, lambda angle: np.sin(angle)[None])
    loops.warm_up(Material(1.61, 4.2e6, 8.0e-12))
    optimiser.warm()
    lanes.warm_up()
    warm_search()
    neighbours.warm()
    kernels.warm()
    spin_potentials.warm_up()
    known = ["structures", "images", "demagnetisation curves", "optimiser", "spins", "graph networks", "crystals"]
    return [*known, "magnetic potentials"]


def clear() -> None:
    """Remove what numba keeps beside the sources: it looks for changes in a function's own file only."""
    for path in SOURCES.rglob("__pycache__/*.nb[ic]"):
        with contextlib.suppress(OSError):  # an installed package may be read-only; numba's cache is elsewhere then
            path.unlink()


def mark_text(done: list[str]) -> str:
    """Return what the mark of a warm cache holds: the hash of the sources and what was run."""
    return "\n".join([source_hash(), *done, ""])


def refresh(mark: str | Path | None, log: logging.Logger) -> None:
    """Fill the cache again if the mark was made from other sources; one job does it, the others wait.

    The mark keeps its time, so that Snakemake sees no change: what was computed stays valid until an `algorithm`
    integer is raised.
    """
    if mark is None or _made_from_these_sources(Path(mark)):
        return
    mark = Path(mark)
    with mark.with_name(f"{mark.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _made_from_these_sources(mark):
            return
        log.info("the package has changed: compiling again")
        clear()
        times = mark.stat()
        text = mark_text(warm())
        mark.write_text(text)
        os.utime(mark, ns=(times.st_atime_ns, times.st_mtime_ns))


def _made_from_these_sources(mark: Path) -> bool:
    return mark.read_text().partition("\n")[0] == source_hash()
