"""Predict all crystals that compete, rank them and keep the best; writes a `population` artifact."""

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.population import Population
from lodestone.artifacts.relaxed_candidates import RelaxedCandidates
from lodestone.logs import job_log
from lodestone.search import judging, selection
from lodestone.search.settings import SearchSettings


def main(job):
    with job_log(job.log[0]) as log:
        params, given = job.params, job.input
        settings, device = SearchSettings.of(params.settings), params.settings["device"]
        before = [given.before] if given.before else []
        parents = [*before, *given.relaxed, *given.models]
        provenance = Provenance.of("ALIGNN", params.seed, params.settings, parents, params.algorithm)
        parts = [RelaxedCandidates.read(path) for path in given.relaxed]
        relaxed = RelaxedCandidates.concatenate(parts, provenance)
        population = Population.read(before[0]) if before else None
        if population is not None and judging.other_models(population, given.models) and not population.converged:
            judged = judging.judge(population, given.models, device)
            population = selection.revalued(population, judged, settings, provenance)
        values = judging.judge(relaxed, given.models, device)
        population = selection.select(population, relaxed, values, settings, provenance)
        log.info("%d crystals, %d on the front", len(population), len(population.front()))
        if population.converged:
            log.info("converged: the front is unchanged for %d generations", population.unchanged)
        population.write(job.output.population)


if __name__ == "__main__":
    main(snakemake)
