"""Run GPAW for one crystal, from where a killed job left off, and archive what it found."""

from lodestone.artifacts.base import Provenance
from lodestone.kkr import gpaw_run
from lodestone.launch import leave_job_step
from lodestone.logs import job_log


def main(job):
    with job_log(job.log[0]) as log:
        leave_job_step()
        settings = job.params.settings
        key = Provenance.of("GPAW", 0, settings, [job.input.inputs], job.params.algorithm).key
        # What is left to the job, less a share to write the archive.
        limits = job.threads, 0.95 * 60.0 * job.resources.runtime
        gpaw_run.execute(job.input.inputs, job.output.raw, settings, key, limits, log)


if __name__ == "__main__":
    main(snakemake)
