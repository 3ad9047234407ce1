"""Helpers of the Nd-Fe search: its paths, settings, versions of its models and structure sets."""

NF = paths.NdFeSearch(RESULTS)
ND_FE = config["nd_fe_search"]
PAIR = pick(ND_FE, "minority", "majority")
PRETRAINING = ND_FE["pretraining"]
SEARCH = ND_FE["search"]
LEARNING = ND_FE["learning"]
ND_FE_DEVICE = ND_FE["device"]
# One network learns both properties here; published ones have one each.
PROPERTY_MODELS = {
    "here": ["properties"],
    "zoo": ["formation_energy", "moment"],
    "files": ["formation_energy", "moment"],
}[PRETRAINING["source"]]
LAST_GENERATION = SEARCH["max_generations"]
RELAX_BATCHES = paths.batch_names(SEARCH["batches"], 1)
LEARNED = [f"learned{n}" for n in range(1, LEARNING["rounds"] + 1)]
# Structure sets of this study that the rules of the electronic-structure study compute: steps and batches.
ND_FE_STEPS = {
    "references": ["relax", "static"],
    "gases": ["static"],
    "training": ["static"],
    "pretraining": ["static"],
    "candidates": ["relax", "static"],
    "interstitials": ["relax", "static"],
    **{name: ["static"] for name in LEARNED},
}
# Crystals in each set as far as they are counted before they are known, and how many are worth the start of a job:
# filled hosts take long to relax.
INTERSTITIALS_COUNT = ND_FE["interstitials"]["hosts"] * ND_FE["interstitials"]["voids"]
ND_FE_COUNTS = {
    "references": 1,
    "gases": 1,
    "interstitials": INTERSTITIALS_COUNT * len(ND_FE["interstitials"]["elements"]),
    **dict.fromkeys(LEARNED, LEARNING["crystals"]),
}
ND_FE_WORTH = {"interstitials": 2}
ND_FE_BATCHES = {
    name: paths.batch_names(
        min(ND_FE["data"]["batches"], max(1, ND_FE_COUNTS.get(name, 10**6) // ND_FE_WORTH.get(name, 8))), 1
    )
    for name in ND_FE_STEPS
}


def reference_results():
    """Calculations that energies are counted from: elements and known compounds, molecules where they are needed."""
    gases = set(ND_FE["interstitials"]["elements"]) & {"H", "N", "O", "F"}
    return [*results_of("references", "static"), *(results_of("gases", "static") if gases else [])]


def models_version(generation):
    """How often the models of a generation were specialised anew."""
    return min(LEARNING["rounds"], max(0, int(generation) - 1) // LEARNING["every"])


def generation_before(wildcards):
    """Population that a generation comes from: none for the first."""
    generation = int(wildcards.generation)
    return NF.population(generation - 1) if generation else []


def property_models(version):
    """Models that the population is ranked with: of formation energy and moment, specialised, and of anisotropy."""
    wanted = "anisotropy" in SEARCH["objectives"]
    return [NF.model(target, version) for target in PROPERTY_MODELS] + [NF.anisotropy_model()] * wanted


def relaxer_models(wildcards):
    """Models that relax a generation: none if it is no force field of ours."""
    version = models_version(wildcards.generation)
    return [NF.model("force_field", version)] if SEARCH["relaxer"] == "force_field" else []


def start_model(wildcards):
    """Model that is specialised: trained here or loaded."""
    return NF.pretrained(wildcards.target) if PRETRAINING["source"] == "here" else NF.loaded(wildcards.target)


def labels_of_version(wildcards):
    """Labelled crystals that a version of the models learns from."""
    return [NF.labels("training"), *(NF.labels(name) for name in LEARNED[: int(wildcards.version)])]


# Sets that hold what the search found, and those that are not made where models come ready.
ND_FE_FOUND = ["candidates", "interstitials", *LEARNED]
ND_FE_UNUSED = [] if PRETRAINING["source"] == "here" else ["pretraining"]
VERSIONS = range(LEARNING["rounds"] + 1)
GENERATIONS = range(LAST_GENERATION + 1)
# Crystals of the search with exchange couplings: named by rank, since nobody knows them yet.
SEARCH_SYSTEMS = paths.coupled(ND_FE["validation"], ND_FE["minority"], ND_FE["majority"])
ND_FE_RESULTS = {
    "transfers": [
        *expand(NF.transfer(), target=[*PROPERTY_MODELS, "force_field"], version=VERSIONS),
        *[NF.anisotropy_transfer()] * ("anisotropy" in SEARCH["objectives"]),
    ],
    "populations": expand(NF.population(), generation=GENERATIONS),
    "screening": NF.screening(),
    **({"interstitials": NF.interstitials()} if ND_FE["interstitials"]["elements"] else {}),
}
