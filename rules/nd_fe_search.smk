"""The Nd-Fe search, from data to table."""


localrules:
    nd_fe_search,
    build_references,
    build_training_set,
    build_pretraining_set,
    select_published_labels,
    select_anisotropy_labels,
    collect_labels,
    load_model,
    breed_candidates,
    pick_uncertain,
    select_candidates,
    select_coupled,
    derive_screening,
    build_interstitials,
    derive_interstitials,


wildcard_constraints:
    labels="training|pretraining|learned[0-9]+",
    target="properties|formation_energy|moment|force_field",
    version=r"\d+",
    generation=r"\d+",
    round=r"\d+",


include: "nd_fe_labels.smk"
include: "nd_fe_models.smk"
include: "nd_fe_anisotropy.smk"
include: "nd_fe_generations.smk"
include: "nd_fe_validation.smk"
