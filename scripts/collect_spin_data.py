"""Gather labelled configurations from calculations or files; writes a `spin_data` artifact."""

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculations import Calculations
from lodestone.logs import job_log
from lodestone.spin_potential import data_set
from lodestone.spin_potential.configuration_files import write_cfg, write_extxyz


def main(job):
    with job_log(job.log[0]) as log:
        params, settings, given = job.params, job.params.settings, job.input
        species = [settings["host"], settings["solute"]]
        if settings["source"] == "computed":
            paths = [*given.snapshots, *given.held]
            batches = [Calculations.read(path) for path in paths]
            backend = batches[0].provenance.backend
            provenance = Provenance.of(backend, params.seed, settings, paths, params.algorithm)
            data = data_set.from_calculations(batches, species, provenance)
        else:
            paths, label = list(given.files), settings["labels_from"]
            provenance = Provenance.of(label, params.seed, settings, paths, params.algorithm)
            data = data_set.from_files(paths, species, label, provenance)
        for line in data.left_out:
            log.warning("left out: %s", line)
        free = int(data.equilibrium.sum())
        log.info("%d configurations, %d atoms, %d with free moments", len(data), len(data.kind), free)
        write_cfg(job.output.cfg, data.configurations(), data.labels())
        write_extxyz(job.output.extxyz, data.configurations(), data.labels())
        data.write(job.output.data)


if __name__ == "__main__":
    main(snakemake)
