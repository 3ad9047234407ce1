"""Read the raw output of one batch of calculations; writes a `calculations` artifact."""

from collections import Counter

from lodestone.artifacts.base import Provenance
from lodestone.dft import batches, packing, presets
from lodestone.dft.backends import backend
from lodestone.logs import job_log


def main(job):
    with job_log(job.log[0]) as log:
        settings = job.params.settings
        engine = backend(settings["backend"], settings["options"])
        calculation = presets.from_settings(settings, job.wildcards.step)
        parents = [job.input.crystals, job.input.raw]
        provenance = Provenance.of(engine.label, job.params.seed, settings, parents, job.params.algorithm)
        items = list(batches.collect(job.input.raw, calculation, engine))
        log.info("ended: %s", dict(Counter(item.result.status.name for item in items)))
        packed = packing.pack(items, calculation, engine, settings["preset"], provenance)
        packed.write(job.output.calculations)
        batches.clean(job.input.raw)


if __name__ == "__main__":
    main(snakemake)
