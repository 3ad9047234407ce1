"""Run every compiled function that later jobs share, once and on tiny inputs; writes the list of what was run."""

from pathlib import Path

from lodestone import caches
from lodestone.logs import job_log


def main(job):
    with job_log(job.log[0]) as log:
        done = caches.warm()
        log.info("compiled: %s", ", ".join(done))
        Path(job.output.warm).write_text(caches.mark_text(done))


if __name__ == "__main__":
    main(snakemake)
