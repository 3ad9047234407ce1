"""The genetic search: each generation is bred, relaxed in batches, and ranked."""

SEARCH_KEYS = [
    key
    for key in SEARCH
    if key not in ("batches", "relaxer", "calculator", "calculator_arguments", "relaxation", "max_generations")
]
BREEDING = {"elements": [ND_FE["minority"], ND_FE["majority"]], **pick(SEARCH, *SEARCH_KEYS)}
# A few hundred predictions are no work for a GPU.
RANKING = {**BREEDING, "device": "cpu"}
RELAXING = {
    **BREEDING,
    "device": ND_FE_DEVICE,
    **pick(SEARCH, "relaxer", "calculator", "calculator_arguments", "relaxation"),
}


rule breed_candidates:
    """Make the crystals of one generation: seeds for the first, offspring of the ranked population after it.

    Wildcards used: generation
    """
    input:
        before=generation_before,
        skeletons=SNAPSHOT,
        seeds=structure_files.expand(SEARCH["seeds"]["files"]),
    output:
        candidates=NF.candidates(),
    log:
        NF.log("breed_candidates", "{generation}"),
    benchmark:
        NF.benchmark("breed_candidates", "{generation}")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(2000),
        runtime=minutes(30),
    params:
        seed=config["seed"],
        settings=BREEDING,
        algorithm=1,
    message:
        "Breeding generation {wildcards.generation}"
    script:
        "../scripts/breed_candidates.py"


rule relax_candidates:
    """Relax one batch of a generation; finished crystals are recorded, so that a killed job goes on where it stopped.

    Wildcards used: generation, batch
    """
    input:
        warm=ancient(WARM),
        candidates=NF.candidates(),
        models=relaxer_models,
    output:
        relaxed=NF.relaxed(),
    log:
        NF.log("relax_candidates", "{generation}", "{batch}"),
    benchmark:
        NF.benchmark("relax_candidates", "{generation}", "{batch}")
    conda:
        torch_environment(ND_FE_DEVICE)
    threads: 1
    resources:
        mem_mb=mem_mb(4000),
        runtime=minutes(240),
        gpu=gpus(ND_FE_DEVICE),
    params:
        settings=RELAXING,
        batches=len(RELAX_BATCHES),
        algorithm=1,
    message:
        "Relaxing generation {wildcards.generation}, batch {wildcards.batch}"
    script:
        "../scripts/relax_candidates.py"


rule rank_population:
    """Predict energy and magnetisation of all crystals that compete, rank them and keep the best.

    Wildcards used: generation
    """
    input:
        warm=ancient(WARM),
        before=generation_before,
        relaxed=expand(NF.relaxed(), batch=RELAX_BATCHES, allow_missing=True),
        models=lambda wildcards: property_models(models_version(wildcards.generation)),
    output:
        population=NF.population(),
    log:
        NF.log("rank_population", "{generation}"),
    benchmark:
        NF.benchmark("rank_population", "{generation}")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(3000),
        runtime=minutes(60),
    params:
        seed=config["seed"],
        settings=RANKING,
        algorithm=1,
    message:
        "Ranking generation {wildcards.generation}"
    script:
        "../scripts/rank_population.py"


rule pick_uncertain:
    """Choose the most uncertain crystals of a generation: the back end computes them, and the models learn from them.

    Wildcards used: round
    """
    input:
        population=lambda wildcards: NF.population(int(wildcards.round) * LEARNING["every"]),
    output:
        crystals=ES.structure_set("learned{round}"),
    log:
        NF.log("pick_uncertain", "{round}"),
    benchmark:
        NF.benchmark("pick_uncertain", "{round}")
    conda:
        "../envs/base.yaml"
    threads: 1
    resources:
        mem_mb=mem_mb(1000),
        runtime=minutes(10),
    params:
        seed=config["seed"],
        settings=pick(LEARNING, "crystals"),
        algorithm=1,
    message:
        "Choosing uncertain crystals, round {wildcards.round}"
    script:
        "../scripts/pick_uncertain.py"
