"""A model of anisotropy constants for the Nd-Fe search, where anisotropy is among its objectives."""

ANISOTROPY_FILE = str(Path(workflow.basedir) / "config" / "data" / "labelled" / "novamag.jsonl.gz")
# It goes on from the body that was trained on most crystals.
ANISOTROPY_SOURCES = {
    "model": NF.pretrained("properties") if PRETRAINING["source"] == "here" else NF.loaded("formation_energy"),
    "labels": NF.labels("anisotropy"),
}


rule select_anisotropy_labels:
    """Gather crystals with published anisotropy constants; no compound of the two elements is among them.

    Wildcards used: none
    """
    input:
        published=ANISOTROPY_FILE,
    output:
        labels=NF.labels("anisotropy"),
    log:
        NF.log("select_anisotropy_labels"),
    benchmark:
        NF.benchmark("select_anisotropy_labels")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(1500),
        runtime=minutes(10),
    params:
        seed=config["seed"],
        settings={**PAIR, "structures": 0, "max_sites": 200, "metals_only": False, "alike_first": False},
        algorithm=1,
    message:
        "Gathering crystals with published anisotropy constants"
    script:
        "../scripts/select_anisotropy_labels.py"


rule pretrain_anisotropy:
    """Fit a model of anisotropy constants on top of the model of the other properties.

    Wildcards used: none
    """
    input:
        **ANISOTROPY_SOURCES,
        warm=ancient(WARM),
    output:
        model=NF.anisotropy_model(),
        transfer=NF.anisotropy_transfer(),
    log:
        NF.log("pretrain_anisotropy"),
    benchmark:
        NF.benchmark("pretrain_anisotropy")
    conda:
        torch_environment(ND_FE_DEVICE)
    threads: 1
    resources:
        mem_mb=mem_mb(4000),
        runtime=minutes(240),
        gpu=gpus(ND_FE_DEVICE),
    params:
        seed=config["seed"],
        settings={**ND_FE["transfer"], "scope": "full", "device": ND_FE_DEVICE},
        algorithm=1,
    message:
        "Fitting a model of anisotropy constants"
    script:
        "../scripts/pretrain_anisotropy.py"
