"""Compute the demagnetisation curves of one batch of structures; writes a `loops` artifact."""

from lodestone import caches, paths
from lodestone.artifacts.base import Provenance
from lodestone.artifacts.grains import Grains
from lodestone.artifacts.ledger import Ledger
from lodestone.artifacts.loops import Loops
from lodestone.logs import job_log
from lodestone.magnetism.material_source import material_of, require_resolved
from lodestone.micromagnetics import loops


def main(job):
    with job_log(job.log[0]) as log:
        caches.refresh(job.input.get("warm"), log)
        params, settings = job.params, job.params.settings
        material = material_of(settings["material"], job.input.get("material", []))
        fields_T = loops.sweep_fields(material, settings["loops"])
        provenance = Provenance.of(
            f"lodestone planar {settings['loops']['backend'].upper()}",
            params.seed,
            settings,
            [job.input.grains, *job.input.get("material", [])],
            params.algorithm,
        )
        grains = Grains.read(job.input.grains)
        require_resolved(material, float(grains.cell_size_nm[0]))
        with Ledger(paths.ledger(job.output.loops), provenance.key) as ledger:
            batch = grains, fields_T, material, settings["loops"], ledger
            if settings["loops"]["backend"] == "gpu":
                from lodestone.micromagnetics import planar_batch

                computed = planar_batch.run_batch_gpu(*batch, log)
            else:
                computed = loops.run_batch(*batch, job.threads, log)
            Loops(**computed, provenance=provenance).write(job.output.loops)
            ledger.remove()


if __name__ == "__main__":
    main(snakemake)
