"""Derive M_s, A and K_1 of one crystal at temperatures; writes a `material` artifact."""

from lodestone.artifacts.anisotropy import Anisotropy
from lodestone.artifacts.base import Provenance
from lodestone.artifacts.curie import Curie
from lodestone.artifacts.exchange import Exchange
from lodestone.kkr import material
from lodestone.logs import job_log


def main(job):
    with job_log(job.log[0]) as log:
        exchange, curie = Exchange.read(job.input.exchange), Curie.read(job.input.curie)
        constants = [Anisotropy.read(path) for path in job.input.get("anisotropy", [])]
        label = f"lodestone Kuz'min law with J_ij of {exchange.provenance.backend}"
        label += f", K_1 of {constants[0].provenance.backend}" if constants else ""
        settings = {"temperatures_K": list(job.params.temperatures_K)}
        parents = [job.input.exchange, job.input.curie, *job.input.get("anisotropy", [])]
        provenance = Provenance.of(label, job.params.seed, settings, parents, job.params.algorithm)
        table = material.derive(
            exchange, curie, constants[0] if constants else None, job.params.temperatures_K, provenance
        )
        log.info("%s: mu0 M_s(0) = %.3f T, A(0) = %.3g J/m", table.name, table.mu0_Ms_0_T, table.A_0_J_m)
        if table.message:
            log.warning("%s: %s", table.name, table.message)
        table.write(job.output.material)


if __name__ == "__main__":
    main(snakemake)
