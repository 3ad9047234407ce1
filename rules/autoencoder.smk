"""Variational autoencoder of the grain structures, and their codes."""

AUTOENCODER_DEVICE = HYSTERESIS["autoencoder"]["device"]
AUTOENCODER_IMAGES = HYSTERESIS["autoencoder"]["epochs"] * (
    HYSTERESIS["autoencoder"]["structures"] + HYSTERESIS["autoencoder"]["validation_structures"]
)


rule train_autoencoder:
    """Train the variational autoencoder on structures drawn on the fly.

    A checkpoint beside the output is written after every epoch: a job that is killed goes on from there.

    Wildcards used: encoding
    """
    input:
        warm=ancient(WARM),
    output:
        network=PATHS.autoencoder(),
    log:
        PATHS.log("train_autoencoder", "{encoding}"),
    benchmark:
        PATHS.benchmark("train_autoencoder", "{encoding}")
    conda:
        torch_environment(AUTOENCODER_DEVICE)
    threads: 8
    resources:
        mem_mb=mem_mb(3500),
        runtime=minutes(20 + images_minutes(AUTOENCODER_IMAGES, AUTOENCODER_DEVICE)),
        gpu=gpus(AUTOENCODER_DEVICE),
    params:
        seed=config["seed"],
        settings=hysteresis_settings(autoencoder=True, structures=True),
        algorithm=2,
    message:
        "Training the autoencoder, encoding {wildcards.encoding}"
    script:
        "../scripts/train_autoencoder.py"


rule encode_structures:
    """Encode every labelled structure and its symmetric copies with the trained autoencoder.

    Wildcards used: encoding
    """
    input:
        network=PATHS.autoencoder(),
        grains=expand(PATHS.structures(), batch=BATCHES),
    output:
        codes=PATHS.codes(),
    log:
        PATHS.log("encode_structures", "{encoding}"),
    benchmark:
        PATHS.benchmark("encode_structures", "{encoding}")
    conda:
        "../envs/base.yaml"
    threads: 4
    resources:
        mem_mb=mem_mb(2500),
        runtime=minutes(10 + HYSTERESIS["loops"]["count"] // 200),
    params:
        seed=config["seed"],
        settings={},
        algorithm=1,
    message:
        "Encoding the labelled structures, encoding {wildcards.encoding}"
    script:
        "../scripts/encode_structures.py"


rule reconstruct_structures:
    """Pass a few structures of the test set through the autoencoder and back, to be looked at.

    Wildcards used: encoding
    """
    input:
        network=PATHS.autoencoder(),
        grains=expand(PATHS.structures(), batch=BATCHES),
        dataset=PATHS.dataset(),
    output:
        reconstructions=PATHS.reconstructions(),
    log:
        PATHS.log("reconstruct_structures", "{encoding}"),
    benchmark:
        PATHS.benchmark("reconstruct_structures", "{encoding}")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(2000),
        runtime=minutes(10),
    params:
        seed=config["seed"],
        settings={"count": 6},
        algorithm=1,
    message:
        "Reconstructing test structures, encoding {wildcards.encoding}"
    script:
        "../scripts/reconstruct_structures.py"
