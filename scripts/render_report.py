"""Render the report over all studies as one HTML page."""

from lodestone.logs import job_log
from lodestone.report import build


def main(job):
    with job_log(job.log[0]) as log:
        config = job.params.settings
        build.render(dict(job.input.items()), config["results_dir"], config, job.output.report, log)


if __name__ == "__main__":
    main(snakemake)
