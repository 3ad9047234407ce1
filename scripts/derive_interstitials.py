"""Rank filled hosts by the change of their formation energy; writes an `interstitials` artifact."""

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculations import Calculations
from lodestone.logs import job_log
from lodestone.search import interstitials


def main(job):
    with job_log(job.log[0]) as log:
        params, given = job.params, job.input
        filled, crystals, references = (
            [Calculations.read(path) for path in paths]
            for paths in (given.interstitials, given.crystals, given.references)
        )
        parents = [*given.interstitials, *given.crystals, *given.references]
        label = crystals[0].provenance.backend
        provenance = Provenance.of(label, params.seed, {}, parents, params.algorithm)
        ranked = interstitials.derive(filled, crystals, references, provenance)
        log.info("%d of %d filled crystals have an energy", int(ranked.has_energy.sum()), len(ranked))
        ranked.write(job.output.interstitials)


if __name__ == "__main__":
    main(snakemake)
