"""Ask the Materials Project for the structures of chemical systems and keep the answer."""

from lodestone.logs import job_log
from lodestone.structures import materials_project, materials_project_client


def main(job):
    with job_log(job.log[0]) as log:
        systems = job.params.settings["systems"]
        log.info("asking for %s", ", ".join(materials_project.subsystems(systems)))
        documents = materials_project_client.fetch(systems, materials_project.key_from())
        log.info("%d structures", len(documents))
        materials_project.save(job.output.answer, systems, documents)


if __name__ == "__main__":
    main(snakemake)
