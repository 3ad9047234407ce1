"""Fit anisotropy constants to energies along several axes; writes an `anisotropy` artifact."""

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculations import Calculations
from lodestone.dft import anisotropy
from lodestone.logs import job_log


def main(job):
    with job_log(job.log[0]) as log:
        batches = [Calculations.read(path) for path in job.input.calculations]
        label = batches[0].provenance.backend
        provenance = Provenance.of(label, job.params.seed, {}, job.input.calculations, job.params.algorithm)
        fitted = anisotropy.derive(batches, provenance)
        log.info("%d of %d crystals have a constant", int(fitted.has_K1.sum()), len(fitted))
        fitted.write(job.output.anisotropy)


if __name__ == "__main__":
    main(snakemake)
