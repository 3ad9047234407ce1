"""A Nd-Fe search at the test size in a folder, stage after stage; calculators that count, end the job or fail."""

import gzip
import itertools
import json
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from ase.calculators.lj import LennardJones
from conftest import ROOT, Files, load
from unit.graph_crystals import labelled

from lodestone import config
from lodestone.paths_electronic import ElectronicStructure
from lodestone.paths_search import NdFeSearch
from lodestone.structures import snapshot

SECTION = config.load(ROOT / "config/config.yaml", ROOT / "config/test.yaml")["nd_fe_search"]
SEARCH, PAIR = SECTION["search"], {"minority": "Nd", "majority": "Fe"}
LABELLED = ROOT / "config" / "data" / "labelled"
TARGETS = ["formation_energy_eV_per_atom", "moment_muB_per_atom"]
BREEDING = {"elements": ["Nd", "Fe"], "trials": 3, **{k: v for k, v in SEARCH.items() if k != "relaxation"}}
PRETRAINING = {**SECTION["pretraining"], "device": "cpu"}
TRANSFER = {**SECTION["transfer"], "epochs": 2, "device": "cpu"}
CHOOSING = {**PAIR, "structures": 40, "max_sites": 4, "metals_only": True, "alike_first": False}
ATOMS = {"sigma": 2.2, "epsilon": 0.3, "rc": 4.5, "smooth": True}
# So wide that some crystals are relaxed after the few steps of the test size, and some are not.
TOLERANCES = {"force_tolerance_eV_A": 1.5, "stress_tolerance_eV_A3": 0.2}


class Killed(BaseException):
    """The end of a process: nothing that a calculator can turn into the failure of a crystal."""


class Counting(LennardJones):
    """Lennard-Jones atoms; notes each crystal that it computes, and ends the job when none is `left`."""

    asked, left = [], 10**9

    def calculate(self, atoms=None, properties=("energy",), system_changes=()):
        if type(self).left == 0:
            raise Killed
        type(self).left -= 1
        self.asked.append(atoms.positions.tobytes() + atoms.cell.array.tobytes())
        super().calculate(atoms, properties, system_changes)


class Picky(LennardJones):
    """Lennard-Jones atoms that cannot be computed where two of them are neodymium."""

    def calculate(self, atoms=None, properties=("energy",), system_changes=()):
        if (atoms.numbers == 60).sum() > 1:
            raise ValueError("two atoms of neodymium")
        super().calculate(atoms, properties, system_changes)


def relaxing(calculator="ase.calculators.lj:LennardJones", **limits):
    """Settings of `relax_candidates`."""
    own = {"relaxer": "calculator", "calculator": calculator, "calculator_arguments": json.dumps(ATOMS)}
    relaxation = {**SEARCH["relaxation"], **TOLERANCES, "at_once": 2, **limits}
    return {**BREEDING, **own, "device": "cpu", "relaxation": relaxation}


