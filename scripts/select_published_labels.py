"""Choose crystals with published labels; writes a `labelled_set` artifact."""

from lodestone import random
from lodestone.artifacts.base import Provenance
from lodestone.logs import job_log
from lodestone.structures import files, labelled


def main(job):
    with job_log(job.log[0]) as log:
        params, published = job.params, job.input.published
        settings = params.settings
        parents = files.parent_names([published])
        provenance = Provenance.of(labelled.LABELS_FROM, params.seed, settings, parents, params.algorithm)
        chosen = labelled.select(
            published,
            count=settings["structures"],
            max_sites=settings["max_sites"],
            metals_only=settings["metals_only"],
            excluded_system=[settings["minority"], settings["majority"]],
            rng=random.stream(params.seed, "published_labels"),
        )
        log.info("%d crystals with labels by %s", len(chosen), labelled.LABELS_FROM)
        labelled.pack(chosen, provenance).write(job.output.labels)


if __name__ == "__main__":
    main(snakemake)
