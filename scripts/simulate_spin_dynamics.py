"""Molecular dynamics of one composition with one potential of an ensemble; writes a `spin_dynamics` artifact."""

from lodestone import random
from lodestone.artifacts.base import Provenance
from lodestone.artifacts.spin_fits import SpinFits
from lodestone.logs import job_log
from lodestone.spin_potential import dynamics
from lodestone.spin_potential.dynamics_state import DynamicsSettings, StateFile
from lodestone.spin_potential.members import joined


def main(job):
    with job_log(job.log[0]) as log:
        params, given, output = job.params, list(job.input.fits), job.output.dynamics
        settings, fits = params.settings, joined([SpinFits.read(path) for path in given])
        member, solutes = int(job.wildcards.member), int(job.wildcards.solutes)
        identity = {**settings, "member": member, "solutes": solutes}
        provenance = Provenance.of(fits.provenance.backend, params.seed, identity, given, params.algorithm)
        rng = random.stream(params.seed, "spin_dynamics", solutes)
        host, solute = fits.species
        moments = {host: settings["host_moment_muB"], solute: settings["solute_moment_muB"]}
        cells, expansion = settings["cells"], settings["solute_expansion"]
        lattice_A = settings["lattice_A"] * (1 + expansion * solutes / (2 * cells**3))
        atoms, start = dynamics.random_alloy(host, solute, solutes, lattice_A, moments, rng, cells)
        chosen = DynamicsSettings(**{name: settings[name] for name in params.names})
        state, key = f"{output}.state", provenance.key
        found = dynamics.simulate(fits.potential(member), atoms, start, chosen, rng, state, key, log)
        made = dynamics.packed(
            found,
            chosen,
            fits.potential(member),
            member=member,
            magnetic_weight=fits.magnetic_weight,
            labels_from=fits.labels_from,
            provenance=provenance,
        )
        made.write(output)
        StateFile(state, key, log).remove()


if __name__ == "__main__":
    main(snakemake)
