"""Demagnetisation curves by micromagnetic energy minimisation."""


rule compute_loops:
    """Compute the demagnetisation curves of one batch; a ledger holds the finished ones for a job that was killed.

    Wildcards used: batch
    """
    input:
        warm=ancient(WARM),
        grains=PATHS.structures(),
        material=MATERIAL,
    output:
        loops=PATHS.loops(),
    log:
        PATHS.log("compute_loops", "{batch}"),
    benchmark:
        PATHS.benchmark("compute_loops", "{batch}")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(1500),
        runtime=minutes(5 + HYSTERESIS["loops"]["batch_size"] // 10),
    params:
        seed=config["seed"],
        settings=hysteresis_settings(material=True, loops=LOOP_KEYS),
        algorithm=2,
    message:
        "Computing demagnetisation curves, batch {wildcards.batch}"
    script:
        "../scripts/compute_loops.py"


use rule compute_loops as compute_loops_gpu with:
    conda:
        "../envs/gpu.yaml"
    threads: 4
    resources:
        mem_mb=mem_mb(8000),
        runtime=minutes(10 + HYSTERESIS["loops"]["batch_size"] // 60),
        gpu=1,
    message:
        "Computing demagnetisation curves on a GPU, batch {wildcards.batch}"


if HYSTERESIS["loops"]["backend"] == "gpu":

    ruleorder: compute_loops_gpu > compute_loops

else:

    ruleorder: compute_loops > compute_loops_gpu
