"""Write the input for GPAW of one crystal into an archive."""

from lodestone.artifacts.structure_set import StructureSet
from lodestone.kkr import gpaw_exchange
from lodestone.logs import job_log


def main(job):
    with job_log(job.log[0]) as log:
        crystals = StructureSet.read(job.input.crystals)
        gpaw_exchange.prepare(crystals, job.wildcards.system, job.params.settings, job.output.inputs)
        log.info("%s: input for GPAW", job.wildcards.system)


if __name__ == "__main__":
    main(snakemake)
