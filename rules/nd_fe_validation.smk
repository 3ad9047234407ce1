"""Validation of what the search found, by the back end: screening table, interstitial elements."""

VALIDATION = ND_FE["validation"]
SEARCH_CURIE = {"coupled": SEARCH_COUPLED, "curie": expand(ES.curie(), system=SEARCH_SYSTEMS)}
INTERSTITIALS = ND_FE["interstitials"]


rule select_candidates:
    """Choose crystals of low predicted energy and high magnetisation, and the paper's references, for the back end.

    Wildcards used: none
    """
    input:
        population=NF.population(LAST_GENERATION),
        snapshot=SNAPSHOT,
    output:
        crystals=ES.structure_set("candidates"),
    log:
        NF.log("select_candidates"),
    benchmark:
        NF.benchmark("select_candidates")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(1000),
        runtime=minutes(10),
    params:
        seed=config["seed"],
        settings={**PAIR, **pick(VALIDATION, "candidates", "min_mu0_Ms_T", "references")},
        algorithm=1,
    message:
        "Choosing crystals to validate"
    script:
        "../scripts/select_candidates.py"


rule select_coupled:
    """Choose the validated crystals of lowest energy for exchange couplings; their names are their ranks.

    Wildcards used: none
    """
    input:
        crystals=results_of("candidates", "static"),
        references=reference_results(),
    output:
        crystals=ES.structure_set("coupled"),
    log:
        NF.log("select_coupled"),
    benchmark:
        NF.benchmark("select_coupled")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(1000),
        runtime=minutes(30),
    params:
        seed=config["seed"],
        settings={**PAIR, **pick(VALIDATION, "exchange")},
        algorithm=1,
    message:
        "Choosing crystals for exchange couplings"
    script:
        "../scripts/select_coupled.py"


rule derive_screening:
    """Put predictions and calculations of the best crystals side by side: the screening table.

    Wildcards used: none
    """
    input:
        **SEARCH_CURIE,
        population=NF.population(LAST_GENERATION),
        crystals=results_of("candidates", "static"),
        references=reference_results(),
    output:
        screening=NF.screening(),
    log:
        NF.log("derive_screening"),
    benchmark:
        NF.benchmark("derive_screening")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(2000),
        runtime=minutes(30),
    params:
        seed=config["seed"],
        settings=pick(VALIDATION, "min_mu0_Ms_T"),
        algorithm=1,
    message:
        "Making the screening table"
    script:
        "../scripts/derive_screening.py"


rule build_interstitials:
    """Put light elements into the voids of the best hosts.

    Wildcards used: none
    """
    input:
        screening=NF.screening(),
        crystals=results_of("candidates", "relax"),
    output:
        crystals=ES.structure_set("interstitials"),
    log:
        NF.log("build_interstitials"),
    benchmark:
        NF.benchmark("build_interstitials")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(1000),
        runtime=minutes(10),
    params:
        seed=config["seed"],
        settings=INTERSTITIALS,
        algorithm=1,
    message:
        "Putting light elements into voids"
    script:
        "../scripts/build_interstitials.py"


rule derive_interstitials:
    """Rank the filled hosts by the change of their formation energy.

    Wildcards used: none
    """
    input:
        interstitials=results_of("interstitials", "static"),
        crystals=results_of("candidates", "static"),
        references=reference_results(),
    output:
        interstitials=NF.interstitials(),
    log:
        NF.log("derive_interstitials"),
    benchmark:
        NF.benchmark("derive_interstitials")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(2000),
        runtime=minutes(30),
    params:
        seed=config["seed"],
        algorithm=1,
    message:
        "Ranking light elements in voids"
    script:
        "../scripts/derive_interstitials.py"
