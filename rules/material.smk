"""Constants of micromagnetics from electronic structure: where the two meet."""


localrules:
    derive_material,


rule derive_material:
    """Derive M_s(T), A(T) and, where an anisotropy was computed, K_1(T) of one crystal for micromagnetics.

    Wildcards used: system
    """
    input:
        exchange=ES.exchange(),
        curie=ES.curie(),
        anisotropy=[ES.anisotropy()] if "anisotropy" in STEPS else [],
    output:
        material=ES.material(),
    log:
        ES.log("derive_material", "{system}"),
    benchmark:
        ES.benchmark("derive_material", "{system}")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(500),
        runtime=minutes(5),
    params:
        seed=config["seed"],
        temperatures_K=EXCHANGE["material"]["temperatures_K"],
        algorithm=1,
    message:
        "Deriving the constants of micromagnetics of {wildcards.system}"
    script:
        "../scripts/derive_material.py"
