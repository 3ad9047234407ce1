"""Calculations of crystals: checked all at once, then prepared, run and collected in batches."""


rule build_element_references:
    """Gather crystals of all elements that occur, to be computed with the settings of the compounds.

    Wildcards used: none
    """
    input:
        crystals=ES.structure_set("crystals"),
    output:
        elements=ES.structure_set("elements"),
    log:
        ES.log("build_element_references"),
    benchmark:
        ES.benchmark("build_element_references")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(1000),
        runtime=minutes(10),
    params:
        seed=config["seed"],
        algorithm=1,
    message:
        "Gathering crystals of the elements"
    script:
        "../scripts/build_element_references.py"


rule check_calculations:
    """Find everything that cannot be computed, before a single calculation is submitted.

    Wildcards used: crystals
    """
    input:
        crystals=ES.structure_set(),
    output:
        checks=ES.checks(),
    log:
        ES.log("check_calculations", "{crystals}"),
    benchmark:
        ES.benchmark("check_calculations", "{crystals}")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(1000),
        runtime=minutes(30),
    params:
        settings=lambda wildcards: {**settings_of(wildcards), **pick(CALCULATIONS, "check_programs")},
        refused=refused_of,
        steps=lambda wildcards: ES_STEPS[wildcards.crystals],
        algorithm=1,
    message:
        "Checking the {wildcards.crystals}"
    script:
        "../scripts/check_calculations.py"


rule prepare_calculations:
    """Write the input files of one batch; a step after the first starts from the geometry and moments of the last.

    Wildcards used: crystals, step, batch
    """
    input:
        crystals=ES.structure_set(),
        checks=checks_before,
        before=step_before,
    output:
        inputs=ES.inputs(),
    log:
        ES.log("prepare_calculations", "{crystals}", "{step}", "{batch}"),
    benchmark:
        ES.benchmark("prepare_calculations", "{crystals}", "{step}", "{batch}")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(1000),
        runtime=minutes(10),
    params:
        settings=settings_of,
        batches=lambda wildcards: len(ES_BATCHES[wildcards.crystals]),
        algorithm=3,
    message:
        "Preparing {wildcards.step} of the {wildcards.crystals}, batch {wildcards.batch}"
    script:
        "../scripts/prepare_calculations.py"


rule run_calculations:
    """Run one batch; finished calculations are recorded, so that a job that is killed goes on where it stopped.

    Wildcards used: crystals, step, batch
    """
    input:
        inputs=ES.inputs(),
    output:
        raw=kept_raw(ES.raw()),
    log:
        ES.log("run_calculations", "{crystals}", "{step}", "{batch}"),
    benchmark:
        ES.benchmark("run_calculations", "{crystals}", "{step}", "{batch}")
    conda:
        torch_environment(ES_DEVICE)
    threads: run_resource("threads")
    resources:
        mpi=launcher_of,
        mem_mb=mem_mb(run_resource("mem_mb")),
        runtime=minutes(run_resource("minutes")),
        tasks=run_resource("tasks"),
        gpu=gpus_of,
    params:
        settings=backend_of,
        algorithm=2,
    message:
        "Running {wildcards.step} of the {wildcards.crystals}, batch {wildcards.batch}"
    script:
        "../scripts/run_calculations.py"


rule collect_calculations:
    """Read the raw output of one batch; a better parser repeats this and no calculation.

    Wildcards used: crystals, step, batch
    """
    input:
        crystals=ES.structure_set(),
        raw=ES.raw(),
    output:
        calculations=ES.calculations(),
    log:
        ES.log("collect_calculations", "{crystals}", "{step}", "{batch}"),
    benchmark:
        ES.benchmark("collect_calculations", "{crystals}", "{step}", "{batch}")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(1500),
        runtime=minutes(20),
    params:
        seed=config["seed"],
        settings=settings_of,
        algorithm=3,
    message:
        "Collecting {wildcards.step} of the {wildcards.crystals}, batch {wildcards.batch}"
    script:
        "../scripts/collect_calculations.py"
