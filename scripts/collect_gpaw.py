"""Read what GPAW found for one crystal; writes an `exchange` artifact."""

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculation_status import Status
from lodestone.kkr import gpaw_exchange, gpaw_run
from lodestone.logs import job_log


def main(job):
    with job_log(job.log[0]) as log:
        settings = job.params.settings
        provenance = Provenance.of("GPAW", job.params.seed, settings, [job.input.raw], job.params.algorithm)
        exchange = gpaw_exchange.collect(job.input.raw, job.wildcards.system, provenance)
        log.info("%s: %s %s", exchange.name, Status(exchange.status).name, exchange.message)
        exchange.write(job.output.exchange)
        gpaw_run.clean(job.input.raw)


if __name__ == "__main__":
    main(snakemake)
