"""Morphing between structures in the latent space, with the curves recomputed."""


rule morph_structures:
    """
    Go in steps from one structure to another in the latent space; predict the anchor points of each step and
    recompute its demagnetisation curve.

    Wildcards used: encoding, pair
    """
    input:
        warm=ancient(WARM),
        network=PATHS.autoencoder(),
        members=expand(PATHS.regressor(), member=MEMBERS, allow_missing=True),
        fold_predictions=expand(
            PATHS.fold_predictions(), fold=FOLDS, allow_missing=True
        ),
    output:
        morphing=PATHS.morphing(),
    log:
        PATHS.log("morph_structures", "{encoding}", "{pair}"),
    benchmark:
        PATHS.benchmark("morph_structures", "{encoding}", "{pair}")
    conda:
        "../envs/base.yaml"
    threads: 2
    resources:
        mem_mb=mem_mb(2500),
        runtime=minutes(10 + HYSTERESIS["morphing"]["steps"]),
    params:
        seed=config["seed"],
        settings=hysteresis_settings(
            morphing=["steps"],
            structures=True,
            material=True,
            loops=LOOP_KEYS,
            regressor=["coverage_level"],
        ),
        algorithm=1,
    message:
        "Morphing structures, encoding {wildcards.encoding}, pair {wildcards.pair}"
    script:
        "../scripts/morph_structures.py"
