"""Write the AkaiKKR inputs of one crystal into an archive."""

from lodestone.artifacts.structure_set import StructureSet
from lodestone.kkr import stages
from lodestone.logs import job_log


def main(job):
    with job_log(job.log[0]) as log:
        crystals = StructureSet.read(job.input.crystals)
        system, params = job.wildcards.system, job.params
        stages.prepare(crystals, system, params.settings, job.output.inputs, params.found)
        log.info("%s: inputs for AkaiKKR", system)


if __name__ == "__main__":
    main(snakemake)
