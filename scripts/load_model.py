"""Load a published ALIGNN model; writes a `graph_model` artifact."""

from lodestone.artifacts.base import Provenance
from lodestone.graph_models.zoo import load_path, load_zoo, require_purpose
from lodestone.logs import job_log

# What a model from a path predicts if its settings do not say so.
TARGETS = {"formation_energy": ("formation_energy_eV_per_atom", "eV")}


def main(job):
    with job_log(job.log[0]) as log:
        params = job.params
        name = params.settings["model"]
        provenance = Provenance.of("ALIGNN", params.seed, params.settings, (), params.algorithm)
        if params.settings["source"] == "zoo":
            model = load_zoo(name, provenance)
        else:
            model = load_path(name, provenance, target=TARGETS.get(job.wildcards.target))
        require_purpose(model, job.wildcards.target, name)
        log.info("%s: %s with %d parameters", name, ", ".join(model.target_names), model.parameter.shape[1])
        model.write(job.output.model)


if __name__ == "__main__":
    main(snakemake)
