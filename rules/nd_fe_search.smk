"""The Nd-Fe search, from data to table."""


wildcard_constraints:
    labels="training|pretraining|learned[0-9]+",
    target="properties|formation_energy|moment|force_field",
    version=r"\d+",
    generation=r"\d+",


include: "nd_fe_labels.smk"
