"""Compile every numba function that later jobs share; writes the list of what was run."""

from pathlib import Path

from lodestone.logs import job_log
from lodestone.warm import warm_caches


def main(job):
    with job_log(job.log[0]) as log:
        names = warm_caches(log)
        Path(job.output.warm).write_text("\n".join(names) + "\n")


if __name__ == "__main__":
    main(snakemake)
