"""Helpers of the study of magnetic potentials: its paths, settings, structure sets and batches."""

from shutil import which

SP = paths.SpinPotential(RESULTS)
SPIN = config["spin_potential"]
SPIN_DATA = SPIN["data"]
ALLOY = pick(SPIN, "host", "solute")
# Structure sets of this study that the rules of the electronic-structure study compute.
SPIN_STEPS = {"spin_orderings": ["relax"], "spin_snapshots": ["static"], "spin_held": ["constrained"]}
SPIN_STEPS |= {"spin_points": ["constrained"], "spin_asked": ["constrained"]}
# Sets whose labels the rest of the study does not wait for.
SPIN_ASKED = ["spin_points", "spin_asked"]
SPIN_BATCHES = {
    "spin_orderings": paths.batch_names(1, 1),
    "spin_snapshots": paths.batch_names(max(1, SPIN_DATA["batches"] // 4), 1),
    "spin_held": paths.batch_names(SPIN_DATA["batches"], 1),
    "spin_points": paths.batch_names(1, 1),
    "spin_asked": paths.batch_names(SPIN["asked"]["batches"], 1),
}
SPIN_CALCULATIONS = {
    **pick(SPIN_DATA, "cutoff_eV", "kpoint_spacing_per_A", "smearing_eV", "force_tolerance_eV_A", "max_ionic_steps"),
    "preset": "mmtp",
    "backend": SPIN_DATA["backend"],
    "options": config["electronic_structure"]["calculations"][SPIN_DATA["backend"]],
}
# Some labels are computed anew where the program is: what is shipped can be checked by whoever has it.
COMMAND = SPIN_CALCULATIONS["options"]["command"].split()
RECOMPUTED = SPIN["recomputed"] > 0 and bool(COMMAND) and which(COMMAND[0]) is not None
# Where the labels come from: those shipped, the user's files, or calculations of this run.
SPIN_FILES = {
    "shipped": [str(Path(workflow.basedir) / "config" / "data" / "spin_potential" / "fe_al.extxyz.gz")],
    "files": SPIN["files"],
}


def spin_sources():
    """Inputs of the rule that gathers the labels; a function, since they need the rules of the electronic structure."""
    if SPIN["source"] == "computed":
        return {"snapshots": results_of("spin_snapshots", "static"), "held": results_of("spin_held", "constrained")}
    return {"files": SPIN_FILES[SPIN["source"]]}


SPIN_ENSEMBLES = SPIN["ensembles"]
SPIN_SIZES = SPIN_ENSEMBLES["magnetic_sizes"]
SPIN_WEIGHTS = [paths.weight_name(weight) for weight in SPIN_ENSEMBLES["weights"]]
FOLD_WEIGHTS = [paths.weight_name(weight) for weight in SPIN["cross_validation"]["weights"]]
# Fits of one kind are dealt to so many jobs, or to as many as there are fits.
FIT_BATCHES = SPIN["fit"]["batches"]
FOLD_PARTS = paths.batch_names(min(FIT_BATCHES, SPIN["cross_validation"]["folds"]), 1)
ENSEMBLE_PARTS = paths.batch_names(min(FIT_BATCHES, SPIN_ENSEMBLES["members"]), 1)
WEIGHT_KEYS = ["energy_weight", "force_weight", "stress_weight"]
FIT_KEYS = [*WEIGHT_KEYS, "method", "ridge", "max_iterations", "tolerance", "patience", "device"]
FIT_SETTINGS = {**SPIN["form"], **pick(SPIN["fit"], *FIT_KEYS)}
FOLD_SETTINGS = {**FIT_SETTINGS, **pick(SPIN["cross_validation"], "magnetic_size", "folds"), "batches": len(FOLD_PARTS)}
ENSEMBLE_SETTINGS = {**FIT_SETTINGS, "members": SPIN_ENSEMBLES["members"], "batches": len(ENSEMBLE_PARTS)}
# The ensemble that dynamics and exchange take, and which of its potentials.
USES = SPIN["uses"]
USED_FITS = expand(SP.ensemble(USES["magnetic_size"], paths.weight_name(USES["weight"])), batch=ENSEMBLE_PARTS)
USED_MEMBERS = range(USES["members"])
DYNAMICS_KEYS = [key for key in SPIN["dynamics"] if key not in ("solutes", "cells")]
ALLOY_KEYS = ["lattice_A", "solute_expansion", "host_moment_muB", "solute_moment_muB"]
DYNAMICS_SETTINGS = {**pick(SPIN["dynamics"], "cells", *DYNAMICS_KEYS), **pick(SPIN_DATA, *ALLOY_KEYS)}
LEARNING_KEYS = ["initial", "per_round", "rounds", "test_fraction"]
USED_FORM = {"magnetic_size": USES["magnetic_size"], "magnetic_weight": USES["weight"]}
LEARNING_SETTINGS = {**FIT_SETTINGS, **USED_FORM, **pick(SPIN["learning"], *LEARNING_KEYS)}
SPIN_RESULTS = {
    "spin_data": SP.data(),
    "spin_folds": expand(SP.folds(), weight=FOLD_WEIGHTS, batch=FOLD_PARTS),
    "spin_ensembles": expand(SP.ensemble(), size=SPIN_SIZES, weight=SPIN_WEIGHTS, batch=ENSEMBLE_PARTS),
    "spin_checks": expand(SP.checks(), size=SPIN_SIZES, weight=SPIN_WEIGHTS),
    "spin_dynamics": expand(SP.dynamics(), solutes=SPIN["dynamics"]["solutes"], member=USED_MEMBERS),
    "spin_learning": expand(SP.learning(), repeat=range(SPIN["learning"]["repeats"])),
    "spin_exchange": expand(SP.exchange(), member=USED_MEMBERS),
}
