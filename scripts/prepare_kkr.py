"""Write the AkaiKKR inputs of one crystal into an archive."""

from lodestone.artifacts.structure_set import StructureSet
from lodestone.kkr import stages
from lodestone.logs import job_log


def main(job):
    with job_log(job.log[0]) as log:
        crystals = StructureSet.read(job.input.crystals)
        stages.prepare(crystals, job.wildcards.system, job.params.settings, job.output.inputs)
        log.info("%s: inputs for AkaiKKR", job.wildcards.system)


if __name__ == "__main__":
    main(snakemake)
