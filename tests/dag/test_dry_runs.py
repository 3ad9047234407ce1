"""Every shipped config is planned in time, and the jobs scheduled are those that its switches ask for."""

import time
from pathlib import Path

import pytest
import yaml

from lodestone import config

ROOT = Path(__file__).parents[2]
DEFAULT = "config/config.yaml"
STUDIES = ("electronic_structure", "hysteresis", "nd_fe_search", "spin_potential")
PAPERS = [f"config/paper/{name}.yaml" for name in STUDIES]
SIZES = [f"config/bench/{name}.yaml" for name in ("hysteresis", "nd_fe_search", "spin_potential")]
CONFIGS = [DEFAULT, "config/test.yaml", *SIZES, *PAPERS]
STAGES = ("prepare_calculations", "run_calculations", "collect_calculations")
LIMIT_S = 30  # for a dry run of any shipped config, the papers' sizes included


@pytest.fixture
def variant(workflow, tmp_path):
    """Return a function: the number of jobs of each rule for the test config with keys of the study changed."""

    def scheduled(*targets, **sections):
        path = tmp_path / "variant.yaml"
        path.write_text(yaml.safe_dump({"hysteresis": sections}))
        return workflow.scheduled("--configfile", "config/test.yaml", path, "--", *targets)

    return scheduled


def test_every_config_file_is_planned_here():
    shipped = {str(path.relative_to(ROOT)) for path in (ROOT / "config").rglob("*.yaml")}
    assert {name for name in shipped if not name.startswith(("config/materials", "config/data"))} == {*CONFIGS}


@pytest.mark.parametrize("name", CONFIGS)
def test_shipped_config_is_planned_in_time(workflow, name):
    began = time.monotonic()
    counts = workflow.scheduled("--configfile", name)
    assert time.monotonic() - began < LIMIT_S
    settings = config.load(ROOT / DEFAULT, ROOT / name)
    expected = {"all": 1, "warm_caches": 1, "render_report": 1}
    if "hysteresis" in settings["studies"]:
        expected |= hysteresis_jobs(settings["hysteresis"])
    if "electronic_structure" in settings["studies"]:
        expected |= electronic_jobs(settings["electronic_structure"])
    several = False
    # What several studies do is counted together; the jobs of these two have tests of their own.
    for study, jobs in (("nd_fe_search", nd_fe_jobs), ("spin_potential", spin_jobs)):
        if study in settings["studies"]:
            some = jobs(settings[study])
            assert {name: counts[name] for name in some} == some
            several = True
    shared = {*STAGES, "check_calculations"} if several else set()
    expected = {name: n for name, n in expected.items() if name not in shared}
    assert {name: n for name, n in counts.items() if name in expected or not several} == expected


def hysteresis_jobs(study):
    """Number of jobs of each rule of the study."""
    batches = -(-study["loops"]["count"] // study["loops"]["batch_size"])
    encodings, regressor = len(study["encodings"]), study["regressor"]
    return {
        "generate_structures": batches,
        "compute_loops_gpu" if study["loops"]["backend"] == "gpu" else "compute_loops": batches,
        "collect_dataset": 1,
        "train_autoencoder": encodings,
        "encode_structures": encodings,
        "reconstruct_structures": encodings,
        "validate_regressor": encodings * regressor["folds"],
        "train_regressor": encodings * regressor["ensemble"],
        "predict_anchors": encodings,
        "train_baseline": len(study["baselines"]["models"]),
        "morph_structures": encodings * len(study["morphing"]["pairs"]),
        "search_designs": 1,
    }


def nd_fe_jobs(study):
    """Number of jobs of some rules of the study."""
    generations, rounds = study["search"]["max_generations"] + 1, study["learning"]["rounds"]
    models = 2 if study["pretraining"]["source"] == "here" else 3
    return {
        "breed_candidates": generations,
        "rank_population": generations,
        "relax_candidates": generations * study["search"]["batches"],
        "transfer_model": models * (rounds + 1),
        "select_candidates": 1,
        "derive_screening": 1,
        "render_report": 1,
    }


def spin_jobs(study):
    """Number of jobs of some rules of the study."""
    ensembles, fits = study["ensembles"], study["fit"]["batches"]
    potentials = len(ensembles["magnetic_sizes"]) * len(ensembles["weights"])
    folds = min(fits, study["cross_validation"]["folds"])
    return {
        "collect_spin_data": 1,
        "fit_spin_folds": len(study["cross_validation"]["weights"]) * folds,
        "fit_spin_ensemble": potentials * min(fits, ensembles["members"]),
        "check_spin_potentials": potentials,
        "simulate_spin_dynamics": len(study["dynamics"]["solutes"]) * study["uses"]["members"],
        "compute_spin_exchange": study["uses"]["members"],
        "learn_spin_potential": study["learning"]["repeats"],
        "render_report": 1,
    }


def electronic_jobs(study):
    """Number of jobs of each rule of the study, whose couplings come from files."""
    calculations = study["calculations"]
    steps, special = calculations["steps"], {"anisotropy", "constrained"}
    jobs = len(steps) * calculations["batches"] + len(set(steps) - special) * calculations["reference_batches"]
    anisotropy = {"derive_anisotropy": 1} if "anisotropy" in steps else {}
    return anisotropy | {
        "build_structure_set": 1,
        "build_element_references": 1,
        "check_calculations": 2,
        **dict.fromkeys(STAGES, jobs),
        "derive_stability": 1,
        "read_exchange": len(study["exchange"]["files"]),
        "compute_curie": len(study["exchange"]["files"]),
        "derive_material": len(study["exchange"]["files"]),
    }


def test_study_target_makes_the_results_without_the_report(variant):
    everything, study = variant(), variant("hysteresis")
    assert set(everything) - set(study) == {"all", "render_report"}
    assert study.pop("hysteresis") == 1
    assert study.items() <= everything.items()


def test_one_encoding_halves_the_training(variant):
    counts = variant(encodings=["double_angle"])
    assert counts["train_autoencoder"] == counts["predict_anchors"] == 1
    assert counts["train_regressor"] == 2


def test_baselines_and_pairs_are_those_listed(variant):
    counts = variant(baselines={"models": ["mean"]}, morphing={"pairs": ["alignment"]})
    assert counts["train_baseline"] == 1
    assert counts["morph_structures"] == 2


def test_gpu_backend_replaces_the_cpu_rule(variant):
    counts = variant(loops={"backend": "gpu"})
    assert counts["compute_loops_gpu"] == 2
    assert "compute_loops" not in counts


def test_a_bad_config_is_refused_with_the_path_of_the_key(workflow, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("hysteresis: {loops: {batch_size: 0}}\n")
    printed = workflow.run("--dry-run", "--cores", 1, "--configfile", path, check=False, timeout=LIMIT_S)
    assert "hysteresis.loops.batch_size: found 0" in printed
