"""Read the anchor points off all loops and split the structures; writes a `dataset` artifact."""

from lodestone.artifacts.base import Provenance
from lodestone.logs import job_log
from lodestone.loop_learning import labels
from lodestone.magnetism.material_source import material_of


def main(job):
    with job_log(job.log[0]) as log:
        params, settings = job.params, job.params.settings
        provenance = Provenance.of(
            "lodestone anchor points",
            params.seed,
            settings,
            [*job.input.grains, *job.input.loops, *job.input.get("material", [])],
            params.algorithm,
        )
        dataset = labels.collect(
            job.input.grains,
            job.input.loops,
            material_of(settings["material"], job.input.get("material", [])),
            settings["loops"]["test_count"],
            params.seed,
            log,
            provenance=provenance,
        )
        dataset.write(job.output.dataset)


if __name__ == "__main__":
    main(snakemake)