class Study:
    """Runs scripts; what others go on from is made when it is first asked for, and its path is kept."""

    def __init__(self, root):
        self.nf, self.es, self.root = NdFeSearch(str(root)), ElectronicStructure(str(root)), root

    def path(self, name):
        """Path outside the study, for what no rule makes."""
        return str(self.root / "others" / name)

    def run(self, script, inputs, outputs, wildcards=None, **params):
        """Call the script's `main`; returns its log."""
        for path in outputs.values():
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        job = SimpleNamespace(
            input=Files(inputs),
            output=Files(outputs),
            wildcards=SimpleNamespace(**(wildcards or {})),
            params=SimpleNamespace(**{"seed": 7, "algorithm": 1, **params}),
            log=[str(self.log(script))],
            threads=1,
        )
        load(script).main(job)
        return self.log(script).read_text()

    def log(self, script):
        return self.root / f"{script}.log"

    def choose(self, output, seed=7):
        given = {"published": self.published}
        return self.run("select_published_labels", given, {"labels": output}, settings=CHOOSING, seed=seed)

    def anisotropy(self, labels, model, transfer, count, scope):
        """Gather constants, and fit them on top of the model of the other properties."""
        given, chosen = {"published": str(LABELLED / "novamag.jsonl.gz")}, {**CHOOSING, "structures": count}
        self.run("select_anisotropy_labels", given, {"labels": labels}, settings=chosen)
        given, out = {"model": self.start, "labels": labels}, {"model": model, "transfer": transfer}
        self.run("pretrain_anisotropy", given, out, settings={**TRANSFER, "scope": scope})

    def pretrain(self, labels, output):
        self.run("pretrain_properties", {"labels": labels}, {"model": output}, settings=PRETRAINING)
        return output

    def specialise(self, start, labels, version=0):
        out = {"model": self.nf.model("properties", version), "transfer": self.nf.transfer("properties", version)}
        self.run("transfer_model", {"model": start, "labels": labels}, out, settings=TRANSFER)
        return out["model"]

    def breed(self, number, before=(), output=None, seed=7, **changes):
        output = output or self.nf.candidates(number)
        settings, wildcards = {**BREEDING, **changes}, {"generation": str(number)}
        files = settings["seeds"]["files"]
        given = {"before": before, "skeletons": str(snapshot.SNAPSHOT), "seeds": files}
        self.run("breed_candidates", given, {"candidates": output}, wildcards, seed=seed, settings=settings)
        return output

    def relax(self, candidates, output, batch=0, batches=1, settings=None):
        given, wildcards = {"candidates": candidates, "models": []}, {"generation": "0", "batch": f"{batch:03d}"}
        params = {"settings": settings or relaxing(), "batches": batches}
        self.run("relax_candidates", given, {"relaxed": output}, wildcards, **params)
        return output

    def relaxed(self, number):
        return [self.nf.relaxed(number, f"{batch:03d}") for batch in range(2)]

    def rank(self, relaxed, models, output, before=(), **changes):
        given, settings = {"before": before, "relaxed": relaxed, "models": models}, {**BREEDING, "device": "cpu"}
        self.run("rank_population", given, {"population": output}, settings={**settings, **changes})
        return output

    def _generation(self, number, before=()):
        made = self.breed(number, before)
        parts = [self.relax(made, path, batch, 2) for batch, path in enumerate(self.relaxed(number))]
        return self.rank(parts, [self.model], self.nf.population(number), before)

    @cached_property
    def published(self):
        """Part of the shipped labels, and two crystals that must not be among those chosen."""
        with gzip.open(LABELLED / "maggen.jsonl.gz", "rt") as lines:
            records = [json.loads(line) for line in itertools.islice(lines, 800)]
        crystal = {"lattice": (3 * np.eye(3)).tolist(), "frac_coords": [[0, 0, 0], [0.5, 0.5, 0.5]]}
        for name, species in (("compound", ["Nd", "Fe"]), ("oxide", ["Fe", "O"])):
            records.append({"id": name, "species": species, **crystal, **dict.fromkeys(TARGETS, 1.0)})
        path = Path(self.path("some.jsonl.gz"))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress("".join(json.dumps(record) + "\n" for record in records).encode()))
        return str(path)

    @cached_property
    def start(self):
        """Network for both properties, trained on crystals of other elements."""
        self.choose(self.nf.labels("published"))
        return self.pretrain(self.nf.labels("published"), self.nf.pretrained("properties"))

    @cached_property
    def labels(self):
        """Labels of crystals of Nd and Fe, and those of a round of learning."""
        sets = {"training": labelled(24, elements=(26, 60)), "learned1": labelled(4, elements=(26, 60), seed=5)}
        for name, crystals in sets.items():
            Path(self.nf.labels(name)).parent.mkdir(parents=True, exist_ok=True)
            crystals.write(self.nf.labels(name))
        return [self.nf.labels(name) for name in sets]

    @cached_property
    def model(self):
        return self.specialise(self.start, self.labels[:1])

    @cached_property
    def first(self):
        return self._generation(0)

    @cached_property
    def second(self):
        return self._generation(1, self.first)
