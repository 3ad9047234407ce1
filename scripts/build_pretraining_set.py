"""Choose crystals for the force field before it is specialised; writes a `structure_set` artifact."""

from lodestone import random
from lodestone.artifacts.base import Provenance
from lodestone.logs import job_log
from lodestone.structures import files, training_sets


def main(job):
    with job_log(job.log[0]) as log:
        params, snapshot = job.params, job.input.snapshot
        parents = files.parent_names([snapshot])
        provenance = Provenance.of(training_sets.LABEL, params.seed, params.settings, parents, params.algorithm)

        def streams(number):
            return random.stream(params.seed, "pretraining_copies", number)

        training_sets.others(params.settings, snapshot, streams, provenance, log).write(job.output.crystals)


if __name__ == "__main__":
    main(snakemake)
