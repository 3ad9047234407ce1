"""Scripts of the calculations, called with a stand-in job in the order of the workflow."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from pymatgen.core import Lattice, Structure

from lodestone import config
from lodestone.artifacts.anisotropy import Anisotropy
from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculations import Calculations
from lodestone.artifacts.hull import Hull
from lodestone.artifacts.structure_set import StructureSet
from lodestone.dft import packing
from lodestone.dft.backends import backend
from lodestone.dft.calculation import Calculation, Result, Status
from lodestone.dft.stages import CalculationsRefused

ONE_MODEL = {"models": ["0.3.0"], "crystals_at_once": 1, "device": "cpu"}
RESOURCES = SimpleNamespace(tasks=1, mem_mb=1000, runtime=60, mpi="mpirun")


class Files(dict):
    """Named inputs or outputs, by attribute like Snakemake's."""

    __getattr__ = dict.__getitem__


class Study:
    """A tiny study in a folder; runs scripts on it."""

    def __init__(self, root, load):
        self.load = load
        self.root = root / "electronic_structure"
        section = config.defaults()["electronic_structure"]["calculations"]
        self.settings = {**section, "options": ONE_MODEL, "force_tolerance_eV_A": 0.1}

    def path(self, name):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return str(path)

    def run(self, script, inputs, outputs, wildcards=None, **params):
        job = SimpleNamespace(
            input=Files(inputs),
            output=Files(outputs),
            wildcards=SimpleNamespace(**(wildcards or {})),
            params=SimpleNamespace(**{"seed": 7, "settings": self.settings, "algorithm": 1, **params}),
            log=[self.path(f"logs/{script}.log")],
            threads=1,
            resources=RESOURCES,
        )
        self.load(script).main(job)
        return Path(job.log[0]).read_text()

    def compute(self, crystals):
        """Prepare, run and collect the only batch of one set."""
        wildcards = {"crystals": crystals, "step": "relax", "batch": "000"}
        given = {"crystals": self.path(f"structures/{crystals}.h5")}
        checks = [self.path("checks/crystals.json"), self.path("checks/elements.json")]
        inputs, raw = self.path(f"inputs/{crystals}.tar"), self.path(f"raw/{crystals}.tar.gz")
        prepared = {**given, "checks": checks, "before": []}
        self.run("prepare_calculations", prepared, {"inputs": inputs}, wildcards, batches=1)
        self.run("run_calculations", {"inputs": inputs}, {"raw": raw}, wildcards)
        made = {"calculations": self.path(f"calculations/{crystals}.h5")}
        self.run("collect_calculations", {**given, "raw": raw}, made, wildcards)


@pytest.fixture(scope="module")
def study(tmp_path_factory, load_script):
    study = Study(tmp_path_factory.mktemp("study"), load_script)
    iron_aluminium = Structure(Lattice.cubic(2.88), ["Fe", "Al"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    crowded = Structure(Lattice.cubic(2.88), ["Fe", "Al"], [[0, 0, 0], [0.1, 0, 0]])
    crystals = StructureSet.from_structures(
        [iron_aluminium, crowded], ["FeAl", "crowded.cif"], Provenance.of("a test", 7, {})
    )
    crystals.write(study.path("structures/crystals.h5"))
    return study


def checked(study, crystals, refused="stop"):
    return study.run(
        "check_calculations",
        {"crystals": study.path(f"structures/{crystals}.h5")},
        {"checks": study.path(f"checks/{crystals}.json")},
        steps=["relax"],
        refused=refused,
    )


def test_elements_are_gathered(study):
    study.run(
        "build_element_references",
        {"crystals": study.path("structures/crystals.h5")},
        {"elements": study.path("structures/elements.h5")},
    )
    assert StructureSet.read(study.path("structures/elements.h5")).names() == ["Al", "Fe"]


def test_bad_crystal_stops_everything_by_name_unless_it_may_be_skipped(study):
    with pytest.raises(CalculationsRefused, match=r"crowded.cif: overlapping atoms"):
        checked(study, "crystals", refused="stop")
    assert not Path(study.path("checks/crystals.json")).exists()
    assert "refused: crowded.cif" in checked(study, "crystals", refused="skip")
    checked(study, "elements")


def test_missing_program_stops_everything(study):
    before = dict(study.settings)
    study.settings |= {"backend": "abinit", "options": {"command": "no-such-abinit"}, "check_programs": True}
    try:
        with pytest.raises(CalculationsRefused, match="found no executable no-such-abinit"):
            checked(study, "elements")
    finally:
        study.settings = before


def test_batches_from_inputs_to_artifacts(study):
    for crystals in ("elements", "crystals"):
        study.compute(crystals)
    made = Calculations.read(study.path("calculations/crystals.h5"))
    assert made.status.tolist() == [Status.CONVERGED, Status.REFUSED]
    assert "overlapping" in made.messages()[1]
    assert made.provenance.backend == "CHGNet 0.3.0 (fitted model)"
    assert made.moments_signed == 0
    Calculations.verify_parents(
        study.path("calculations/crystals.h5"),
        [study.path("structures/crystals.h5"), study.path("raw/crystals.tar.gz")],
    )
    left = [path.name for path in (study.root / "raw").iterdir()]
    assert sorted(left) == ["crystals.tar.gz", "elements.tar.gz"]


def test_stability_is_derived(study):
    inputs = {name: [study.path(f"calculations/{name}.h5")] for name in ("crystals", "elements")}
    study.run("derive_stability", inputs, {"stability": study.path("stability.h5")})
    hull = Hull.read(study.path("stability.h5"))
    assert hull.has_formation_energy.tolist() == [1, 0]
    # -0.4345 with tighter relaxation; 0.1 eV/A and 0.1 GPa leave it within a millielectronvolt.
    assert hull.formation_energy_eV_per_atom[0] == pytest.approx(-0.434, abs=2e-3)
    assert hull.provenance.backend == "CHGNet 0.3.0 (fitted model)"


def test_anisotropy_is_derived(study):
    structure = Structure(Lattice.tetragonal(2.8, 3.5), ["Fe"], [[0, 0, 0]])
    energies = (-8.0, -8.0, -8.0001)
    result = Result(Status.CONVERGED, structure=structure, energy_eV=-8.0001, axis_energies_eV=energies)
    item = packing.Item(0, "Fe", structure, result)
    provenance = Provenance.of("a test", 7, {})
    packed = packing.pack([item], Calculation(kind="anisotropy"), backend("abinit"), "maggen", provenance)
    packed.write(study.path("axes.h5"))
    study.run("derive_anisotropy", {"calculations": [study.path("axes.h5")]}, {"anisotropy": study.path("k.h5")})
    found = Anisotropy.read(study.path("k.h5"))
    # 0.1 meV in 27.44 cubic angstrom.
    assert found.K1_J_m3[0] == pytest.approx(1e-4 / 27.44 * 1.602176634e11, rel=1e-6)
    assert found.uniaxial[0] == 1
