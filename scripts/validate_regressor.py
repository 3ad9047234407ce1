"""Train the regressor without one fold and predict that fold; writes `network` and `predictions`."""

from pathlib import Path

import torch

from lodestone import paths
from lodestone.artifacts.base import Provenance
from lodestone.artifacts.codes import LatentCodes
from lodestone.artifacts.dataset import HysteresisDataset
from lodestone.logs import job_log
from lodestone.loop_learning import regressor


def main(job):
    with job_log(job.log[0]) as log:
        params, settings = job.params, job.params.settings
        torch.set_num_threads(job.threads)
        checkpoint = paths.checkpoint(job.output.network)
        parents = [job.input.codes, job.input.dataset]
        network, predictions = regressor.validate_fold(
            LatentCodes.read(job.input.codes),
            HysteresisDataset.read(job.input.dataset),
            int(job.wildcards.fold),
            settings["regressor"],
            params.seed,
            checkpoint,
            log,
            provenance=Provenance.of("lodestone torch", params.seed, settings, parents, params.algorithm),
        )
        network.write(job.output.network)
        predictions.write(job.output.predictions)
        Path(checkpoint).unlink(missing_ok=True)


if __name__ == "__main__":
    main(snakemake)
