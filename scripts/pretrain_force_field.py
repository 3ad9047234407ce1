"""Train a force field on crystals of other elements; writes a `graph_model` artifact."""

from pathlib import Path

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.labelled_set import LabelledSet
from lodestone.graph_models.architecture import default_architecture
from lodestone.graph_models.graphs import GraphSettings
from lodestone.graph_models.training import TrainingSettings, pretrain_force_field
from lodestone.logs import job_log
from lodestone.paths import checkpoint


def main(job):
    with job_log(job.log[0]) as log:
        params, settings = job.params, job.params.settings
        labels = LabelledSet.read(job.input.labels)
        architecture = default_architecture(
            force_field=True,
            hidden_features=settings["hidden_features"],
            alignn_layers=settings["alignn_layers"],
            gcn_layers=settings["gcn_layers"],
            graph=GraphSettings(settings["cutoff_A"], settings["three_body_cutoff_A"]),
        )
        provenance = Provenance.of("ALIGNN", params.seed, settings, [job.input.labels], params.algorithm)
        state = checkpoint(job.output.model)
        model = pretrain_force_field(
            labels,
            architecture,
            TrainingSettings.of({**settings, "epochs": settings["force_field_epochs"]}),
            seed=params.seed,
            checkpoint_path=state,
            log=log,
            provenance=provenance,
        )
        model.write(job.output.model)
        Path(state).unlink(missing_ok=True)


if __name__ == "__main__":
    main(snakemake)
