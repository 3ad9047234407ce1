"""Fit potentials to all data from different random parameters; writes a `spin_fits` artifact."""

import numpy as np

from lodestone import random
from lodestone.artifacts.base import Provenance
from lodestone.artifacts.spin_data import SpinData
from lodestone.logs import job_log
from lodestone.spin_potential.members import Member, fit_members, share


def main(job):
    with job_log(job.log[0]) as log:
        params, given, wildcards = job.params, job.input, job.wildcards
        settings = {**params.settings, "magnetic_weight": float(wildcards.weight), "magnetic_size": int(wildcards.size)}
        data = SpinData.read(given.data)
        every = np.arange(len(data))
        members = [
            Member(k, every, random.stream(params.seed, "spin_fit", k))
            for k in share(settings["members"], int(wildcards.batch), settings["batches"])
        ]
        provenance = Provenance.of(
            "lodestone, a fitted potential", params.seed, settings, [given.data], params.algorithm
        )
        fit_members(data, members, settings, job.output.fits, provenance, log)


if __name__ == "__main__":
    main(snakemake)
