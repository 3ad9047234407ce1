"""Encode every labelled structure and its symmetric copies; writes a `codes` artifact."""

import torch

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.network import Network
from lodestone.logs import job_log
from lodestone.loop_learning import codes


def main(job):
    with job_log(job.log[0]) as log:
        params = job.params
        torch.set_num_threads(job.threads)
        parents = [job.input.network, *job.input.grains]
        encoded = codes.encode_dataset(
            Network.read(job.input.network),
            job.input.grains,
            job.wildcards.encoding,
            log,
            provenance=Provenance.of("lodestone torch", params.seed, params.settings, parents, params.algorithm),
        )
        encoded.write(job.output.codes)


if __name__ == "__main__":
    main(snakemake)
