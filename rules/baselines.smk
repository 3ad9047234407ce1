"""What a sceptic would try first: the mean, grain statistics with gradient boosting, a plain convolutional network."""

BASELINE_MINUTES = 20 + HYSTERESIS["loops"]["count"] * HYSTERESIS["baselines"]["cnn_epochs"] // 500


rule train_baseline:
    """Train one baseline model on the same split and predict the same samples.

    Wildcards used: baseline
    """
    input:
        warm=ancient(WARM),
        dataset=PATHS.dataset(),
        grains=expand(PATHS.structures(), batch=BATCHES),
    output:
        predictions=PATHS.baseline(),
    log:
        PATHS.log("train_baseline", "{baseline}"),
    benchmark:
        PATHS.benchmark("train_baseline", "{baseline}")
    conda:
        "../envs/base.yaml"
    threads: lambda wildcards: 1 if wildcards.baseline == "mean" else 4
    resources:
        mem_mb=mem_mb(3000),
        runtime=minutes(BASELINE_MINUTES),
    params:
        seed=config["seed"],
        settings=baseline_settings,
        algorithm=1,
    message:
        "Training the baseline {wildcards.baseline}"
    script:
        "../scripts/train_baseline.py"
