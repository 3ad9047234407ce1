"""Put light elements into the voids of the best hosts; writes a `structure_set` artifact."""

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculations import Calculations
from lodestone.artifacts.screening import Screening
from lodestone.logs import job_log
from lodestone.search import interstitials
from lodestone.structures import readers


def main(job):
    with job_log(job.log[0]) as log:
        params, given = job.params, job.input
        settings = params.settings
        hosts = interstitials.best_hosts(Screening.read(given.screening), settings["hosts"])
        batches = [Calculations.read(path) for path in given.crystals]
        relaxed = {name: batch.structure(k) for batch in batches for k, name in enumerate(batch.names())}
        made = interstitials.fill(
            {name: relaxed[name] for name in hosts}, settings["elements"], settings["voids"], settings["min_radius_A"]
        )
        log.info("%d crystals with %s in voids of %s", len(made), ", ".join(settings["elements"]), ", ".join(hosts))
        parents = [given.screening, *given.crystals]
        provenance = Provenance.of("lodestone voids", params.seed, settings, parents, params.algorithm)
        readers.pack(made, provenance).write(job.output.crystals)


if __name__ == "__main__":
    main(snakemake)
