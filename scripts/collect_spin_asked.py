"""Gather the labels that a potential asked for; writes extended XYZ, which goes with the other labels as `files`."""

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculations import Calculations
from lodestone.logs import job_log
from lodestone.spin_potential import data_set
from lodestone.spin_potential.configuration_files import write_extxyz


def main(job):
    with job_log(job.log[0]) as log:
        params, paths = job.params, list(job.input.calculations)
        batches = [Calculations.read(path) for path in paths]
        backend = batches[0].provenance.backend
        provenance = Provenance.of(backend, params.seed, params.settings, paths, params.algorithm)
        species = [params.settings["host"], params.settings["solute"]]
        data = data_set.from_calculations(batches, species, provenance)
        for line in data.left_out:
            log.warning("left out: %s", line)
        log.info("%d configurations by %s", len(data), backend)
        write_extxyz(job.output.extxyz, data.configurations(), data.labels())


if __name__ == "__main__":
    main(snakemake)
