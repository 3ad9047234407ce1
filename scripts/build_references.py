"""Gather crystals of the elements, known compounds and molecules; writes two `structure_set` artifacts."""

from lodestone.artifacts.base import Provenance
from lodestone.dft.elements import is_molecular, reference_crystal
from lodestone.logs import job_log
from lodestone.structures import files, readers, training_sets
from lodestone.structures.readers import Entry


def main(job):
    with job_log(job.log[0]) as log:
        params, snapshot = job.params, job.input.snapshot
        settings = params.settings
        parents = files.parent_names([snapshot])
        provenance = Provenance.of(training_sets.LABEL, params.seed, settings, parents, params.algorithm)
        symbols = [settings["minority"], settings["majority"], *settings["light"]]
        elements = [Entry(symbol, "lodestone element table", reference_crystal(symbol)) for symbol in symbols]
        gases = [entry for entry in elements if is_molecular(entry.name)]
        solids = [entry for entry in elements if entry not in gases]
        crystals = training_sets.references(settings, snapshot, solids, provenance)
        log.info("%s and %d known compounds", ", ".join(symbols), len(crystals) - len(solids))
        crystals.write(job.output.crystals)
        readers.pack(gases, provenance).write(job.output.gases)


if __name__ == "__main__":
    main(snakemake)
