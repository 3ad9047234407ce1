"""Count formation energies and energies above the hull; writes a `hull` artifact."""

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculations import Calculations
from lodestone.dft import stability
from lodestone.logs import job_log


def main(job):
    with job_log(job.log[0]) as log:
        crystals = [Calculations.read(path) for path in job.input.crystals]
        elements = [Calculations.read(path) for path in job.input.elements]
        parents = [*job.input.crystals, *job.input.elements]
        label = crystals[0].provenance.backend
        provenance = Provenance.of(label, job.params.seed, {}, parents, job.params.algorithm)
        hull = stability.derive(crystals, elements, provenance)
        log.info("%d of %d crystals have a formation energy", int(hull.has_formation_energy.sum()), len(hull))
        hull.write(job.output.stability)


if __name__ == "__main__":
    main(snakemake)
