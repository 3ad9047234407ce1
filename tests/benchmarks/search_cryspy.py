"""The measure of `search.py` for CrySPY's evolutionary algorithm with the same relaxer, limits and targets, as JSON.

    PYTHONPATH=FOLDER python tests/benchmarks/search_cryspy.py [--targets NdFe2,NdFe5] [--seeds 5] [--most 300]
                                                               [--minutes 30] [--model chgnet] [--folder ...]

CrySPY (MIT) is no dependency of this package; ``pip install --no-deps --target FOLDER csp-cryspy`` puts it into FOLDER.
Its interactive mode runs with our relaxer in the place of ASE's. Sizes are those of its own example, scaled to the
population of eight that `search.py` has; smallest distances are ours.
"""

import argparse
import contextlib
import io
import json
import logging
import shutil
import sys
import time
import types
from pathlib import Path

import numpy as np
import search

from lodestone.dft.relaxation import Geometry, relax
from lodestone.search.candidate import Crystal
from lodestone.search.fingerprint import distances, fingerprint
from lodestone.search.settings import SearchSettings

INPUT = """
[basic]
algo = EA
calc_code = ASE
tot_struc = 8
nstage = 1
njob = 8
jobcmd = none
jobfile = job
[structure]
atype = Nd Fe
nat = {minority} {majority}
mindist_1 = {nd_nd:.3f} {nd_fe:.3f}
mindist_2 = {nd_fe:.3f} {fe_fe:.3f}
[ASE]
ase_python = job.py
[EA]
n_pop = 8
n_crsov = 4
n_perm = 2
n_strain = 1
n_rand = 1
n_elite = 2
n_fittest = 4
slct_func = TNM
t_size = 3
maxgen_ea = 0
[option]
seed = {seed}
"""


class Found(Exception):
    """The target has been found."""


class Run:
    """One search of CrySPY with one seed, in a folder of its own."""

    def __init__(self, model, target, seed, folder, most, deadline):
        self.model, self.target, self.seed, self.folder = model, target, seed, folder
        self.most, self.deadline = most, deadline
        self.settings = SearchSettings.of(search.settings_of(target, "random", {}))
        self.crystal, self.energy = model.relaxed(search.known(target))
        self.print = fingerprint(self.crystal, self.settings.kinds(self.crystal.numbers))
        self.relaxations = self.evaluations = 0

    def optimise(self, work_path, structure, *_, **__):
        """Stand in for CrySPY's optimiser: geometry, energy of the cell, whether it has converged."""
        if self.relaxations >= self.most or time.monotonic() > self.deadline:
            raise TimeoutError
        lattice, sites = np.array(structure.lattice.matrix), np.array(structure.frac_coords)
        start = Geometry(0, np.array(structure.atomic_numbers), lattice, sites)
        limits = self.settings.relaxation
        (end,) = relax(
            [start],
            self.model.evaluate,
            force_tolerance_eV_A=limits.force_tolerance_eV_A,
            stress_tolerance_eV_A3=limits.stress_tolerance_eV_A3,
            max_steps=limits.max_steps,
        )
        self.relaxations += 1
        self.evaluations += len(end.energies_eV)
        if end.last.failure:
            return None, np.nan, False
        crystal = Crystal(start.atomic_numbers, end.geometry.lattice_A, end.geometry.fractional)
        if self.is_target(crystal, end.last.energy_eV / len(crystal)):
            raise Found
        relaxed = type(structure)(crystal.lattice_A, structure.species, crystal.fractional)
        return relaxed, end.last.energy_eV, end.converged

    def is_target(self, crystal, energy):
        """Whether a crystal is what `search.py` looks for."""
        away = distances(self.print, fingerprint(crystal, self.settings.kinds(crystal.numbers)))[0, 0]
        same = away < search.SAME_PRINT and energy < self.energy + 4 * search.SAME_ENERGY_EV
        return same if self.target.itself else same or energy < self.energy + search.SAME_ENERGY_EV

    def until_found(self):
        """Numbers of relaxations and evaluations until the target is found."""
        from cryspy.interactive import action, restart_interact

        restart_interact.opt_ase = self.optimise
        allowed = self.settings.allowed_A
        text = INPUT.format(
            minority=self.target.minority,
            majority=self.target.majority,
            nd_nd=allowed[0, 0],
            nd_fe=allowed[0, 1],
            fe_fe=allowed[1, 1],
            seed=self.seed,
        )
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(io.StringIO()):
            Path("cryspy.in").write_text(text)
            Path("calc_in").mkdir()
            for name in ("job", "job.py_1"):
                Path("calc_in", name).write_text("")
            action.initialize()
            try:
                while True:
                    action.restart(njob=8, calculator=None, optimizer="FIRE", symmetry=False)
            except Found:
                return {"relaxations": self.relaxations, "evaluations": self.evaluations}
            except TimeoutError:
                return {"not_found_in": self.relaxations, "given_up": self.relaxations >= self.most}


def without_notebook():
    """CrySPY's interactive mode is made for notebooks; its progress bar is not needed."""
    plain = types.ModuleType("tqdm.notebook")
    plain.tqdm = lambda items: items
    sys.modules["tqdm.notebook"] = plain


def main(arguments):
    """Run CrySPY for every target and seed and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--targets", default="NdFe2,NdFe5")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--most", type=int, default=300)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--model", default="chgnet")
    parser.add_argument("--folder", type=Path, default=Path("results/bench/cryspy"))
    options = parser.parse_args(arguments)
    without_notebook()
    logging.disable(logging.INFO)
    deadline, model, found = time.monotonic() + 60 * options.minutes, search.Model(options.model), {}
    for name in options.targets.split(","):
        runs = []
        for seed in range(options.seeds):
            place = options.folder.absolute() / name / str(seed)
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
            run = Run(model, search.TARGETS[name], seed, place, options.most, deadline)
            runs.append({**run.until_found(), "seconds": {"model": 0.0, "search": 0.0}})
            print(name, seed, runs[-1], file=sys.stderr, flush=True)
            if time.monotonic() > deadline:
                break
        found[name] = search.summary(runs)
    print(json.dumps({"model": options.model, "cryspy": found}, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])
