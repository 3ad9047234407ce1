"""How many relaxations a search takes until it has found known crystals, beside random search; printed as JSON.

    python tests/benchmarks/search.py [--targets NdFe2,NdFe5] [--searches evolution,random] [--seeds 5] [--most 300]
                                      [--minutes 30] [--model chgnet] [--folder results/bench/search]

All searches begin with crystals of random space groups (on no known sites, unless asked for) at the composition of the
target, and relax with the same model. "random" relaxes every one and makes nothing else; "packed" makes nothing else
either, but relaxes the best packed one of several, as the evolution does. A crystal is found when one of that
composition has its energy or a lower one, within 5 meV an atom; NdFe15, for which the model knows many lower crystals,
when it itself is met.

`make bench-search` runs the targets of six atoms. Every evaluation is kept in the folder: the same command goes on
where it was stopped, by its time limit or by force, and longer limits use what is there.
"""

import argparse
import json
import logging
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.population import Population
from lodestone.dft.elements import reference_crystal
from lodestone.dft.relaxation import Geometry, relax
from lodestone.search import fitness, generation, relaxing, selection
from lodestone.search.candidate import Crystal
from lodestone.search.fingerprint import distances, fingerprint
from lodestone.search.settings import SearchSettings
from lodestone.structures import snapshot

LOG = logging.getLogger("bench")
SAME_ENERGY_EV, SAME_PRINT = 0.005, 0.03
# Random search relaxes every seed; "packed" is random search that looks at packings first, as the evolution does.
RANDOM = {"operators": {"random": 1.0}}
SEARCHES = {"evolution": {}, "random": {**RANDOM, "trials": 1}, "packed": RANDOM}
COMMON = {
    "elements": ["Nd", "Fe"],
    "population": 8,
    "elite": 8,
    "max_generations": 100000,
    "stall_generations": 100000,
    "seeds": {"random": 1.0, "topology": 0.0},
    "fingerprint_tolerance": 0.01,
    "relaxation": {"force_tolerance_eV_A": 0.05, "stress_tolerance_eV_A3": 0.005, "max_steps": 150, "at_once": 8},
}


@dataclass(frozen=True)
class Target:
    """A known crystal; `itself` where a lower energy is not enough."""

    minority: int
    majority: int
    known_as: str
    itself: bool = False


TARGETS = {
    "NdFe2": Target(2, 4, "mp-1207"),
    "NdFe5": Target(1, 5, "mp-11382"),
    "Nd2Fe17": Target(2, 17, "mp-1510"),
    "NdFe15": Target(1, 15, "bcc", itself=True),
}


class Model:
    """The relaxer, with the energies of the elements by it."""

    def __init__(self, name):
        self.name = name
        if name == "chgnet":
            from lodestone.dft.chgnet import Evaluator

            self.evaluate = Evaluator("0.3.0", "cpu", 1)
        else:
            from lodestone.artifacts.graph_model import GraphModel
            from lodestone.graph_models.evaluator import Evaluator

            self.evaluate = Evaluator(GraphModel.read(name), "auto", 1)
        self.elements = {s: self.relaxed(_bare(reference_crystal(s)))[1] for s in ("Nd", "Fe")}

    def relaxed(self, crystal):
        """A crystal tightly relaxed, and its energy per atom."""
        start = Geometry(0, crystal.numbers, crystal.lattice_A.copy(), crystal.fractional.copy())
        limits = {"force_tolerance_eV_A": 0.01, "stress_tolerance_eV_A3": 0.001, "max_steps": 500}
        (end,) = relax([start], self.evaluate, **limits)
        found = Crystal(crystal.numbers, end.geometry.lattice_A, end.geometry.fractional)
        return found, end.last.energy_eV / len(crystal)


def _bare(structure):
    """Crystal of pymatgen's structure."""
    return Crystal(
        np.array(structure.atomic_numbers), np.array(structure.lattice.matrix), np.array(structure.frac_coords)
    )


