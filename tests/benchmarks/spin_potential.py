"""Magnetic potentials beside motep's engines on one core; prints JSON.

    OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 python tests/benchmarks/spin_potential.py [number of repeats]

Energies, forces, stresses and magnetic forces of 128 atoms of bcc Fe with a cutoff of 5 angstrom at level 12 and
N_psi = 2, and the gradient of the loss with respect to all parameters, ours by adjoint differentiation, motep's by
Jacobians; `ours_jacobian` is our Jacobian of every label, which the fit of small cells uses. Neighbours are known
beforehand in all cases, and once looked for in `_moved`. Figures are medians of processor microseconds per atom;
programs take turns, so that other load meets all of them. All evaluate the plain
energy; `symmetrised` is the mean over reversed moments, which motep does not have. Last, one fit with the
default settings to the shipped labels at that level, in seconds.
"""

import dataclasses
import json
import logging
import statistics
import sys
import time
from pathlib import Path

import numpy as np
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from motep.loss import LossFunction, LossSetting
from motep.potentials.mmtp.cext.engine import CExtMagMTPEngine
from motep.potentials.mmtp.numba.engine import NumbaMagMTPEngine

from lodestone import config
from lodestone.spin_potential import members
from lodestone.spin_potential.configuration_files import read_extxyz
from lodestone.spin_potential.configurations import Configurations
from lodestone.spin_potential.evaluation import evaluate
from lodestone.spin_potential.fitting import fit, with_linear_parameters
from lodestone.spin_potential.jacobian import normal_equations
from lodestone.spin_potential.loss import Labels, Target, Weights, loss_and_gradient
from lodestone.spin_potential.potential import SpinPotential

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from spin_crystals import as_motep  # noqa: E402

SHIPPED = Path(__file__).parents[2] / "config" / "data" / "spin_potential" / "fe_al.extxyz.gz"
LEVEL, MAGNETIC_SIZE, CELLS, CUTOFF_A = 12, 2, 4, 5.0
REPEATS = 15


def iron():
    """128 displaced atoms of bcc Fe with moments about 2 mu_B."""
    rng = np.random.default_rng(0)
    atoms = bulk("Fe", a=2.86, cubic=True).repeat(CELLS)
    atoms.positions += rng.normal(scale=0.05, size=atoms.positions.shape)
    atoms.set_initial_magnetic_moments(rng.uniform(1.5, 2.5, len(atoms)))
    return atoms


def medians(works, repeats, atoms):
    """Median processor microseconds per atom of each of some functions, called in turn."""
    times = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(repeats):
        for name, work in works.items():
            began = time.process_time()
            work()
            times[name].append(time.process_time() - began)
    return {name: round(1e6 * statistics.median(some) / atoms, 2) for name, some in times.items()}


