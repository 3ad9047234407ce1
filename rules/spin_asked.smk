"""The loop of active learning: what a potential asks for is computed, and goes with the other labels as files."""

DRAWN_KEYS = [key for key in (*ORDERING_KEYS, *START_KEYS, *CELL_KEYS, *MOMENT_KEYS) if key != "perturbed"]
ASKED_SETTINGS = {
    **ALLOY,
    **pick(SPIN_DATA, *DRAWN_KEYS),
    **pick(SPIN["fit"], *WEIGHT_KEYS),
    **pick(SPIN["asked"], "count", "pool"),
    "magnetic_weight": USES["weight"],
}


rule ask_spin_labels:
    """Draw strained crystals with held moments, and keep those on which the potential extrapolates most.

    Wildcards used: none
    """
    input:
        data=SP.data(),
        warm=ancient(WARM),
        fits=USED_FITS,
    output:
        crystals=ES.structure_set("spin_asked"),
    log:
        SP.log("ask_spin_labels"),
    benchmark:
        SP.benchmark("ask_spin_labels")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(4000),
        runtime=minutes(120),
    params:
        seed=config["seed"],
        settings=ASKED_SETTINGS,
        algorithm=2,
    message:
        "Asking which crystals are to be computed next"
    script:
        "../scripts/ask_spin_labels.py"


rule collect_spin_asked:
    """Gather the labels that the potential asked for.

    Wildcards used: none
    """
    input:
        calculations=results_of("spin_asked", "constrained"),
    output:
        extxyz=SP.asked(),
    log:
        SP.log("collect_spin_asked"),
    benchmark:
        SP.benchmark("collect_spin_asked")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(2000),
        runtime=minutes(30),
    params:
        seed=config["seed"],
        settings=ALLOY,
        algorithm=1,
    message:
        "Gathering the labels that were asked for"
    script:
        "../scripts/collect_spin_asked.py"
