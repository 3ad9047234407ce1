"""Turn calculations of one structure set into labels; writes a `labelled_set` artifact."""

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculations import Calculations
from lodestone.dft import labels
from lodestone.logs import job_log
from lodestone.structures.perturbation import parent_name


def main(job):
    with job_log(job.log[0]) as log:
        params, given = job.params, job.input
        batches = [Calculations.read(path) for path in given.calculations]
        references = labels.reference_energies([Calculations.read(path) for path in given.references])
        provenance = Provenance.of(
            batches[0].provenance.backend,
            params.seed,
            params.settings,
            [*given.calculations, *given.references],
            params.algorithm,
        )
        packed, left_out = labels.collect(
            batches,
            references,
            lambda name, _: parent_name(name),
            provenance,
            strongest_force_eV_A=params.settings["max_force_eV_A"],
            highest_formation_eV=params.settings["max_formation_eV"],
        )
        for line in left_out:
            log.warning("left out: %s", line)
        log.info("%d labelled crystals in %d groups", len(packed), len(set(packed.group.tolist())))
        packed.write(job.output.labels)


if __name__ == "__main__":
    main(snakemake)
