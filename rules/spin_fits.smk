"""Magnetic potentials: labels together, fits, and what the fitted potentials are good for."""


rule collect_spin_data:
    """Gather labelled configurations: those shipped, computed by the rules before, or the user's.

    Wildcards used: none
    """
    input:
        **spin_sources(),
    output:
        data=SP.data(),
        cfg=SP.exported("cfg"),
        extxyz=SP.exported("extxyz"),
    log:
        SP.log("collect_spin_data"),
    benchmark:
        SP.benchmark("collect_spin_data")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(2000),
        runtime=minutes(30),
    params:
        seed=config["seed"],
        settings={**ALLOY, **pick(SPIN, "source", "labels_from")},
        algorithm=1,
    message:
        "Gathering labelled configurations"
    script:
        "../scripts/collect_spin_data.py"


rule fit_spin_folds:
    """Fit a potential without each fold, with one weight of magnetic forces.

    Wildcards used: weight, batch
    """
    input:
        data=SP.data(),
        warm=ancient(WARM),
    output:
        fits=SP.folds(),
    log:
        SP.log("fit_spin_folds", "{weight}", "{batch}"),
    benchmark:
        SP.benchmark("fit_spin_folds", "{weight}", "{batch}")
    conda:
        torch_environment(SPIN["fit"]["device"])
    threads: 1
    resources:
        mem_mb=mem_mb(2000),
        runtime=minutes(720),
        gpu=gpus(SPIN["fit"]["device"]),
    params:
        seed=config["seed"],
        settings=FOLD_SETTINGS,
        algorithm=1,
    message:
        "Fitting without each fold, weight {wildcards.weight}, part {wildcards.batch}"
    script:
        "../scripts/fit_spin_folds.py"


rule fit_spin_ensemble:
    """Fit potentials to all data from different random parameters.

    Wildcards used: size, weight, batch
    """
    input:
        data=SP.data(),
        warm=ancient(WARM),
    output:
        fits=SP.ensemble(),
    log:
        SP.log("fit_spin_ensemble", "{size}", "{weight}", "{batch}"),
    benchmark:
        SP.benchmark("fit_spin_ensemble", "{size}", "{weight}", "{batch}")
    conda:
        torch_environment(SPIN["fit"]["device"])
    threads: 1
    resources:
        mem_mb=mem_mb(2000),
        runtime=minutes(1440),
        gpu=gpus(SPIN["fit"]["device"]),
    params:
        seed=config["seed"],
        settings=ENSEMBLE_SETTINGS,
        algorithm=1,
    message:
        "Fitting an ensemble, magnetic basis {wildcards.size}, weight {wildcards.weight}, part {wildcards.batch}"
    script:
        "../scripts/fit_spin_ensemble.py"


rule check_spin_potentials:
    """Bring moments to equilibrium and relax crystals with each potential of an ensemble.

    Wildcards used: size, weight
    """
    input:
        data=SP.data(),
        fits=expand(SP.ensemble(), batch=ENSEMBLE_PARTS, allow_missing=True),
    output:
        checks=SP.checks(),
        potentials=directory(SP.potentials()),
    log:
        SP.log("check_spin_potentials", "{size}", "{weight}"),
    benchmark:
        SP.benchmark("check_spin_potentials", "{size}", "{weight}")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(2000),
        runtime=minutes(240),
    params:
        seed=config["seed"],
        settings=pick(SPIN, "solute_energy_eV"),
        algorithm=1,
    message:
        "Equilibrium moments and relaxed crystals, magnetic basis {wildcards.size}, weight {wildcards.weight}"
    script:
        "../scripts/check_spin_potentials.py"
