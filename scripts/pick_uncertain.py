"""Choose the most uncertain crystals of a generation for the back end; writes a `structure_set` artifact."""

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.population import Population
from lodestone.logs import job_log
from lodestone.search import choice
from lodestone.structures import readers


def main(job):
    with job_log(job.log[0]) as log:
        params = job.params
        population = Population.read(job.input.population)
        chosen = choice.most_uncertain(population, params.settings["crystals"])
        log.info("%d crystals to compute: %s", len(chosen), ", ".join(entry.name for entry in chosen))
        label = population.provenance.backend
        parents = [job.input.population]
        provenance = Provenance.of(label, params.seed, params.settings, parents, params.algorithm)
        readers.pack(chosen, provenance).write(job.output.crystals)


if __name__ == "__main__":
    main(snakemake)
