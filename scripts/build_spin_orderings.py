"""Make the orderings of an alloy that its magnetic potential starts from; writes a `structure_set` artifact."""

from lodestone import random
from lodestone.artifacts.base import Provenance
from lodestone.logs import job_log
from lodestone.structures import alloys


def main(job):
    with job_log(job.log[0]) as log:
        params = job.params
        provenance = Provenance.of(alloys.LABEL, params.seed, params.settings, [], params.algorithm)

        def streams(number):
            return random.stream(params.seed, "spin_orderings", number)

        crystals = alloys.orderings(params.settings, streams, provenance)
        log.info("%d orderings: %s", len(crystals), ", ".join(crystals.names()))
        crystals.write(job.output.crystals)


if __name__ == "__main__":
    main(snakemake)
