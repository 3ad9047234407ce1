"""Grain structures whose loops are computed, and the data set of their anchor points."""


rule generate_structures:
    """Draw one batch of Voronoi grain structures; number i depends on the seed and on i, not on the batches.

    Wildcards used: batch
    """
    input:
        warm=ancient(WARM),
    output:
        grains=PATHS.structures(),
    log:
        PATHS.log("generate_structures", "{batch}"),
    benchmark:
        PATHS.benchmark("generate_structures", "{batch}")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(1000),
        runtime=minutes(5),
    params:
        seed=config["seed"],
        settings=hysteresis_settings(structures=True),
        indices=batch_range,
        algorithm=1,
    message:
        "Drawing grain structures, batch {wildcards.batch}"
    script:
        "../scripts/generate_structures.py"


rule collect_dataset:
    """Read the anchor points off all loops and split the structures into training and test set.

    Wildcards used: none
    """
    input:
        grains=expand(PATHS.structures(), batch=BATCHES),
        loops=expand(PATHS.loops(), batch=BATCHES),
        material=MATERIAL,
    output:
        dataset=PATHS.dataset(),
    log:
        PATHS.log("collect_dataset"),
    benchmark:
        PATHS.benchmark("collect_dataset")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(1000),
        runtime=minutes(10),
    params:
        seed=config["seed"],
        settings=hysteresis_settings(material=True, loops=["test_count"]),
        algorithm=1,
    message:
        "Collecting anchor points of {input.loops[0]} and the other batches"
    script:
        "../scripts/collect_dataset.py"
