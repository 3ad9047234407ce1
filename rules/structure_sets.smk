"""Structure sets: the crystals of which everything is computed."""

from lodestone.structures import files as structure_files

CRYSTALS = ELECTRONIC["structures"]
SNAPSHOT = str(Path(workflow.basedir) / "config" / "data" / "structures" / "snapshot.jsonl.gz")
# Files from which the crystals are read or made; what a folder holds is looked up now, so that new files rerun the job.
CRYSTAL_FILES = {
    "prototypes": [SNAPSHOT],
    "snapshot": [SNAPSHOT],
    "files": structure_files.rule_inputs(CRYSTALS["files"]),
    "materials_project": [ES.materials_project()],
}[CRYSTALS["source"]]
# Keys that every source reads, and those that one alone reads.
STRUCTURE_KEYS = [
    "source",
    "cell",
    "symprec_A",
    "min_distance_ratio",
    "min_distances",
    "remove_duplicates",
    "max_sites",
    "max_structures",
]
SOURCE_KEYS = {
    "prototypes": ["prototypes"],
    "snapshot": ["systems"],
    "files": [],
    "materials_project": ["systems"],
}[CRYSTALS["source"]]


rule download_structures:
    """Ask the Materials Project for structures, with the key in the variable MP_API_KEY, and keep the answer as it is.

    Wildcards used: none
    """
    output:
        answer=protected(ES.materials_project()),
    log:
        ES.log("download_structures"),
    benchmark:
        ES.benchmark("download_structures")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(2000),
        runtime=minutes(60),
    params:
        settings=pick(CRYSTALS, "systems"),
        algorithm=1,
    message:
        "Asking the Materials Project for structures"
    script:
        "../scripts/download_structures.py"


rule build_structure_set:
    """Read crystals or make them from prototypes; refuse what cannot be calculated, remove duplicates.

    Wildcards used: none
    """
    input:
        files=CRYSTAL_FILES,
    output:
        crystals=ES.structure_set("crystals"),
    log:
        ES.log("build_structure_set"),
    benchmark:
        ES.benchmark("build_structure_set")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(4000),
        runtime=minutes(60),
    params:
        seed=config["seed"],
        settings=pick(CRYSTALS, *STRUCTURE_KEYS, *SOURCE_KEYS),
        algorithm=1,
    message:
        "Building the structure set"
    script:
        "../scripts/build_structure_set.py"
