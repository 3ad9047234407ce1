"""Read or make the crystals of the study; writes a `structure_set` artifact."""

from lodestone.artifacts.base import Provenance
from lodestone.logs import job_log
from lodestone.structures import build, files


def main(job):
    with job_log(job.log[0]) as log:
        params = job.params
        provenance = Provenance.of(
            build.LABELS[params.settings["source"]],
            params.seed,
            params.settings,
            files.parent_names(job.input.files),
            params.algorithm,
        )
        build.build(params.settings, job.input.files, provenance, log).write(job.output.crystals)


if __name__ == "__main__":
    main(snakemake)
