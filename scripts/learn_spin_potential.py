"""Learning curves of labels asked for and of labels at random; writes a `spin_learning` artifact."""

from lodestone import random
from lodestone.artifacts.base import Provenance
from lodestone.artifacts.spin_data import SpinData
from lodestone.logs import job_log
from lodestone.spin_potential.learning import learning_curves


def main(job):
    with job_log(job.log[0]) as log:
        params, given, repeat = job.params, job.input.data, int(job.wildcards.repeat)
        settings = {**params.settings, "repeat": repeat}
        provenance = Provenance.of("lodestone, a fitted potential", params.seed, settings, [given], params.algorithm)
        rng = random.stream(params.seed, "spin_learning", repeat)
        learning_curves(SpinData.read(given), settings, rng, job.output.learning, provenance, log)


if __name__ == "__main__":
    main(snakemake)
