"""Morphing between structures in the latent space, with the curves recomputed."""


rule morph_structures:
    """Go from one structure to another in the latent space; predict each step and recompute its curve.

    Wildcards used: encoding, pair
    """
    input:
        **forward_model(),
        warm=ancient(WARM),
        material=MATERIAL,
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
        settings=recomputed_settings(morphing=["steps"]),
        algorithm=1,
    message:
        "Morphing structures, encoding {wildcards.encoding}, pair {wildcards.pair}"
    script:
        "../scripts/morph_structures.py"
