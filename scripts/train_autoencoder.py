"""Train the variational autoencoder for one encoding; writes a `network` artifact."""

from pathlib import Path

import torch

from lodestone import caches, paths
from lodestone.artifacts.base import Provenance
from lodestone.logs import job_log
from lodestone.loop_learning import autoencoder


def main(job):
    with job_log(job.log[0]) as log:
        caches.refresh(job.input.get("warm"), log)
        params, settings = job.params, job.params.settings
        torch.set_num_threads(job.threads)
        checkpoint = paths.checkpoint(job.output.network)
        network = autoencoder.train(
            settings["autoencoder"],
            settings["structures"],
            job.wildcards.encoding,
            params.seed,
            checkpoint,
            log,
            provenance=Provenance.of("lodestone torch", params.seed, settings, [], params.algorithm),
        )
        network.write(job.output.network)
        Path(checkpoint).unlink(missing_ok=True)


if __name__ == "__main__":
    main(snakemake)
