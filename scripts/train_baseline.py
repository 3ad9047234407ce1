"""Train one baseline model and predict with it; writes a `predictions` artifact."""

from pathlib import Path

import torch

from lodestone import caches, paths
from lodestone.artifacts.base import Provenance
from lodestone.artifacts.dataset import HysteresisDataset
from lodestone.logs import job_log
from lodestone.loop_learning import baselines


def main(job):
    with job_log(job.log[0]) as log:
        caches.refresh(job.input.get("warm"), log)
        params, settings = job.params, job.params.settings
        torch.set_num_threads(job.threads)
        checkpoint = paths.checkpoint(job.output.predictions)
        parents = [job.input.dataset, *job.input.grains]
        predictions = baselines.train(
            job.wildcards.baseline,
            HysteresisDataset.read(job.input.dataset),
            job.input.grains,
            settings["baselines"],
            settings["structures"],
            params.seed,
            checkpoint,
            log,
            provenance=Provenance.of("lodestone", params.seed, settings, parents, params.algorithm),
        )
        predictions.write(job.output.predictions)
        Path(checkpoint).unlink(missing_ok=True)


if __name__ == "__main__":
    main(snakemake)
