"""Force field evaluations and relaxations a second on one core, in batches and by alignn's own calculator; prints JSON.

Both have the same weights and cutoffs and one thread; times are those of the processor. An evaluation is one call of
alignn's calculator; in a relaxation ASE calls it several times a step, since it does not remember for which atoms its
results are. The floor is what the matrix products alone would take at the rate that this machine multiplies large ones.
"""

import contextlib
import io
import json
import time

import numpy as np
import torch
from ase import Atoms
from ase.filters import UnitCellFilter
from ase.optimize import FIRE

from lodestone.artifacts.base import Provenance
from lodestone.dft.relaxation import Geometry, relax
from lodestone.graph_models import graphs
from lodestone.graph_models.architecture import Architecture, default_architecture
from lodestone.graph_models.evaluator import Evaluator
from lodestone.graph_models.graphs import GraphSettings
from lodestone.graph_models.library import alignn
from lodestone.graph_models.model import ENERGY_TARGET, model_of
from lodestone.graph_models.training import initialised

SETTINGS = GraphSettings(5.0, 3.5)
CROWD = 16  # crystals that are relaxed together
RELAXATION_STEPS = 10  # random weights bind nothing: steps are counted, not convergence


def bcc(edge_cells, seed):
    """Supercell of bcc Fe with one Nd, its atoms displaced."""
    rng = np.random.default_rng(seed)
    corners = np.stack(np.meshgrid(*[np.arange(edge_cells)] * 3, indexing="ij"), -1).reshape(-1, 3)
    fractional = np.concatenate([corners, corners + 0.5]) / edge_cells
    numbers = np.full(len(fractional), 26)
    numbers[0] = 60
    edge = 2.87 * edge_cells
    moved = fractional + rng.normal(scale=0.03, size=fractional.shape) / edge
    return Geometry(seed, numbers, np.eye(3) * edge, moved)


def network():
    """Two layers of each kind, 64 features, alignn's own messages."""
    base = default_architecture(force_field=True, graph=SETTINGS)
    return initialised(Architecture(base.model, SETTINGS, smooth_messages=False), 0, "graph_model", 0)


def seconds(work, repeats):
    """Shortest processor time of some repeats."""
    times = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return min(times)


def alignn_calculator(net):
    """Calculator of alignn over the same weights."""
    settings = {
        "model": json.loads(net.config.model_dump_json()),
        "neighbor_strategy": "pure_torch",
        "cutoff": SETTINGS.two_body_cutoff_A,
        "three_body_cutoff": SETTINGS.three_body_cutoff_A,
        "max_neighbors": None,
        "atom_features": "cgcnn",
        "use_canonize": True,
    }
    with contextlib.redirect_stdout(io.StringIO()):
        return alignn("ff.calculators").AlignnAtomwiseCalculator(model=net.module.eval(), config=settings, device="cpu")


def one_by_one(calculator, geometry):
    """One calculation of energy, forces and stress."""
    calculator.calculate(as_atoms(geometry), ["energy", "forces", "stress"])


def as_atoms(geometry):
    """Geometry as ASE knows it."""
    return Atoms(
        numbers=geometry.atomic_numbers, cell=geometry.lattice_A, scaled_positions=geometry.fractional, pbc=True
    )


def relax_one(calculator, geometry):
    """Some steps of ASE's FIRE."""
    atoms = as_atoms(geometry)
    atoms.calc = calculator
    FIRE(UnitCellFilter(atoms), logfile=None).run(fmax=0.0, steps=RELAXATION_STEPS)


def relax_all(evaluate, edge_cells):
    """The same number of steps for a crowd."""
    crowd = [bcc(edge_cells, k) for k in range(CROWD)]
    limits = {"force_tolerance_eV_A": 0.0, "stress_tolerance_eV_A3": 0.0, "max_steps": RELAXATION_STEPS}
    return list(relax(crowd, evaluate, **limits, at_once=CROWD))


def floor_seconds(geometry):
    """Time of the matrix products of one evaluation, forward and backward, with interpolated embeddings."""
    batch = graphs.build([geometry], SETTINGS)
    edges, short, triplets = len(batch.source), len(batch.short), len(batch.triplet_source)
    # a product an edge for each of four layers and two updates, three a short edge in two layers, one a triplet
    rows = edges * (4 + 2) + 3 * short * 2 + triplets
    flops = 2 * 2 * 64 * 64 * rows
    left, right, out = torch.randn(8192, 64), torch.randn(64, 64), torch.empty(8192, 64)
    rate = 2 * 8192 * 64 * 64 / seconds(lambda: torch.mm(left, right, out=out), 50)
    return flops / rate, rate


def main():
    """Print the figures."""
    torch.set_num_threads(1)
    net = network()
    calculator = alignn_calculator(net)
    model = model_of(
        net, force_field=True, targets=[ENERGY_TARGET], source="here", labels_from="nothing",
        provenance=Provenance(backend="a benchmark", seed=0, config_sha256="0" * 64),
    )  # fmt: skip
    figures = {}
    theirs = {m: seconds(lambda m=m: one_by_one(calculator, bcc(m, 0)), 5) for m in (2, 3)}
    relaxed = {m: seconds(lambda m=m: relax_one(calculator, bcc(m, 0)), 2) for m in (2, 3)}
    evaluate = Evaluator(model, "cpu")
    for m in (2, 3):
        crowd, atoms = [bcc(m, k) for k in range(CROWD)], 2 * m**3
        evaluate(crowd)
        ours = seconds(lambda crowd=crowd: evaluate(crowd), 5) / CROWD
        ours_relaxed = seconds(lambda m=m: relax_all(evaluate, m), 2) / CROWD
        floor, rate = floor_seconds(crowd[0])
        figures[f"{atoms}_atoms"] = {
            "evaluations_per_s": round(1 / ours, 1),
            "alignn_evaluations_per_s": round(1 / theirs[m], 1),
            "ratio": round(theirs[m] / ours, 1),
            "relaxation_steps_per_s": round((RELAXATION_STEPS + 1) / ours_relaxed, 1),
            "alignn_relaxation_steps_per_s": round((RELAXATION_STEPS + 1) / relaxed[m], 1),
            "relaxation_ratio": round(relaxed[m] / ours_relaxed, 1),
            "share_of_matrix_products": round(floor / ours, 2),
        }
    figures["matrix_products_GFLOP_per_s"] = round(rate / 1e9, 1)
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
