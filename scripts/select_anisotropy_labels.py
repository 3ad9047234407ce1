"""Gather crystals with published anisotropy constants; writes a `labelled_set` artifact."""

from lodestone.logs import job_log
from lodestone.structures import labelled


def main(job):
    with job_log(job.log[0]) as log:
        params, publication = job.params, labelled.ANISOTROPY
        chosen = labelled.gather(job.input.published, publication, params.seed, params.settings, params.algorithm)
        chosen.write(job.output.labels)
        log.info("%d crystals with labels by %s", len(chosen.names()), publication.labels_from)


if __name__ == "__main__":
    main(snakemake)
