"""Search for structures with the wanted loops and recompute them; writes an `inverse` artifact."""

from pathlib import Path

import torch

from lodestone import caches, paths
from lodestone.artifacts.base import Provenance
from lodestone.artifacts.network import Network
from lodestone.artifacts.predictions import Predictions
from lodestone.design import inverse
from lodestone.logs import job_log
from lodestone.magnetism.material_source import material_of

BACKEND = "lodestone torch; curves recomputed by lodestone planar CPU"


def main(job):
    with job_log(job.log[0]) as log:
        caches.refresh(job.input.get("warm"), log)
        params, settings, inputs = job.params, job.params.settings, job.input
        torch.set_num_threads(job.threads)
        parents = [*inputs.network, *inputs.members, *inputs.fold_predictions, *inputs.get("material", [])]
        designs = inverse.search(
            Network.read(inputs.network[0]),
            [Network.read(path) for path in inputs.members],
            [Predictions.read(path) for path in inputs.fold_predictions],
            settings["inverse"],
            settings["structures"],
            settings["loops"],
            material_of(settings["material"], job.input.get("material", [])),
            params.seed,
            paths.ledger(job.output.designs),
            log,
            provenance=Provenance.of(BACKEND, params.seed, settings, parents, params.algorithm),
        )
        designs.write(job.output.designs)
        Path(paths.ledger(job.output.designs)).unlink(missing_ok=True)


if __name__ == "__main__":
    main(snakemake)
