"""Lodestone: permanent magnets from electrons to hysteresis loops, as one workflow.

What a user sets lies in config/, where jobs run lies in profiles/, what depends on what lies in rules/.
Each study is a named target: `snakemake hysteresis` makes the results of that study, `snakemake` those of
every study that the config lists, and the report over them.
"""

from snakemake.utils import min_version

min_version("9.10")


configfile: "config/config.yaml"


include: "rules/common.smk"


localrules:
    all,
    hysteresis,
    collect_dataset,
    predict_anchors,
    render_report,


wildcard_constraints:
    batch=r"\d+",
    fold=r"\d+",
    member=r"\d+",
    encoding=r"[a-z_]+",
    baseline=r"[a-z_]+",
    pair=r"[a-z_]+",
    crystals="crystals|elements|references|gases|training|pretraining|candidates|interstitials|learned[0-9]+|spin_[a-z]+",
    step=r"[a-z]+",
    size=r"\d+",
    solutes=r"\d+",
    repeat=r"\d+",
    weight=r"[0-9.e-]+",


rule all:
    """The report over every study that the config lists, and with it all results of these studies.

    Wildcards used: none
    """
    input:
        report=paths.report(RESULTS),


include: "rules/caches.smk"
include: "rules/structures.smk"
include: "rules/micromagnetics.smk"
include: "rules/autoencoder.smk"
include: "rules/regressor.smk"
include: "rules/baselines.smk"
include: "rules/morphing.smk"
include: "rules/inverse_design.smk"
include: "rules/electronic_structure.smk"
include: "rules/nd_fe_search.smk"
include: "rules/spin_data.smk"
include: "rules/spin_fits.smk"
include: "rules/spin_uses.smk"
include: "rules/spin_asked.smk"
include: "rules/report.smk"
include: "rules/targets.smk"
