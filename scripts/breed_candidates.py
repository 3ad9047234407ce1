"""Make the crystals of one generation; writes a `candidates` artifact."""

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.population import Population
from lodestone.logs import job_log
from lodestone.paths import artifact_name
from lodestone.search import candidate, generation
from lodestone.search.settings import SearchSettings
from lodestone.structures import files


def main(job):
    with job_log(job.log[0]) as log:
        params, number = job.params, int(job.wildcards.generation)
        settings = SearchSettings.of(params.settings)
        if job.input.before:
            population = Population.read(job.input.before)
            made = generation.next_generation(population, settings, params.seed, number)
        else:
            made = generation.first_generation(settings, params.seed)
        log.info("%d crystals in generation %d", len(made), number)
        before = {artifact_name(job.input.before): job.input.before} if job.input.before else {}
        parents = {**before, **files.parent_names([job.input.skeletons, *job.input.seeds])}
        provenance = Provenance.of("lodestone genetic search", params.seed, params.settings, parents, params.algorithm)
        candidate.pack(made, provenance).write(job.output.candidates)


if __name__ == "__main__":
    main(snakemake)
