"""Choose validated crystals whose exchange couplings are computed; writes a `structure_set` artifact."""

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculations import Calculations
from lodestone.logs import job_log
from lodestone.search import coupled
from lodestone.structures import readers


def main(job):
    with job_log(job.log[0]) as log:
        params, given = job.params, job.input
        settings = params.settings
        crystals = [Calculations.read(path) for path in given.crystals]
        references = [Calculations.read(path) for path in given.references]
        parents = [*given.crystals, *given.references]
        backend = crystals[0].provenance.backend
        provenance = Provenance.of(backend, params.seed, settings, parents, params.algorithm)
        pair = settings["minority"], settings["majority"]
        chosen = coupled.choose(crystals, references, settings["exchange"], pair, provenance)
        log.info("%s", ", ".join(f"{entry.name}: {entry.source}" for entry in chosen))
        readers.pack(chosen, provenance).write(job.output.crystals)


if __name__ == "__main__":
    main(snakemake)