def known(target):
    """The crystal that is looked for."""
    if target.known_as != "bcc":
        found = snapshot.read(
            snapshot.SNAPSHOT, Provenance.of("known", 0, {}), lambda record: record["id"] == target.known_as
        )
        return _bare(found.structure(0))
    corners = np.array([(i, j, k) for i in range(2) for j in range(2) for k in range(2)]) / 2
    return Crystal(np.array([60] + [26] * 15), 5.74 * np.eye(3), np.vstack([corners, corners + 0.25]))


def settings_of(target, search, changes):
    """Settings of one search at the composition of its target."""
    atoms = target.minority + target.majority
    share = target.minority / atoms
    cell = {"min_atoms": atoms, "max_atoms": atoms, "min_minority_fraction": share, "max_minority_fraction": share}
    goal = ["formation_energy", "magnetisation"] if target.itself else ["formation_energy"]
    return {**COMMON, **cell, "objectives": goal, **SEARCHES[search], **changes}


class Run:
    """One search with one seed, in a folder of its own."""

    def __init__(self, model, target, search, seed, folder, changes):
        self.model, self.target, self.seed, self.folder = model, target, seed, folder
        given = settings_of(target, search, changes)
        self.settings = SearchSettings.of(given)
        self.provenance = Provenance.of(f"benchmark, {model.name}", seed, given)
        self.crystal, self.energy = model.relaxed(known(target))
        self.print = fingerprint(self.crystal, self.settings.kinds(self.crystal.numbers))
        self.clock = folder / "seconds.json"
        self.seconds = json.loads(self.clock.read_text()) if self.clock.exists() else {"model": 0.0, "search": 0.0}

    def until_found(self, most, deadline):
        """Numbers of relaxations and of evaluations until the target is found; None if it is not, yet."""
        population, number = None, 0
        while population is None or len(population) < most:
            population = self._generation(population, number)
            number += 1
            hit = self._found(population)
            if hit is not None:
                before = population.evaluations[: hit + 1].sum()
                return {"relaxations": hit + 1, "evaluations": int(before)}
            if time.monotonic() > deadline:
                break
        return {"not_found_in": len(population), "given_up": len(population) >= most}

    def _generation(self, population, number):
        """One more generation, from disk if it is there."""
        file = self.folder / f"{number:04d}.h5"
        if file.exists():
            kept = Population.read(file)
            if kept.provenance == self.provenance:
                return kept
        began = time.monotonic()
        made = (
            generation.first_generation(self.settings, self.seed)
            if population is None
            else generation.next_generation(population, self.settings, self.seed, number)
        )
        made_by = time.monotonic()
        groups = [[made[k] for k in rows] for rows in relaxing.groups(len(made), self.settings.relaxation.at_once)]
        record = file.with_suffix(".ledger")
        ended = relaxing.relax_batch(groups, self.model.evaluate, self.settings, record, self.provenance.key, LOG)
        relaxed_by = time.monotonic()
        relaxed = relaxing.pack(made, ended, self.provenance)
        population = selection.select(population, relaxed, self._values(relaxed), self.settings, self.provenance)
        population.write(file)
        record.unlink()
        self.seconds["model"] += relaxed_by - made_by
        self.seconds["search"] += made_by - began + time.monotonic() - relaxed_by
        self.clock.write_text(json.dumps(self.seconds))
        return population

    def _values(self, relaxed):
        """Formation energies, and the sum of the moments with the 4f ones over the volume."""
        values = fitness.from_energies(relaxed, self.model.elements, self.settings)
        if "magnetisation" not in self.settings.objectives:
            return values
        moments = relaxed.moment_muB + 3.273 * (relaxed.atomic_number == 60)
        total = np.add.reduceat(moments, relaxed.site_offset[:-1])
        return fitness.Values(values.formation_energy_eV_per_atom, 11.654 * total / relaxed.volumes_A3())

    def _found(self, population):
        """Row of the first crystal that is the target, or as low; None if there is none."""
        energy = population.energy_eV / population.site_counts()
        good = population.defect < selection.UNUSABLE
        away = distances(self.print, population.fingerprint)[0]
        same = good & (away < SAME_PRINT) & (energy < self.energy + 4 * SAME_ENERGY_EV)
        low = good & (energy < self.energy + SAME_ENERGY_EV)
        rows = np.flatnonzero(same if self.target.itself else same | low)
        return int(rows[0]) if len(rows) else None


