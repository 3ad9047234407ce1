"""Morph one structure into another and recompute the loops; writes a `morphing` artifact."""

import torch

from lodestone import caches
from lodestone.artifacts.base import Provenance
from lodestone.artifacts.network import Network
from lodestone.artifacts.predictions import Predictions
from lodestone.logs import job_log
from lodestone.loop_learning import morphing
from lodestone.magnetism.material_source import material_of

BACKEND = "lodestone torch; curves recomputed by lodestone planar CPU"


def main(job):
    with job_log(job.log[0]) as log:
        caches.refresh(job.input.get("warm"), log)
        params, settings, inputs = job.params, job.params.settings, job.input
        torch.set_num_threads(job.threads)
        parents = [*inputs.network, *inputs.members, *inputs.fold_predictions, *inputs.get("material", [])]
        result = morphing.morph(
            Network.read(inputs.network[0]),
            [Network.read(path) for path in inputs.members],
            [Predictions.read(path) for path in inputs.fold_predictions],
            job.wildcards.pair,
            settings["morphing"],
            settings["structures"],
            settings["loops"],
            material_of(settings["material"], job.input.get("material", [])),
            params.seed,
            log,
            provenance=Provenance.of(BACKEND, params.seed, settings, parents, params.algorithm),
        )
        result.write(job.output.morphing)


if __name__ == "__main__":
    main(snakemake)
