"""The inverse problem: structures with a wanted remanence, coercive field and squareness."""


rule search_designs:
    """
    Search for structures with the wanted properties by a genetic algorithm over the learned model, and recompute
    the best ones by micromagnetics.

    Wildcards used: none
    """
    input:
        warm=ancient(WARM),
        network=expand(PATHS.autoencoder(), encoding=ENCODINGS[-1]),
        members=expand(PATHS.regressor(), encoding=ENCODINGS[-1], member=MEMBERS),
        fold_predictions=expand(
            PATHS.fold_predictions(), encoding=ENCODINGS[-1], fold=FOLDS
        ),
    output:
        designs=PATHS.inverse_designs(),
    log:
        PATHS.log("search_designs"),
    benchmark:
        PATHS.benchmark("search_designs")
    conda:
        "../envs/base.yaml"
    threads: 4
    resources:
        mem_mb=mem_mb(3000),
        runtime=minutes(30 + SEARCH_EVALUATIONS // 200),
    params:
        seed=config["seed"],
        settings=hysteresis_settings(
            inverse=True,
            structures=True,
            material=True,
            loops=LOOP_KEYS,
            regressor=["coverage_level"],
        ),
        algorithm=1,
    message:
        "Searching for structures with the wanted loops"
    script:
        "../scripts/search_designs.py"
