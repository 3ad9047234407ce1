"""Choose crystals for the back end; writes a `structure_set` artifact."""

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.population import Population
from lodestone.logs import job_log
from lodestone.search import choice, references
from lodestone.structures import readers


def main(job):
    with job_log(job.log[0]) as log:
        params, given = job.params, job.input
        settings = params.settings
        population = Population.read(given.population)
        chosen = choice.best(population, settings["candidates"], settings["min_mu0_Ms_T"], log)
        if settings["references"]:
            chosen += references.entries(settings["minority"], settings["majority"], given.snapshot)
        log.info("%d crystals to validate: %s", len(chosen), ", ".join(entry.name for entry in chosen))
        label = population.provenance.backend
        provenance = Provenance.of(label, params.seed, settings, [given.population], params.algorithm)
        readers.pack(chosen, provenance).write(job.output.crystals)


if __name__ == "__main__":
    main(snakemake)
