"""Helpers for the rules: settings, paths, resources. No science, nothing heavy: every cluster job reads this again."""

import os
import sys
from pathlib import Path

SOURCE = str(Path(workflow.basedir) / "workflow" / "src")
if SOURCE not in sys.path:
    sys.path.insert(0, SOURCE)
# Scripts run in a process of their own, with conda even in another Python; they find the package here.
others = [folder for folder in dict(os.environ).get("PYTHONPATH", "").split(os.pathsep) if folder not in ("", SOURCE)]
os.environ.update(PYTHONPATH=os.pathsep.join([SOURCE, *others]))

from lodestone import paths
from lodestone.config import validate

config = validate(config)
RESULTS = config["results_dir"]
PATHS = paths.Hysteresis(RESULTS)
HYSTERESIS = config["hysteresis"]
WARM = paths.warm_caches(RESULTS)


def pick(section, *keys):
    """Just the keys of a section that a script uses: a change of any other key must not rerun it."""
    return {key: section[key] for key in keys}


def hysteresis_settings(**sections):
    """Settings of the study by section name: True for all of a section, or the list of the keys used."""
    chosen = {}
    for name, keys in sections.items():
        chosen[name] = HYSTERESIS[name] if keys is True else pick(HYSTERESIS[name], *keys)
    return chosen


def recomputed_settings(**sections):
    """Settings of a job that predicts anchor points of new structures and recomputes their curves."""
    return hysteresis_settings(
        structures=True, material=True, loops=LOOP_KEYS, regressor=["coverage_level"], **sections
    )


LOOP_KEYS = ["field_step_HA", "torque_tolerance", "max_iterations", "backend"]
ENCODINGS = HYSTERESIS["encodings"]
BATCHES = paths.batch_names(HYSTERESIS["loops"]["count"], HYSTERESIS["loops"]["batch_size"])
FOLDS = range(HYSTERESIS["regressor"]["folds"])
MEMBERS = range(HYSTERESIS["regressor"]["ensemble"])
SEARCH_EVALUATIONS = len(HYSTERESIS["inverse"]["goals"]) * (
    HYSTERESIS["inverse"]["population"] * HYSTERESIS["inverse"]["generations"]
)
HYSTERESIS_RESULTS = {
    "dataset": PATHS.dataset(),
    "loops": expand(PATHS.loops(), batch=BATCHES),
    "autoencoders": expand(PATHS.autoencoder(), encoding=ENCODINGS),
    "reconstructions": expand(PATHS.reconstructions(), encoding=ENCODINGS),
    "folds": expand(PATHS.fold(), encoding=ENCODINGS, fold=FOLDS),
    "predictions": expand(PATHS.predictions(), encoding=ENCODINGS),
    "baselines": expand(PATHS.baseline(), baseline=HYSTERESIS["baselines"]["models"]),
    "morphing": expand(PATHS.morphing(), encoding=ENCODINGS, pair=HYSTERESIS["morphing"]["pairs"]),
    "designs": PATHS.inverse_designs(),
}


include: "nd_fe_common.smk"
include: "spin_common.smk"
include: "electronic_common.smk"


STUDY_RESULTS = {
    "hysteresis": HYSTERESIS_RESULTS,
    "electronic_structure": ELECTRONIC_RESULTS,
    "nd_fe_search": ND_FE_RESULTS,
    "spin_potential": SPIN_RESULTS,
}
REPORTED = {name: files for study in config["studies"] for name, files in STUDY_RESULTS[study].items()}


def ensemble(**wildcards):
    """Files of the ensemble: its members, and the predictions for left-out folds that calibrate the intervals."""
    return {
        "members": expand(PATHS.regressor(), member=MEMBERS, **wildcards, allow_missing=True),
        "fold_predictions": expand(PATHS.fold_predictions(), fold=FOLDS, **wildcards, allow_missing=True),
    }


def forward_model(**wildcards):
    """Files that together predict the anchor points of any structure: autoencoder and ensemble."""
    return {"network": expand(PATHS.autoencoder(), **wildcards, allow_missing=True), **ensemble(**wildcards)}


def batch_range(wildcards):
    """First structure of a batch and the one after its last."""
    return list(
        paths.batch_range(
            wildcards.batch,
            HYSTERESIS["loops"]["count"],
            HYSTERESIS["loops"]["batch_size"],
        )
    )


def mem_mb(base):
    """Memory that doubles with every attempt, for a job killed for want of it; `base` may depend on the wildcards."""

    def grown(wildcards, attempt):
        first = base(wildcards) if callable(base) else base
        return int(first * 2 ** (attempt - 1))

    return grown


def minutes(base):
    """Time limit that doubles with every attempt, for a job killed by it, up to the day that partitions allow."""

    def grown(wildcards, attempt):
        first = base(wildcards) if callable(base) else base
        return int(max(first, min(first * 2 ** (attempt - 1), 1440)))

    return grown


def gpus(device):
    """One GPU if the config asks for it by name; `auto` takes what the machine offers and asks for none."""
    return 1 if device == "gpu" else 0


def torch_environment(device):
    """Environment file of a job that trains a network on the device that the config names."""
    return f"../envs/{'gpu' if device == 'gpu' else 'base'}.yaml"


def images_minutes(images, device):
    """Minutes that the autoencoder needs for so many images, with a margin: 25 a second on a CPU, 1,500 on a GPU."""
    return images // (60 * (1500 if device == "gpu" else 25))


def baseline_settings(wildcards):
    """Settings that the one baseline reads: the other models do not rerun when the convolutional network changes."""
    keys = [key for key in HYSTERESIS["baselines"] if key.startswith(f"{wildcards.baseline}_")]
    return {
        "baselines": pick(HYSTERESIS["baselines"], *keys),
        **hysteresis_settings(structures=True, regressor=["coverage_level"]),
    }
