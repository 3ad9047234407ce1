"""Exchange couplings, read from files or computed with AkaiKKR, and the magnetism that follows from them."""

KKR_KEYS = [key for key in EXCHANGE["akaikkr"] if key not in ("command", "mixing", "restarts")]


wildcard_constraints:
    system=r"[A-Za-z0-9][A-Za-z0-9._+-]*",


rule compute_curie:
    """Compute Curie temperatures in mean field, RPA and Monte Carlo, M(T) and the exchange stiffness of one crystal.

    Each finished temperature of the Monte Carlo is recorded in a ledger: a job that is killed goes on where it stopped.

    Wildcards used: system
    """
    input:
        warm=ancient(WARM),
        exchange=ES.exchange(),
    output:
        curie=ES.curie(),
    log:
        ES.log("compute_curie", "{system}"),
    benchmark:
        ES.benchmark("compute_curie", "{system}")
    conda:
        "../envs/base.yaml"
    threads: 2
    resources:
        mem_mb=mem_mb(2000),
        runtime=minutes(120),
    params:
        seed=config["seed"],
        settings=EXCHANGE["curie"],
        algorithm=2,
    message:
        "Computing the Curie temperature of {wildcards.system}"
    script:
        "../scripts/compute_curie.py"


rule read_exchange:
    """Read the exchange couplings of one crystal from a file of AkaiKKR, UppASD, VAMPIRE or TB2J.

    Wildcards used: system
    """
    input:
        couplings=coupling_files,
    output:
        exchange=ES.exchange(),
    log:
        ES.log("read_exchange", "{system}"),
    benchmark:
        ES.benchmark("read_exchange", "{system}")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(1000),
        runtime=minutes(10),
    params:
        seed=config["seed"],
        algorithm=3,
    message:
        "Reading the exchange couplings of {wildcards.system}"
    script:
        "../scripts/read_exchange.py"


rule prepare_kkr:
    """Write the AkaiKKR inputs of one crystal of the structure set, or of what the search found.

    Wildcards used: system
    """
    input:
        crystals=coupled_crystals,
    output:
        inputs=ES.kkr_inputs(),
    log:
        ES.log("prepare_kkr", "{system}"),
    benchmark:
        ES.benchmark("prepare_kkr", "{system}")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(1000),
        runtime=minutes(10),
    params:
        settings=pick(EXCHANGE["akaikkr"], *KKR_KEYS, "mixing"),
        found=lambda wildcards: wildcards.system in SEARCH_SYSTEMS,
        algorithm=1,
    message:
        "Preparing AkaiKKR for {wildcards.system}"
    script:
        "../scripts/prepare_kkr.py"


rule run_kkr:
    """Run AkaiKKR for one crystal: self-consistency with a ladder of restarts, molecular fields, couplings.

    Wildcards used: system
    """
    input:
        inputs=ES.kkr_inputs(),
    output:
        raw=protected(ES.kkr_raw()),
    log:
        ES.log("run_kkr", "{system}"),
    benchmark:
        ES.benchmark("run_kkr", "{system}")
    conda:
        "../envs/base.yaml"
    threads: 16
    resources:
        mem_mb=mem_mb(16000),
        runtime=minutes(720),
    params:
        settings=pick(EXCHANGE["akaikkr"], "command", "mixing", "restarts"),
        algorithm=1,
    message:
        "Running AkaiKKR for {wildcards.system}"
    script:
        "../scripts/run_kkr.py"


rule collect_kkr:
    """Read what AkaiKKR printed for one crystal: moments, energy and couplings, or a status that says what went wrong.

    Wildcards used: system
    """
    input:
        raw=ES.kkr_raw(),
    output:
        exchange=ES.exchange(),
    log:
        ES.log("collect_kkr", "{system}"),
    benchmark:
        ES.benchmark("collect_kkr", "{system}")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(1000),
        runtime=minutes(10),
    params:
        seed=config["seed"],
        settings=pick(EXCHANGE["akaikkr"], *KKR_KEYS),
        algorithm=2,
    message:
        "Reading what AkaiKKR printed for {wildcards.system}"
    script:
        "../scripts/collect_kkr.py"
