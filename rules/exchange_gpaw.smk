"""Exchange couplings computed with GPAW, for crystals without lanthanides."""

GPAW_RUN_KEYS = ("command", "setups_folder")
GPAW_KEYS = [key for key in EXCHANGE["gpaw"] if key not in GPAW_RUN_KEYS]


rule prepare_gpaw:
    """Write the input for GPAW of one crystal of the structure set, or of what the search found.

    Wildcards used: system
    """
    input:
        crystals=coupled_crystals,
    output:
        inputs=ES.gpaw_inputs(),
    log:
        ES.log("prepare_gpaw", "{system}"),
    benchmark:
        ES.benchmark("prepare_gpaw", "{system}")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(1000),
        runtime=minutes(10),
    params:
        settings=pick(EXCHANGE["gpaw"], *GPAW_KEYS),
        found=lambda wildcards: wildcards.system in SEARCH_SYSTEMS,
        algorithm=1,
    message:
        "Preparing GPAW for {wildcards.system}"
    script:
        "../scripts/prepare_gpaw.py"


rule run_gpaw:
    """Run GPAW for one crystal: self-consistency, then the couplings wave vector by wave vector.

    Each wave vector is recorded: a job that is killed goes on with the first that is missing.

    Wildcards used: system
    """
    input:
        inputs=ES.gpaw_inputs(),
    output:
        raw=protected(ES.gpaw_raw()),
    log:
        ES.log("run_gpaw", "{system}"),
    benchmark:
        ES.benchmark("run_gpaw", "{system}")
    conda:
        "../envs/base.yaml"
    threads: 16
    resources:
        mem_mb=mem_mb(16000),
        runtime=minutes(720),
    params:
        settings=pick(EXCHANGE["gpaw"], *GPAW_RUN_KEYS),
        algorithm=1,
    message:
        "Running GPAW for {wildcards.system}"
    script:
        "../scripts/run_gpaw.py"


rule collect_gpaw:
    """Read what GPAW found for one crystal: moments, energy and couplings, or a status that says what went wrong.

    Wildcards used: system
    """
    input:
        raw=ES.gpaw_raw(),
    output:
        exchange=ES.exchange(),
    log:
        ES.log("collect_gpaw", "{system}"),
    benchmark:
        ES.benchmark("collect_gpaw", "{system}")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(1000),
        runtime=minutes(10),
    params:
        seed=config["seed"],
        settings=pick(EXCHANGE["gpaw"], *GPAW_KEYS),
        algorithm=1,
    message:
        "Reading what GPAW found for {wildcards.system}"
    script:
        "../scripts/collect_gpaw.py"


# Three rules make the couplings of a crystal; the config says which.
if EXCHANGE["source"] == "files":

    ruleorder: read_exchange > collect_kkr
    ruleorder: read_exchange > collect_gpaw

elif EXCHANGE["source"] == "akaikkr":

    ruleorder: collect_kkr > read_exchange
    ruleorder: collect_kkr > collect_gpaw

else:

    ruleorder: collect_gpaw > read_exchange
    ruleorder: collect_gpaw > collect_kkr
