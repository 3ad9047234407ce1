"""Write the input files of one batch of calculations into an archive."""

import json
from pathlib import Path

from lodestone.artifacts.calculations import Calculations
from lodestone.artifacts.structure_set import StructureSet
from lodestone.dft import batches, presets, stages
from lodestone.dft.backends import backend
from lodestone.logs import job_log


def main(job):
    with job_log(job.log[0]) as log:
        settings, step = job.params.settings, job.wildcards.step
        engine = backend(settings["backend"], settings["options"])
        crystals = StructureSet.read(job.input.crystals)
        refused = {}
        for path in job.input.checks:
            if Path(path).stem == job.wildcards.crystals:
                refused = json.loads(Path(path).read_text())["refused"]
        before = Calculations.read(job.input.before) if job.input.before else None
        numbers = batches.share(len(crystals), job.wildcards.batch, job.params.batches)
        starts = stages.starts(crystals, numbers, refused, step, before)
        batches.prepare(starts, presets.from_settings(settings, step), engine, job.output.inputs)
        log.info("%d calculations prepared for %s", len(starts), engine.label)


if __name__ == "__main__":
    main(snakemake)
