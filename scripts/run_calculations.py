"""Run one batch of calculations and archive the raw output."""

from lodestone.artifacts.base import Provenance
from lodestone.dft import batches
from lodestone.dft.backends import backend
from lodestone.dft.calculation import Resources
from lodestone.launch import leave_job_step
from lodestone.logs import job_log


def main(job):
    with job_log(job.log[0]) as log:
        settings, given = job.params.settings, job.resources
        engine = backend(settings["backend"], settings["options"])
        key = Provenance.of(engine.label, 0, settings, [job.input.inputs], job.params.algorithm).key
        resources = Resources(
            threads=job.threads,
            mpi_tasks=given.tasks,
            memory_mb=given.mem_mb,
            walltime_s=60.0 * given.runtime,
            launcher=getattr(given, "mpi", "") or "mpirun",
        )
        if given.tasks == 1:
            leave_job_step()
        batches.run(job.input.inputs, job.output.raw, engine, resources, key, log)


if __name__ == "__main__":
    main(snakemake)
