"""Gather crystals of the elements and known compounds; writes a `structure_set` artifact."""

from lodestone.artifacts.base import Provenance
from lodestone.dft.elements import reference_crystal
from lodestone.logs import job_log
from lodestone.structures import files, training_sets
from lodestone.structures.readers import Entry


def main(job):
    with job_log(job.log[0]) as log:
        params, snapshot = job.params, job.input.snapshot
        settings = params.settings
        parents = files.parent_names([snapshot])
        provenance = Provenance.of(training_sets.LABEL, params.seed, settings, parents, params.algorithm)
        symbols = [settings["minority"], settings["majority"], *settings["light"]]
        elements = [Entry(symbol, "lodestone element table", reference_crystal(symbol)) for symbol in symbols]
        crystals = training_sets.references(settings, snapshot, elements, provenance)
        log.info("%s and %d known compounds", ", ".join(symbols), len(crystals) - len(symbols))
        crystals.write(job.output.crystals)


if __name__ == "__main__":
    main(snakemake)
