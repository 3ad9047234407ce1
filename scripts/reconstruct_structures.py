"""Pass some test structures through the autoencoder; writes a `reconstructions` artifact."""

import torch

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.dataset import HysteresisDataset
from lodestone.artifacts.network import Network
from lodestone.logs import job_log
from lodestone.loop_learning import reconstruction


def main(job):
    with job_log(job.log[0]) as log:
        params = job.params
        torch.set_num_threads(job.threads)
        parents = [job.input.network, job.input.dataset, *job.input.grains]
        log.info("reconstructing %d structures", params.settings["count"])
        images = reconstruction.reconstruct(
            Network.read(job.input.network),
            job.input.grains,
            HysteresisDataset.read(job.input.dataset),
            params.settings["count"],
            provenance=Provenance.of("lodestone torch", params.seed, params.settings, parents, params.algorithm),
        )
        images.write(job.output.reconstructions)


if __name__ == "__main__":
    main(snakemake)
