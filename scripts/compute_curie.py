"""Compute Curie temperatures, M(T) and exchange stiffness of one crystal; writes a `curie` artifact."""

from lodestone import caches, paths
from lodestone.artifacts.base import Provenance
from lodestone.artifacts.curie import Curie
from lodestone.artifacts.exchange import Exchange
from lodestone.artifacts.ledger import Ledger
from lodestone.kkr import curie
from lodestone.kkr.monte_carlo import Points
from lodestone.logs import job_log


def main(job):
    with job_log(job.log[0]) as log:
        caches.refresh(job.input.get("warm"), log)
        exchange = Exchange.read(job.input.exchange)
        label = f"lodestone spins with J_ij of {exchange.provenance.backend}"
        settings, algorithm = job.params.settings, job.params.algorithm
        provenance = Provenance.of(label, job.params.seed, settings, [job.input.exchange], algorithm)
        with Ledger(paths.ledger(job.output.curie), provenance.key, log=log) as ledger:
            points = Points(exchange, job.params.seed, job.threads, dict(ledger.items()), ledger.append)
            fields = curie.compute(points, settings, log)
            Curie(**fields, provenance=provenance).write(job.output.curie)
            ledger.remove()


if __name__ == "__main__":
    main(snakemake)
