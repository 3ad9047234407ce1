"""Regression of the anchor points from the codes: folds, ensemble, predictions."""

REGRESSOR_DEVICE = HYSTERESIS["regressor"]["device"]


rule validate_regressor:
    """Train on all folds but one and predict that one, to find the number of epochs and the calibration.

    Wildcards used: encoding, fold
    """
    input:
        codes=PATHS.codes(),
        dataset=PATHS.dataset(),
    output:
        network=PATHS.fold(),
        predictions=PATHS.fold_predictions(),
    log:
        PATHS.log("validate_regressor", "{encoding}", "{fold}"),
    benchmark:
        PATHS.benchmark("validate_regressor", "{encoding}", "{fold}")
    conda:
        torch_environment(REGRESSOR_DEVICE)
    threads: 1
    resources:
        mem_mb=mem_mb(1500),
        runtime=minutes(20 + HYSTERESIS["loops"]["count"] // 40),
        gpu=gpus(REGRESSOR_DEVICE),
    params:
        seed=config["seed"],
        settings=hysteresis_settings(regressor=True),
        algorithm=1,
    message:
        "Validating the regressor, encoding {wildcards.encoding}, fold {wildcards.fold}"
    script:
        "../scripts/validate_regressor.py"


rule train_regressor:
    """Train one member of the ensemble on the whole training set, for the number of epochs that the folds found.

    Wildcards used: encoding, member
    """
    input:
        codes=PATHS.codes(),
        dataset=PATHS.dataset(),
        folds=expand(PATHS.fold(), fold=FOLDS, allow_missing=True),
    output:
        network=PATHS.regressor(),
    log:
        PATHS.log("train_regressor", "{encoding}", "{member}"),
    benchmark:
        PATHS.benchmark("train_regressor", "{encoding}", "{member}")
    conda:
        torch_environment(REGRESSOR_DEVICE)
    threads: 1
    resources:
        mem_mb=mem_mb(1500),
        runtime=minutes(20 + HYSTERESIS["loops"]["count"] // 40),
        gpu=gpus(REGRESSOR_DEVICE),
    params:
        seed=config["seed"],
        settings=hysteresis_settings(regressor=True),
        algorithm=1,
    message:
        "Training the regressor, encoding {wildcards.encoding}, member {wildcards.member}"
    script:
        "../scripts/train_regressor.py"


rule predict_anchors:
    """Predict the anchor points of all structures with the ensemble, with an interval for each prediction.

    Wildcards used: encoding
    """
    input:
        **ensemble(),
        codes=PATHS.codes(),
        dataset=PATHS.dataset(),
    output:
        predictions=PATHS.predictions(),
    log:
        PATHS.log("predict_anchors", "{encoding}"),
    benchmark:
        PATHS.benchmark("predict_anchors", "{encoding}")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(1500),
        runtime=minutes(10),
    params:
        seed=config["seed"],
        settings=hysteresis_settings(regressor=["coverage_level"]),
        algorithm=1,
    message:
        "Predicting anchor points, encoding {wildcards.encoding}"
    script:
        "../scripts/predict_anchors.py"
