"""Models of the Nd-Fe search: trained on other crystals or loaded, then specialised for the two elements."""

ARCHITECTURE = ["cutoff_A", "three_body_cutoff_A", "hidden_features", "alignn_layers", "gcn_layers"]
TRANSFER_INPUTS = {"warm": ancient(WARM), "model": start_model, "labels": labels_of_version}
PRETRAINING_KEYS = ["batch_size", "learning_rate", *ARCHITECTURE]
# With a margin: 30 crystals a second on a CPU, 2,000 on a GPU; 37,597 are shipped.
PUBLISHED_PASSES = (PRETRAINING["structures"] or 37_597) * PRETRAINING["epochs"]
PUBLISHED_MINUTES = 20 + PUBLISHED_PASSES // (60 * (2000 if ND_FE_DEVICE == "gpu" else 30))


rule pretrain_properties:
    """Train a network on published formation energies and moments of other crystals.

    Wildcards used: none
    """
    input:
        warm=ancient(WARM),
        labels=NF.labels("published"),
    output:
        model=NF.pretrained("properties"),
    log:
        NF.log("pretrain_properties"),
    benchmark:
        NF.benchmark("pretrain_properties")
    conda:
        torch_environment(ND_FE_DEVICE)
    threads: 1
    resources:
        mem_mb=mem_mb(4000),
        runtime=minutes(PUBLISHED_MINUTES),
        gpu=gpus(ND_FE_DEVICE),
    params:
        seed=config["seed"],
        settings={**pick(PRETRAINING, "epochs", *PRETRAINING_KEYS), "device": ND_FE_DEVICE},
        algorithm=1,
    message:
        "Training a network on published formation energies and moments"
    script:
        "../scripts/pretrain_properties.py"


rule pretrain_force_field:
    """Train a force field on other crystals, labelled by the back end.

    Wildcards used: none
    """
    input:
        warm=ancient(WARM),
        labels=NF.labels("pretraining"),
    output:
        model=NF.pretrained("force_field"),
    log:
        NF.log("pretrain_force_field"),
    benchmark:
        NF.benchmark("pretrain_force_field")
    conda:
        torch_environment(ND_FE_DEVICE)
    threads: 1
    resources:
        mem_mb=mem_mb(4000),
        runtime=minutes(60 + PRETRAINING["force_field_epochs"]),
        gpu=gpus(ND_FE_DEVICE),
    params:
        seed=config["seed"],
        settings={**pick(PRETRAINING, "force_field_epochs", *PRETRAINING_KEYS), "device": ND_FE_DEVICE},
        algorithm=1,
    message:
        "Training a force field on other crystals"
    script:
        "../scripts/pretrain_force_field.py"


rule load_model:
    """Load a published ALIGNN model, by its name in the zoo or from a path, and keep it.

    Wildcards used: target
    """
    output:
        model=NF.loaded(),
    log:
        NF.log("load_model", "{target}"),
    benchmark:
        NF.benchmark("load_model", "{target}")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(2000),
        runtime=minutes(30),
    params:
        seed=config["seed"],
        settings=lambda wildcards: {**pick(PRETRAINING, "source"), "model": PRETRAINING[wildcards.target]},
        algorithm=1,
    message:
        "Loading the model of the {wildcards.target}"
    script:
        "../scripts/load_model.py"


rule transfer_model:
    """Specialise a model for the two elements: an ensemble, its uncertainty, and predictions before and after.

    Wildcards used: target, version
    """
    input:
        **TRANSFER_INPUTS,
    output:
        model=NF.model(),
        transfer=NF.transfer(),
    log:
        NF.log("transfer_model", "{target}", "{version}"),
    benchmark:
        NF.benchmark("transfer_model", "{target}", "{version}")
    conda:
        torch_environment(ND_FE_DEVICE)
    threads: 1
    resources:
        mem_mb=mem_mb(4000),
        runtime=minutes(120),
        gpu=gpus(ND_FE_DEVICE),
    params:
        seed=config["seed"],
        settings={**ND_FE["transfer"], "device": ND_FE_DEVICE},
        algorithm=2,
    message:
        "Specialising the model of the {wildcards.target}, version {wildcards.version}"
    script:
        "../scripts/transfer_model.py"
