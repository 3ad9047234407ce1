"""The inverse problem: structures with a wanted remanence, coercive field and squareness."""


rule search_designs:
    """Search structures with wanted properties by a genetic algorithm over the learned model; recompute the best.

    Wildcards used: none
    """
    input:
        **forward_model(encoding=ENCODINGS[-1]),
        warm=ancient(WARM),
        material=MATERIAL,
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
        settings=recomputed_settings(inverse=True),
        algorithm=1,
    message:
        "Searching for structures with the wanted loops"
    script:
        "../scripts/search_designs.py"
