"""Draw one batch of grain structures; writes a `grains` artifact."""

from lodestone import caches
from lodestone.artifacts.base import Provenance
from lodestone.artifacts.grains import Grains
from lodestone.logs import job_log
from lodestone.microstructure import voronoi


def main(job):
    with job_log(job.log[0]) as log:
        caches.refresh(job.input.get("warm"), log)
        params, settings = job.params, job.params.settings["structures"]
        start, stop = params.indices
        log.info("drawing structures %d to %d", start, stop - 1)
        drawn = voronoi.batch(params.seed, "labelled_structures", start, stop, settings, threads=job.threads)
        Grains(
            **vars(drawn),
            cell_size_nm=[settings["cell_size_nm"], settings["cell_size_nm"], settings["cell_height_nm"]],
            provenance=Provenance.of("lodestone Voronoi", params.seed, params.settings, [], params.algorithm),
        ).write(job.output.grains)


if __name__ == "__main__":
    main(snakemake)
