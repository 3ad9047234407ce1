"""Specialise a model for the two elements; writes `graph_model` and `transfer` artifacts."""

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.graph_model import GraphModel
from lodestone.artifacts.labelled_set import LabelledSet
from lodestone.graph_models.deep_transfer import remove_checkpoints
from lodestone.graph_models.transfer import TransferSettings, specialise
from lodestone.logs import job_log
from lodestone.paths import checkpoint


def main(job):
    with job_log(job.log[0]) as log:
        params, given = job.params, job.input
        labels = [LabelledSet.read(path) for path in given.labels]
        parents = [given.model, *given.labels]
        provenance = Provenance.of("ALIGNN", params.seed, params.settings, parents, params.algorithm)
        state = checkpoint(job.output.model)
        model, transfer = specialise(
            GraphModel.read(given.model),
            labels,
            TransferSettings.of(params.settings),
            seed=params.seed,
            checkpoint_path=state,
            log=log,
            provenance=provenance,
        )
        model.write(job.output.model)
        transfer.write(job.output.transfer)
        remove_checkpoints(state)


if __name__ == "__main__":
    main(snakemake)
