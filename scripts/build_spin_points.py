"""Choose labelled configurations that are to be computed anew; writes a `structure_set` artifact."""

from lodestone import random
from lodestone.artifacts.base import Provenance
from lodestone.artifacts.spin_data import SpinData
from lodestone.logs import job_log
from lodestone.spin_potential import points


def main(job):
    with job_log(job.log[0]) as log:
        params, given = job.params, job.input.data
        data = SpinData.read(given)
        provenance = Provenance.of(points.LABEL, params.seed, params.settings, [given], params.algorithm)
        rng = random.stream(params.seed, "spin_points")
        crystals = points.choose(data, params.settings["recomputed"], rng, provenance)
        log.info("computed anew: %s", ", ".join(crystals.names()))
        crystals.write(job.output.crystals)


if __name__ == "__main__":
    main(snakemake)