def compare(model, name, searches, seeds, most, deadline, folder, changes):
    """All searches for one target, with several seeds."""
    target, found = TARGETS[name], {}
    for search in searches:
        runs = []
        for seed in range(seeds):
            if time.monotonic() > deadline:
                break
            place = folder / Path(model.name).stem / name / search / str(seed)
            place.mkdir(parents=True, exist_ok=True)
            run = Run(model, target, search, seed, place, changes if search == "evolution" else {})
            runs.append(
                {**run.until_found(most, deadline), "seconds": {k: round(v, 2) for k, v in run.seconds.items()}}
            )
            print(name, search, seed, runs[-1], file=sys.stderr, flush=True)
        found[search] = summary(runs)
    return {**found, "random_over_evolution": advantage(found)}


def advantage(found):
    """Median of random search over that of the evolution; a lower bound where random search has not found all."""
    if not {"evolution", "random"} <= set(found):
        return None
    ours, chance = found["evolution"], found["random"]
    if not isinstance(ours["median_relaxations"], (int, float)):
        return None
    if isinstance(chance["median_relaxations"], (int, float)):
        return round(chance["median_relaxations"] / ours["median_relaxations"], 2)
    return f"more than {round(chance['shortest_vain'] / ours['median_relaxations'], 2)}"


def summary(runs):
    """Median over the seeds; one that has given up counts as longer than all others, one out of time not at all."""
    ended = [run for run in runs if "relaxations" in run or run["given_up"]]
    counts = [run.get("relaxations", np.inf) for run in ended]
    calls = [run.get("evaluations", np.inf) for run in ended]
    median, median_calls = (statistics.median(v) if v else np.inf for v in (counts, calls))
    return {
        "median_relaxations": median if np.isfinite(median) else "not found",
        "shortest_vain": min((run["not_found_in"] for run in ended if "not_found_in" in run), default=None),
        "median_evaluations": median_calls if np.isfinite(median_calls) else None,
        "found": sum(bool(np.isfinite(count)) for count in counts),
        "relaxations": [run.get("relaxations", f"not in {run.get('not_found_in')}") for run in runs],
        "runs": len(runs),
        "search_seconds": round(sum(run["seconds"]["search"] for run in runs), 2),
        "model_seconds": round(sum(run["seconds"]["model"] for run in runs), 2),
    }


def main(arguments):
    """Run the comparison and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--targets", default="NdFe2,NdFe5")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--most", type=int, default=300, help="relaxations after which a search gives up")
    parser.add_argument("--minutes", type=float, default=30.0, help="time limit for all")
    parser.add_argument("--model", default="chgnet", help="chgnet, or a file of a graph_model artifact")
    parser.add_argument("--folder", type=Path, default=Path("results/bench/search"))
    parser.add_argument("--searches", default=",".join(SEARCHES))
    parser.add_argument(
        "--topology", action="store_true", help="seeds on the sites of known crystals too, not of Nd-Fe"
    )
    parser.add_argument("--changes", default="{}", help="JSON: other settings of the evolution")
    options = parser.parse_args(arguments)
    if options.topology:
        COMMON["seeds"] = {"random": 1.0, "topology": 1.0, "exclude_systems": ["Nd-Fe"]}
    deadline, model = time.monotonic() + 60 * options.minutes, Model(options.model)
    found = {
        name: compare(
            model,
            name,
            options.searches.split(","),
            options.seeds,
            options.most,
            deadline,
            options.folder,
            json.loads(options.changes),
        )
        for name in options.targets.split(",")
    }
    print(json.dumps({"model": options.model, **found}, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
