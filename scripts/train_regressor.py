"""Train one member of the ensemble on the whole training set; writes a `network` artifact."""

from pathlib import Path

import torch

from lodestone import paths
from lodestone.artifacts.base import Provenance
from lodestone.artifacts.codes import LatentCodes
from lodestone.artifacts.dataset import HysteresisDataset
from lodestone.artifacts.network import Network
from lodestone.logs import job_log
from lodestone.loop_learning import regressor


def main(job):
    with job_log(job.log[0]) as log:
        params, settings = job.params, job.params.settings
        torch.set_num_threads(job.threads)
        checkpoint = paths.checkpoint(job.output.network)
        parents = [job.input.codes, job.input.dataset, *job.input.folds]
        network = regressor.train_member(
            LatentCodes.read(job.input.codes),
            HysteresisDataset.read(job.input.dataset),
            [Network.read(path) for path in job.input.folds],
            int(job.wildcards.member),
            settings["regressor"],
            params.seed,
            checkpoint,
            log,
            provenance=Provenance.of("lodestone torch", params.seed, settings, parents, params.algorithm),
        )
        network.write(job.output.network)
        Path(checkpoint).unlink(missing_ok=True)


if __name__ == "__main__":
    main(snakemake)
