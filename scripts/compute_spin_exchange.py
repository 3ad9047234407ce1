"""Exchange couplings of the host's crystal from one potential of an ensemble; writes an `exchange` artifact."""

from ase.build import bulk

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.spin_fits import SpinFits
from lodestone.logs import job_log
from lodestone.spin_potential.exchange import exchange
from lodestone.spin_potential.exchange_cells import SMALL_MUB
from lodestone.spin_potential.exchange_flips import spin_flips
from lodestone.spin_potential.members import joined
from lodestone.spin_potential.relaxation import relax


def main(job):
    with job_log(job.log[0]) as log:
        params, given, member = job.params, list(job.input.fits), int(job.wildcards.member)
        settings, fits = params.settings, joined([SpinFits.read(path) for path in given])
        provenance = Provenance.of(
            fits.provenance.backend, params.seed, {**settings, "member": member}, given, params.algorithm
        )
        potential, host = fits.potential(member), fits.species[0]
        start = bulk(host, "bcc", a=settings["lattice_A"])
        found = relax(potential, start, [settings["host_moment_muB"]])
        moment = found.moment_muB[0]
        # Couplings of a moment that is gone are those of nothing: as without relaxation, those of the start are taken.
        reason = found.reason or ("" if abs(moment) >= SMALL_MUB else f"relaxed to a moment of {moment:.3f} mu_B")
        log.info("%s: %s", host, f"{reason}; taken as at the start" if reason else f"relaxed, {moment:.3f} mu_B")
        crystal, moments = (start, [settings["host_moment_muB"]]) if reason else (found.atoms, found.moment_muB)
        made = exchange(
            potential, crystal, moments, settings["range_A"], provenance, name=f"{host}, potential {member}"
        )
        flips = spin_flips(potential, crystal, moments)
        for held, free, why in zip(flips.held_J0_meV, flips.free_J0_meV, flips.reason, strict=True):
            log.info("J_0 from one reversed moment: %.1f meV held; %s", held, why or f"{free:.1f} meV free")
        made.write(job.output.exchange)


if __name__ == "__main__":
    main(snakemake)
