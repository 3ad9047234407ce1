"""Fit potentials without each fold of the data; writes a `spin_fits` artifact."""

import numpy as np

from lodestone import random
from lodestone.artifacts.base import Provenance
from lodestone.artifacts.spin_data import SpinData
from lodestone.logs import job_log
from lodestone.spin_potential import data_set
from lodestone.spin_potential.members import Member, fit_members, share


def main(job):
    with job_log(job.log[0]) as log:
        params, given = job.params, job.input
        settings = {**params.settings, "magnetic_weight": float(job.wildcards.weight)}
        data = SpinData.read(given.data)
        fold = data_set.folds(data, settings["folds"], random.stream(params.seed, "spin_folds"))
        members = [
            Member(k, np.flatnonzero(fold != k), random.stream(params.seed, "spin_fit", k))
            for k in share(settings["folds"], int(job.wildcards.batch), settings["batches"])
        ]
        provenance = Provenance.of(
            "lodestone, a fitted potential", params.seed, settings, [given.data], params.algorithm
        )
        fit_members(data, members, settings, job.output.fits, provenance, log)


if __name__ == "__main__":
    main(snakemake)
