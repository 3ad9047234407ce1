"""Predict the anchor points of all structures with the ensemble; writes a `predictions` artifact."""

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.codes import LatentCodes
from lodestone.artifacts.dataset import HysteresisDataset
from lodestone.artifacts.network import Network
from lodestone.artifacts.predictions import Predictions
from lodestone.logs import job_log
from lodestone.loop_learning import ensemble


def main(job):
    with job_log(job.log[0]) as log:
        params, settings, inputs = job.params, job.params.settings, job.input
        parents = [inputs.codes, inputs.dataset, *inputs.members, *inputs.fold_predictions]
        log.info("predicting with %d members", len(inputs.members))
        predictions = ensemble.predict(
            LatentCodes.read(inputs.codes),
            HysteresisDataset.read(inputs.dataset),
            [Network.read(path) for path in inputs.members],
            [Predictions.read(path) for path in inputs.fold_predictions],
            settings["regressor"],
            provenance=Provenance.of("lodestone torch", params.seed, settings, parents, params.algorithm),
        )
        predictions.write(job.output.predictions)


if __name__ == "__main__":
    main(snakemake)
