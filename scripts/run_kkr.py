"""Run AkaiKKR for one crystal, with restarts where it does not converge, and archive what it printed."""

from lodestone.artifacts.base import Provenance
from lodestone.kkr import stages
from lodestone.launch import leave_job_step
from lodestone.logs import job_log


def main(job):
    with job_log(job.log[0]) as log:
        settings = job.params.settings
        key = Provenance.of("AkaiKKR", 0, settings, [job.input.inputs], job.params.algorithm).key
        # What is left to the job, less a share to write the archive.
        limits = job.threads, 0.95 * 60.0 * job.resources.runtime
        leave_job_step()
        stages.execute(job.input.inputs, job.output.raw, settings, key, limits, log)


if __name__ == "__main__":
    main(snakemake)
