"""Configurations of the study of magnetic potentials; their labels come from the rules of the electronic structure."""

ORDERING_KEYS = ["cells", "max_solute_fraction", "orderings", "lattice_A", "solute_expansion"]
START_KEYS = ["host_moment_muB", "solute_moment_muB"]
SNAPSHOT_KEYS = ["snapshots", "temperature_K", "snapshot_interval"]
CELL_KEYS = ["perturbed", "rattle_A", "strain", "volume_range", "one_axis"]
MOMENT_KEYS = ["wide", "moment_range_muB", "moment_spread_muB", "flips"]


localrules:
    build_spin_orderings,
    build_spin_points,


rule build_spin_orderings:
    """Put solute atoms on sites of the host in all different ways that the cells allow.

    Wildcards used: none
    """
    output:
        crystals=ES.structure_set("spin_orderings"),
    log:
        SP.log("build_spin_orderings"),
    benchmark:
        SP.benchmark("build_spin_orderings")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(1000),
        runtime=minutes(10),
    params:
        seed=config["seed"],
        settings={**ALLOY, **pick(SPIN_DATA, *ORDERING_KEYS, *START_KEYS)},
        algorithm=1,
    message:
        "Building the orderings of the alloy"
    script:
        "../scripts/build_spin_orderings.py"


rule build_spin_snapshots:
    """Follow the relaxed orderings in molecular dynamics; moments of the snapshots are to be free.

    Wildcards used: none
    """
    input:
        relaxed=results_of("spin_orderings", "relax"),
    output:
        crystals=ES.structure_set("spin_snapshots"),
    log:
        SP.log("build_spin_snapshots"),
    benchmark:
        SP.benchmark("build_spin_snapshots")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(2000),
        runtime=minutes(120),
    params:
        seed=config["seed"],
        settings=pick(SPIN_DATA, *SNAPSHOT_KEYS),
        algorithm=3,
    message:
        "Following the relaxed orderings at a temperature"
    script:
        "../scripts/build_spin_snapshots.py"


rule build_spin_held:
    """Strain the relaxed orderings, displace their atoms, and draw the moments that are to be held.

    Wildcards used: none
    """
    input:
        relaxed=results_of("spin_orderings", "relax"),
    output:
        crystals=ES.structure_set("spin_held"),
    log:
        SP.log("build_spin_held"),
    benchmark:
        SP.benchmark("build_spin_held")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(1000),
        runtime=minutes(10),
    params:
        seed=config["seed"],
        settings={**ALLOY, **pick(SPIN_DATA, *CELL_KEYS, *MOMENT_KEYS)},
        algorithm=4,
    message:
        "Drawing strained crystals with held moments"
    script:
        "../scripts/build_spin_held.py"


rule build_spin_points:
    """Choose labelled configurations that are to be computed anew.

    Wildcards used: none
    """
    input:
        data=SP.data(),
    output:
        crystals=ES.structure_set("spin_points"),
    log:
        SP.log("build_spin_points"),
    benchmark:
        SP.benchmark("build_spin_points")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(1000),
        runtime=minutes(10),
    params:
        seed=config["seed"],
        settings=pick(SPIN, "recomputed"),
        algorithm=1,
    message:
        "Choosing labels that are to be computed anew"
    script:
        "../scripts/build_spin_points.py"
