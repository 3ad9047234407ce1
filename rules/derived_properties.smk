"""What follows from the energies: formation energy and hull, anisotropy constants."""


rule derive_stability:
    """Count formation energies and energies above the hull from the element references.

    Wildcards used: none
    """
    input:
        crystals=lambda _: results_of("crystals", ES_STEPS["elements"][-1]),
        elements=lambda _: results_of("elements", ES_STEPS["elements"][-1]),
    output:
        stability=ES.stability(),
    log:
        ES.log("derive_stability"),
    benchmark:
        ES.benchmark("derive_stability")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(2000),
        runtime=minutes(30),
    params:
        seed=config["seed"],
        algorithm=3,
    message:
        "Deriving formation energies and the hull"
    script:
        "../scripts/derive_stability.py"


rule derive_anisotropy:
    """Fit anisotropy constants to the energies along several axes.

    Wildcards used: none
    """
    input:
        calculations=results_of("crystals", "anisotropy"),
    output:
        anisotropy=ES.anisotropy(),
    log:
        ES.log("derive_anisotropy"),
    benchmark:
        ES.benchmark("derive_anisotropy")
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
        "Fitting anisotropy constants"
    script:
        "../scripts/derive_anisotropy.py"
