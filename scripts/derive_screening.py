"""Put predictions and calculations of the best crystals side by side; writes a `screening` artifact."""

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculations import Calculations
from lodestone.artifacts.curie import Curie
from lodestone.artifacts.population import Population
from lodestone.artifacts.structure_set import StructureSet
from lodestone.logs import job_log
from lodestone.search import choice, coupled, screening


def main(job):
    with job_log(job.log[0]) as log:
        params, given = job.params, job.input
        crystals = [Calculations.read(path) for path in given.crystals]
        references = [Calculations.read(path) for path in given.references]
        found = [StructureSet.read(path) for path in given.coupled]
        curie = coupled.curie_temperatures_K(found[0] if found else None, [Curie.read(path) for path in given.curie])
        provenance = Provenance.of(
            crystals[0].provenance.backend,
            params.seed,
            params.settings,
            [given.population, *given.crystals, *given.references, *given.coupled, *given.curie],
            params.algorithm,
        )
        predictions = choice.predictions(Population.read(given.population))
        threshold = params.settings["min_mu0_Ms_T"]
        table = screening.derive(crystals, references, predictions, curie, threshold, provenance)
        log.info("%d of %d crystals have an energy", int(table.has_energy.sum()), len(table))
        table.write(job.output.screening)


if __name__ == "__main__":
    main(snakemake)
