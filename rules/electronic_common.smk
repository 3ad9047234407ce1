"""Helpers of the electronic-structure study: its paths, settings, batches and resources."""

ES = paths.ElectronicStructure(RESULTS)
ELECTRONIC = config["electronic_structure"]
CALCULATIONS = ELECTRONIC["calculations"]
BACKEND = CALCULATIONS["backend"]
STEPS = CALCULATIONS["steps"]
# Elements are references for energies alone.
ES_STEPS = {
    "crystals": STEPS,
    "elements": [step for step in STEPS if step in ("relax", "static")],
    **ND_FE_STEPS,
    **SPIN_STEPS,
}
# The crystals are counted long after the jobs are planned: what the user sets is the number of batches.
ES_BATCHES = {
    "crystals": paths.batch_names(CALCULATIONS["batches"], 1),
    "elements": paths.batch_names(CALCULATIONS["reference_batches"], 1),
    **ND_FE_BATCHES,
    **SPIN_BATCHES,
}
# Sets that are known at the start: what is wrong with any of them is found before the first of them is computed.
ES_TOGETHER = [("crystals", "elements"), ("references", "training", "pretraining")]
# Minutes, megabytes, threads and MPI tasks of one batch; a profile overlays them with `set-resources`.
RUN_RESOURCES = {
    "chgnet": {"minutes": 120, "mem_mb": 4000, "threads": 1, "tasks": 1},
    "abinit": {"minutes": 1440, "mem_mb": 8000, "threads": 1, "tasks": 1},
    "vasp": {"minutes": 1440, "mem_mb": 64000, "threads": 1, "tasks": 32},
}
# Where CHGNet runs; the DFT codes have no use for a GPU.
ES_DEVICE = CALCULATIONS["chgnet"]["device"] if BACKEND == "chgnet" else "cpu"
# The settings of a calculation; those of the other back ends rerun nothing.
ES_SETTINGS = {
    **pick(CALCULATIONS, "preset", "cutoff_eV", "kpoint_spacing_per_A", "force_tolerance_eV_A", "max_ionic_steps"),
    "backend": BACKEND,
    "options": CALCULATIONS[BACKEND],
}


def settings_of(wildcards):
    """Settings of the calculations of a set: the study of magnetic potentials has its own."""
    return SPIN_CALCULATIONS if wildcards.crystals in SPIN_STEPS else ES_SETTINGS


def backend_of(wildcards):
    """What a job that runs calculations depends on: the back end and its options."""
    return pick(settings_of(wildcards), "backend", "options")


def run_resource(name):
    """Return a function: a resource of a batch by the back end of its set."""
    return lambda wildcards: RUN_RESOURCES[settings_of(wildcards)["backend"]][name]


def launcher_of(wildcards):
    """Launcher of a job of several tasks; Slurm's plugin refuses one with a single task."""
    return "mpirun" if run_resource("tasks")(wildcards) > 1 else ""


def gpus_of(wildcards):
    """GPUs of a batch by the back end of its set."""
    return gpus(ES_DEVICE) if settings_of(wildcards)["backend"] == "chgnet" else 0


def kept_raw(path):
    """Raw output of a DFT code is write-protected; a fitted model makes it again in minutes."""
    return path if BACKEND == "chgnet" else protected(path)


def checks_before(wildcards):
    """Checks that come before the calculations of a set."""
    together = next((sets for sets in ES_TOGETHER if wildcards.crystals in sets), (wildcards.crystals,))
    return [ES.checks(name) for name in together if ES_STEPS[name] and name not in ND_FE_UNUSED]


def refused_of(wildcards):
    """What becomes of a run in which a crystal is refused; what a search or a potential asks for never stops it."""
    return "skip" if wildcards.crystals in [*ND_FE_FOUND, *SPIN_ASKED] else CALCULATIONS["refused"]


def step_before(wildcards):
    """Results that a step starts from, besides the structure set: none for the first."""
    steps = ES_STEPS[wildcards.crystals]
    earlier = steps[: steps.index(wildcards.step)]
    return ES.calculations(step=earlier[-1]) if earlier else []


def results_of(crystals, step):
    """All batches of one step of one structure set."""
    return expand(ES.calculations(), crystals=crystals, step=step, batch=ES_BATCHES[crystals])


EXCHANGE = ELECTRONIC["exchange"]
COUPLING_FILES = {one["name"]: one["path"] for one in EXCHANGE["files"]}


def coupling_files(wildcards):
    """File of one crystal, relative to the workflow's folder; a folder of UppASD stands for what lies in it."""
    path = Path(workflow.basedir) / COUPLING_FILES.get(wildcards.system, f"couplings of {wildcards.system}")
    if not path.is_dir():
        return [str(path)]
    return [str(path / "inpsd.dat"), *sorted(str(p) for p in path.iterdir() if p.name != "inpsd.dat")]


def coupled_crystals(wildcards):
    """Set that holds a crystal with couplings: the user's, or what the search found and the back end relaxed."""
    return ES.structure_set("coupled" if wildcards.system in SEARCH_SYSTEMS else "crystals")


# Crystals with exchange couplings: named in the config, so that the jobs are known before the structure set is.
SYSTEMS = {
    "files": [one["name"] for one in EXCHANGE["files"]],
    "akaikkr": EXCHANGE["crystals"],
    "gpaw": EXCHANGE["crystals"],
}[EXCHANGE["source"]]
ELECTRONIC_RESULTS = {
    "structure_set": ES.structure_set("crystals"),
    **{f"{step}_calculations": results_of("crystals", step) for step in STEPS},
    **({"stability": ES.stability()} if ES_STEPS["elements"] else {}),
    **({"anisotropy": ES.anisotropy()} if "anisotropy" in STEPS else {}),
    **({"exchange": expand(ES.exchange(), system=SYSTEMS)} if SYSTEMS else {}),
    **({"curie": expand(ES.curie(), system=SYSTEMS)} if SYSTEMS else {}),
    **({"material": expand(ES.material(), system=SYSTEMS)} if SYSTEMS else {}),
}
# What the search needs of the same rules.
SEARCH_COUPLED = [ES.structure_set("coupled")] if SEARCH_SYSTEMS else []
if SEARCH_SYSTEMS:
    ND_FE_RESULTS |= {
        "coupled": SEARCH_COUPLED,
        "search_exchange": expand(ES.exchange(), system=SEARCH_SYSTEMS),
        "search_curie": expand(ES.curie(), system=SEARCH_SYSTEMS),
    }
# What the hysteresis study takes from here: a crystal's name stands for its artifact, and of the two kinds of keys the
# other one reruns nothing.
SOURCE_OF_MATERIAL = HYSTERESIS["material"]["from"]
MATERIAL = [
    one if one.endswith(".h5") else ES.material(system=one) for one in [SOURCE_OF_MATERIAL] if SOURCE_OF_MATERIAL
]
HYSTERESIS["material"] = pick(
    HYSTERESIS["material"],
    *(["from", "temperature_K", "fallback_K1_J_m3"] if MATERIAL else ["mu0_Ms_T", "K1_J_m3", "A_J_m"]),
)
if MATERIAL:
    HYSTERESIS_RESULTS["hysteresis_material"] = MATERIAL
# Labels of magnetic potentials that are computed anew.
if RECOMPUTED:
    SPIN_RESULTS["spin_points"] = results_of("spin_points", "constrained")
