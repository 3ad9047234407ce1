"""Follow relaxed orderings in molecular dynamics; writes a `structure_set` artifact."""

from lodestone.logs import job_log
from lodestone.structures import spin_configurations as spin


def main(job):
    with job_log(job.log[0]) as log:
        params, relaxed = job.params, job.input.relaxed
        crystals = spin.from_relaxed(
            relaxed, spin.snapshots, "spin_snapshots", params.seed, params.settings, params.algorithm
        )
        log.info("%d configurations", len(crystals))
        crystals.write(job.output.crystals)


if __name__ == "__main__":
    main(snakemake)