def evaluations(plain, atoms, repeats):
    """Figures of energies and their derivatives."""
    symmetrised = dataclasses.replace(plain, symmetrised=True)
    crystal = Configurations.from_atoms([atoms], plain.species)
    engines = {"motep_C": CExtMagMTPEngine(as_motep(plain)), "motep_numba": NumbaMagMTPEngine(as_motep(plain))}
    said, theirs = evaluate(plain, crystal), engines["motep_C"].calculate(atoms)
    np.testing.assert_allclose(said.force_eV_A, theirs["forces"], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(said.magnetic_force_eV_muB, -theirs["mgrad"], rtol=1e-9, atol=1e-9)
    works = {
        "ours": lambda: evaluate(plain, crystal),
        "ours_symmetrised": lambda: evaluate(symmetrised, crystal),
        "ours_moved": lambda: evaluate(plain, Configurations.from_atoms([atoms], plain.species)),
    }
    works |= {name: lambda engine=engine: engine.calculate(atoms) for name, engine in engines.items()}
    return medians(works, repeats, len(atoms))


def gradients(plain, atoms, repeats):
    """Figures of the loss and its gradient."""
    rng, count = np.random.default_rng(1), len(atoms)
    labels = Labels(rng.normal(size=1), rng.normal(size=(count, 3)), np.zeros((1, 3, 3)), rng.normal(size=count))
    crystal = Configurations.from_atoms([atoms], plain.species)
    target = Target(crystal, labels, Weights(1.0, 0.01, 0.001, 0.1))
    labelled = atoms.copy()
    labelled.calc = SinglePointCalculator(
        labelled, energy=labels.energy_eV[0], forces=labels.force_eV_A, stress=np.zeros(6)
    )
    labelled.calc.results["mgrad"] = -labels.magnetic_force_eV_muB
    theirs = LossFunction([labelled], mtp_data=as_motep(plain), setting=LossSetting())
    values = plain.parameters()

    def motep():
        # Its calculator remembers what it has computed for the same atoms; a fit changes the parameters each time.
        theirs.images[0].calc.reset()
        return theirs(values), theirs.jac(values)

    ours, found = loss_and_gradient(plain, target), motep()
    np.testing.assert_allclose(ours[0], found[0], rtol=1e-9)
    np.testing.assert_allclose(ours[1], found[1], rtol=1e-7, atol=1e-9 * np.abs(found[1]).max())
    symmetrised = dataclasses.replace(plain, symmetrised=True)
    works = {
        "ours": lambda: loss_and_gradient(plain, target),
        "ours_symmetrised": lambda: loss_and_gradient(symmetrised, target),
        "ours_jacobian": lambda: normal_equations(plain, target),
        "motep_C_jacobian": motep,
    }
    return medians(works, repeats, count)


def shipped_fit():
    """Figures of a fit to the shipped labels."""
    section = config.defaults()["spin_potential"]
    species = [section["host"], section["solute"]]
    settings = {**section["form"], **section["fit"], "level": LEVEL, "magnetic_size": MAGNETIC_SIZE}
    settings["magnetic_weight"] = section["uses"]["weight"]
    crystals, labels = read_extxyz(SHIPPED, species)
    target = members.target_of(crystals, labels, np.arange(len(crystals)), settings)
    random = members.random_potential(species, settings, np.random.default_rng(3))
    began = time.perf_counter()
    start = with_linear_parameters(random, target, settings["ridge"])
    made = fit(start, target, members.fit_settings(settings), logging.getLogger(__name__))
    return {
        "configurations": len(crystals),
        "atoms": len(crystals.kind),
        "parameters": start.parameter_count,
        "steps": len(made.losses),
        "seconds": round(time.perf_counter() - began, 1),
    }


def main():
    """Print the figures."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else REPEATS
    random = SpinPotential.random(
        ("Fe",), level_number=LEVEL, magnetic_size=MAGNETIC_SIZE, rng=np.random.default_rng(2), r_cut_A=CUTOFF_A
    )
    plain, atoms = dataclasses.replace(random, symmetrised=False), iron()
    figures = {
        "atoms": len(atoms),
        "neighbours": int(
            np.diff(Configurations.from_atoms([atoms], ("Fe",)).neighbours(CUTOFF_A).block).mean().round()
        ),
        "parameters": plain.parameter_count,
        "evaluation_us_per_atom": evaluations(plain, atoms, repeats),
        "loss_gradient_us_per_atom": gradients(plain, atoms, max(3, repeats // 3)),
        "fit_to_shipped_labels": shipped_fit(),
    }
    times, losses = figures["evaluation_us_per_atom"], figures["loss_gradient_us_per_atom"]
    figures["evaluation_ratio_to_motep_C"] = round(times["motep_C"] / times["ours"], 1)
    figures["evaluation_ratio_to_motep_numba"] = round(times["motep_numba"] / times["ours"], 1)
    figures["loss_gradient_ratio_to_motep"] = round(losses["motep_C_jacobian"] / losses["ours"], 1)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
