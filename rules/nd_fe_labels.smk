"""What the models of the Nd-Fe search learn from: crystals of several kinds, and the labels that the back end gives."""

LABELLED_FILE = str(Path(workflow.basedir) / "config" / "data" / "labelled" / "maggen.jsonl.gz")
TRAINING = ND_FE["data"]
CRYSTALS = ["structures", "max_sites", "min_ratio", "copies", "rattle_A", "strain"]
FORCE_FIELD_CRYSTALS = ["force_field_structures", "force_field_max_sites", "force_field_copies"]


rule build_references:
    """Gather the elements and the known compounds of the two elements: what energies are counted from.

    Wildcards used: none
    """
    input:
        snapshot=SNAPSHOT,
    output:
        crystals=ES.structure_set("references"),
        gases=ES.structure_set("gases"),
    log:
        NF.log("build_references"),
    benchmark:
        NF.benchmark("build_references")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(1000),
        runtime=minutes(10),
    params:
        seed=config["seed"],
        settings={**PAIR, **pick(TRAINING, "max_sites"), "light": ND_FE["interstitials"]["elements"]},
        algorithm=1,
    message:
        "Gathering the elements and known compounds"
    script:
        "../scripts/build_references.py"


rule build_training_set:
    """Put the two elements on the sites of known binary crystals, and add strained copies with displaced atoms.

    Wildcards used: none
    """
    input:
        snapshot=SNAPSHOT,
    output:
        crystals=ES.structure_set("training"),
    log:
        NF.log("build_training_set"),
    benchmark:
        NF.benchmark("build_training_set")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(2000),
        runtime=minutes(60),
    params:
        seed=config["seed"],
        settings={**PAIR, **pick(TRAINING, *CRYSTALS), **pick(ND_FE["search"], "max_minority_fraction")},
        algorithm=1,
    message:
        "Building the crystals to learn from"
    script:
        "../scripts/build_training_set.py"


rule build_pretraining_set:
    """Choose crystals of other elements for the force field, and add strained copies with displaced atoms.

    Wildcards used: none
    """
    input:
        snapshot=SNAPSHOT,
    output:
        crystals=ES.structure_set("pretraining"),
    log:
        NF.log("build_pretraining_set"),
    benchmark:
        NF.benchmark("build_pretraining_set")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(2000),
        runtime=minutes(30),
    params:
        seed=config["seed"],
        settings={**PAIR, **pick(TRAINING, "rattle_A", "strain"), **pick(PRETRAINING, *FORCE_FIELD_CRYSTALS)},
        algorithm=1,
    message:
        "Building the crystals for the force field before it is specialised"
    script:
        "../scripts/build_pretraining_set.py"


rule select_published_labels:
    """Choose crystals with published DFT labels; no compound of the two elements is among them.

    Wildcards used: none
    """
    input:
        published=LABELLED_FILE,
    output:
        labels=NF.labels("published"),
    log:
        NF.log("select_published_labels"),
    benchmark:
        NF.benchmark("select_published_labels")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(1500),
        runtime=minutes(10),
    params:
        seed=config["seed"],
        settings={**PAIR, **pick(PRETRAINING, "structures", "max_sites", "metals_only", "alike_first")},
        algorithm=1,
    message:
        "Choosing crystals with published labels"
    script:
        "../scripts/select_published_labels.py"


rule collect_labels:
    """Turn calculations of one structure set into labels: energies, forces, stresses, moments, formation energies.

    Wildcards used: labels
    """
    input:
        calculations=lambda wildcards: results_of(wildcards.labels, "static"),
        references=results_of("references", "static"),
    output:
        labels=NF.labels(),
    log:
        NF.log("collect_labels", "{labels}"),
    benchmark:
        NF.benchmark("collect_labels", "{labels}")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(1500),
        runtime=minutes(20),
    params:
        seed=config["seed"],
        settings=pick(TRAINING, "max_force_eV_A", "max_formation_eV"),
        algorithm=1,
    message:
        "Collecting labels of the crystals for {wildcards.labels}"
    script:
        "../scripts/collect_labels.py"
