"""Run every compiled function that later jobs share, once and on tiny inputs; writes the list of what was run."""

from pathlib import Path

import numpy as np

from lodestone.kkr import lanes
from lodestone.logs import job_log
from lodestone.loop_learning import optimiser
from lodestone.magnetism.material import Material
from lodestone.micromagnetics import loops
from lodestone.microstructure import voronoi

STRUCTURES = {"cells": 32, "grain_count_min": 2, "grain_count_max": 4, "max_misorientation_deg": 90.0}


def main(job):
    with job_log(job.log[0]) as log:
        voronoi.batch(0, "labelled_structures", 0, 1, STRUCTURES)
        voronoi.images(0, "labelled_structures", [0], STRUCTURES, lambda angle: np.sin(angle)[None])
        loops.warm_up(Material(1.61, 4.2e6, 8.0e-12))
        optimiser.warm()
        lanes.warm_up()
        log.info("compiled: structures, images, demagnetisation curves, optimiser, spins")
        Path(job.output.warm).write_text("structures\nimages\ndemagnetisation curves\noptimiser\nspins\n")


if __name__ == "__main__":
    main(snakemake)
