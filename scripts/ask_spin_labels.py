"""Choose the crystals that a potential wants to have computed; writes a `structure_set` artifact."""

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.spin_data import SpinData
from lodestone.artifacts.spin_fits import SpinFits
from lodestone.logs import job_log
from lodestone.spin_potential import asking
from lodestone.spin_potential.members import joined


def main(job):
    with job_log(job.log[0]) as log:
        params, given = job.params, job.input
        data, fits = SpinData.read(given.data), joined([SpinFits.read(path) for path in given.fits])
        parents = [given.data, *given.fits]
        provenance = Provenance.of(asking.LABEL, params.seed, params.settings, parents, params.algorithm)
        asking.asked(data, fits, params.settings, params.seed, provenance, log).write(job.output.crystals)


if __name__ == "__main__":
    main(snakemake)
