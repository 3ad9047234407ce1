"""Render the report over all studies as one HTML page."""

from lodestone.logs import job_log
from lodestone.report import render


def main(job):
    with job_log(job.log[0]) as log:
        log.info("rendering %s", job.output.report)
        render.render_report(job.params.settings, job.output.report)


if __name__ == "__main__":
    main(snakemake)
