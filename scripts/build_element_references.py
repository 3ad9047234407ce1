"""Gather crystals of all elements of a structure set; writes a `structure_set` artifact."""

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.structure_set import StructureSet
from lodestone.dft import elements
from lodestone.logs import job_log


def main(job):
    with job_log(job.log[0]) as log:
        crystals = StructureSet.read(job.input.crystals)
        present = elements.present(crystals.atomic_number)
        symbols = [symbol for symbol in present if elements.known(symbol)]
        log.info("elements: %s", ", ".join(symbols))
        for symbol in sorted(set(present) - set(symbols)):
            log.warning("%s: no reference crystal is shipped; a crystal of it among the structures can be one", symbol)
        provenance = Provenance.of(
            "lodestone element table", job.params.seed, {}, [job.input.crystals], job.params.algorithm
        )
        references = [elements.reference_crystal(symbol) for symbol in symbols]
        StructureSet.from_structures(references, symbols, provenance).write(job.output.elements)


if __name__ == "__main__":
    main(snakemake)
