"""Find what cannot be computed before anything is submitted; writes the refused crystals as JSON, or stops."""

from lodestone.artifacts.structure_set import StructureSet
from lodestone.dft import presets, stages
from lodestone.dft.backends import backend
from lodestone.logs import job_log


def main(job):
    with job_log(job.log[0]) as log:
        settings, steps = job.params.settings, job.params.steps
        engine = backend(settings["backend"], settings["options"])
        crystals = StructureSet.read(job.input.crystals)
        calculations = [presets.from_settings(settings, step) for step in steps]
        problems = stages.find_problems(crystals, calculations, engine, runs_here=settings["check_programs"])
        for problem in problems:
            log.warning("refused: %s", problem)
        if problems and job.params.refused == "stop":
            raise stages.CalculationsRefused(problems)
        stages.write_checks(job.output.checks, problems)


if __name__ == "__main__":
    main(snakemake)
