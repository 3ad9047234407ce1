"""Specialise a model for the two elements; writes `graph_model` and `transfer` artifacts."""

from lodestone.graph_models.specialising import specialise_files
from lodestone.logs import job_log


def main(job):
    with job_log(job.log[0]) as log:
        params, given, made = job.params, job.input, job.output
        specialise_files(
            given.model,
            given.labels,
            made.model,
            made.transfer,
            seed=params.seed,
            settings=params.settings,
            algorithm=params.algorithm,
            log=log,
        )


if __name__ == "__main__":
    main(snakemake)
