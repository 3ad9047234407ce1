"""Bring moments to equilibrium and relax crystals with an ensemble; writes `spin_checks` and potential files."""

from pathlib import Path

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.spin_data import SpinData
from lodestone.artifacts.spin_fits import SpinFits
from lodestone.logs import job_log
from lodestone.spin_potential import checks
from lodestone.spin_potential.members import joined
from lodestone.spin_potential.potential_files import write_mtp


def main(job):
    with job_log(job.log[0]) as log:
        params, given = job.params, job.input
        data, fits = SpinData.read(given.data), joined([SpinFits.read(path) for path in given.fits])
        parents = [given.data, *given.fits]
        provenance = Provenance.of(fits.provenance.backend, params.seed, params.settings, parents, params.algorithm)
        made = checks.check(data, fits, params.settings["solute_energy_eV"], provenance, log)
        folder = Path(job.output.potentials)
        folder.mkdir(parents=True, exist_ok=True)
        for member, potential in enumerate(fits.potentials()):
            write_mtp(folder / f"{member}.mtp", potential)
        made.write(job.output.checks)


if __name__ == "__main__":
    main(snakemake)
