"""Read exchange couplings that another program wrote; writes an `exchange` artifact."""

from lodestone.artifacts.base import Provenance
from lodestone.kkr import sources
from lodestone.logs import job_log


def main(job):
    with job_log(job.log[0]) as log:
        kind = sources.kind_of(sources.Path(job.input.couplings[0]))
        settings = {"kind": kind, "name": job.wildcards.system}
        label = sources.label(kind)
        provenance = Provenance.of(label, job.params.seed, settings, job.input.couplings, job.params.algorithm)
        exchange = sources.read(job.input.couplings[0], provenance, job.wildcards.system)
        log.info("%s: %d bonds from %s", exchange.name, len(exchange.bond_meV), label)
        exchange.write(job.output.exchange)


if __name__ == "__main__":
    main(snakemake)
