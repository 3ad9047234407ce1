"""CHGNet (Deng et al., Nat. Mach. Intell. 5, 1031): a fitted model, not DFT. It needs no executable.

It gives energies, forces, stress and the sizes of site moments; no signs of moments, no 4f moments, no spin-orbit
coupling. Its bundled models differ: the first of the list relaxes, all of them evaluate the final geometry, and the
spread of what follows from their energies is the error bar.
"""

from __future__ import annotations

import contextlib
import io
import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from lodestone.artifacts.atomic import replacing
from lodestone.dft.backend import Backend, read_failure, write_failure
from lodestone.dft.calculation import Calculation, Problem, Resources, Result, Status, read_calculation, read_structure
from lodestone.dft.relaxation import Evaluation, Geometry, Relaxed, relax

if TYPE_CHECKING:
    from pymatgen.core import Structure

INPUT_FILE = "chgnet_input.json"
OUTPUT_FILE = "chgnet_output.json"
GPA_EV_A3 = 1 / 160.21766208  # the factor by which CHGNet multiplies
LARGEST_ATOMIC_NUMBER = 94


class Chgnet(Backend):
    """The bundled models, as a back end."""

    name: ClassVar[str] = "chgnet"
    kinds: ClassVar[tuple[str, ...]] = ("relax", "static")
    moments_are_signed: ClassVar[bool] = False

    @property
    def models(self) -> list[str]:
        """Names of the models, the one that relaxes first."""
        return list(self.options.get("models", ["0.3.0", "0.2.0", "r2scan"]))

    @property
    def label(self) -> str:
        """The model that gave the energies; never DFT."""
        return f"CHGNet {self.models[0]} (fitted model)"

    def check(
        self, structures: Mapping[str, Structure], calculation: Calculation, *, runs_here: bool = False
    ) -> list[Problem]:
        """Refuse kinds and elements that the model does not know."""
        if calculation.kind not in self.kinds:
            return [Problem("", f"CHGNet cannot do {calculation.kind}, it can do {', '.join(self.kinds)}")]
        problems = []
        for name, structure in structures.items():
            unknown = sorted({s.symbol for s in structure.elements if s.Z > LARGEST_ATOMIC_NUMBER})
            if unknown:
                problems.append(Problem(name, f"element {', '.join(unknown)}: CHGNet knows elements up to Pu"))
        return problems

    def prepare(self, structure: Structure, calculation: Calculation, folder: Path) -> None:
        """Write the names of the models; all else is in the common files."""
        (folder / INPUT_FILE).write_text(json.dumps({"models": self.models}) + "\n")

    def run(self, folder: Path, resources: Resources) -> None:
        """Run one folder."""
        for _ in self.run_batch([folder], resources):
            pass

    def run_batch(self, folders: Sequence[Path], resources: Resources) -> Iterator[Path]:
        """Relax or evaluate several crystals together; all folders of a batch hold the same calculation."""
        if not folders:
            return
        calculation = read_calculation(folders[0])
        models = json.loads((folders[0] / INPUT_FILE).read_text())["models"]
        device, at_once = self.options.get("device", "auto"), int(self.options.get("crystals_at_once", 1))
        evaluators = {name: Evaluator(name, device, resources.threads) for name in models}
        ended = relax(
            _geometries(folders),
            evaluators[models[0]],
            force_tolerance_eV_A=calculation.force_tolerance_eV_A,
            stress_tolerance_eV_A3=calculation.stress_tolerance_eV_A3,
            max_steps=calculation.max_ionic_steps if calculation.kind == "relax" else 0,
            relax_cell=calculation.relax_cell,
            at_once=at_once,
        )
        for relaxed in ended:
            folder = folders[relaxed.geometry.number]
            if relaxed.last.failure:
                write_failure(folder, Status.FAILED, f"CHGNet: {relaxed.last.failure}")
            else:
                _write_output(folder, relaxed, evaluators)
            yield folder

    def collect(self, folder: Path, calculation: Calculation) -> Result:
        """Read the output of one folder."""
        failed = read_failure(folder)
        if failed is not None:
            return failed
        try:
            values = json.loads((folder / OUTPUT_FILE).read_text())
        except (FileNotFoundError, json.JSONDecodeError) as error:
            return Result(status=Status.FAILED, message=f"{OUTPUT_FILE}: {error.__class__.__name__}: {error}")
        structure = read_structure(folder)
        moments = np.array(values["moments_muB"])
        final = _final_structure(structure, values, moments)
        relaxed = calculation.kind != "relax" or values["converged"]
        message = "" if relaxed else f"largest force {values['largest_forces_eV_A'][-1]:.3g} eV/A after the last step"
        return Result(
            status=Status.CONVERGED if relaxed else Status.NOT_CONVERGED,
            message=message,
            structure=final,
            energy_eV=values["energy_eV"],
            forces_eV_A=np.array(values["forces_eV_A"]),
            stress_eV_A3=np.array(values["stress_eV_A3"]),
            moments_muB=moments,
            total_moment_muB=float(moments.sum()),
            model_energies_eV=values["model_energies_eV"],
            steps=values["steps"],
            extras={"energies_eV": values["energies_eV"], "largest_forces_eV_A": values["largest_forces_eV_A"]},
        )


class Evaluator:
    """One bundled model on one device."""

    def __init__(self, model: str, device: str = "auto", threads: int = 1) -> None:
        import torch
        from chgnet.model import CHGNet

        torch.set_num_threads(max(1, threads))
        cuda = device == "gpu" or (device == "auto" and torch.cuda.is_available())
        with contextlib.redirect_stdout(io.StringIO()):  # it prints how many parameters it has
            self.model = CHGNet.load(model_name=model, use_device="cuda" if cuda else "cpu", verbose=False)
        self.model.graph_converter.set_isolated_atom_response("error")

    def __call__(self, geometries: Sequence[Geometry]) -> list[Evaluation]:
        """Evaluate all geometries in one pass of the model."""
        graphs: list[Any] = []
        failures: dict[int, str] = {}
        for k, geometry in enumerate(geometries):
            try:
                graphs.append(self.model.graph_converter(_structure(geometry)))
            except (ValueError, RuntimeError) as error:  # atoms too far apart or on top of one another
                failures[k] = " ".join(str(error).split())[:200]
        answers = iter(self._predict(graphs))
        return [
            Evaluation(failure=failures[k]) if k in failures else _evaluation(next(answers), len(g.atomic_numbers))
            for k, g in enumerate(geometries)
        ]

    def _predict(self, graphs: list[Any]) -> list[dict[str, Any]]:
        """Predictions for each graph; the model returns a single one bare."""
        if not graphs:
            return []
        with warnings.catch_warnings():
            # CHGNet makes numbers of the volumes, tensors with a gradient; their values are right all the same.
            warnings.filterwarnings("ignore", message="Converting a tensor with requires_grad=True to a scalar")
            predicted: Any = self.model.predict_graph(graphs, task="efsm", batch_size=len(graphs))
        return [predicted] if len(graphs) == 1 else predicted


def _evaluation(predicted: Mapping[str, Any], sites: int) -> Evaluation:
    """Turn a prediction (eV per atom, eV/A, GPa) into eV of the cell, eV/A, eV/A^3."""
    energy = float(predicted["e"]) * sites
    forces = np.asarray(predicted["f"], dtype=float)
    stress = np.asarray(predicted["s"], dtype=float) * GPA_EV_A3
    moments = np.asarray(predicted["m"], dtype=float).reshape(sites)
    if not (np.isfinite(energy) and np.isfinite(forces).all() and np.isfinite(stress).all()):
        return Evaluation(failure="the model gave a number that is not finite")
    return Evaluation(energy, forces, stress, moments)


def _geometries(folders: Sequence[Path]) -> Iterator[Geometry]:
    """Start geometries, read one by one as they are needed."""
    for number, folder in enumerate(folders):
        structure = read_structure(folder)
        yield Geometry(
            number,
            np.array(structure.atomic_numbers),
            np.array(structure.lattice.matrix),
            np.array(structure.frac_coords),
        )


def _structure(geometry: Geometry) -> Structure:
    """Geometry as pymatgen knows it."""
    from pymatgen.core import Lattice, Structure

    return Structure(Lattice(geometry.lattice_A), geometry.atomic_numbers.tolist(), geometry.fractional)


def _final_structure(start: Structure, values: Mapping[str, Any], moments: np.ndarray) -> Structure:
    """Geometry at the end, with the species and site order of the start and the moments found."""
    from pymatgen.core import Lattice, Structure

    return Structure(
        Lattice(values["lattice_A"]), start.species, values["fractional"], site_properties={"magmom": moments.tolist()}
    )


def _write_output(folder: Path, relaxed: Relaxed, evaluators: Mapping[str, Evaluator]) -> None:
    """Evaluate the final geometry with every model and write everything, whole or not at all."""
    geometry, last = relaxed.geometry, relaxed.last
    energies = {}
    for k, (name, evaluator) in enumerate(evaluators.items()):
        energies[name] = last.energy_eV if k == 0 else evaluator([geometry])[0].energy_eV
    values = {
        "converged": relaxed.converged,
        "steps": relaxed.steps,
        "lattice_A": geometry.lattice_A.tolist(),
        "fractional": geometry.fractional.tolist(),
        "energy_eV": last.energy_eV,
        "forces_eV_A": last.forces_eV_A.tolist(),
        "stress_eV_A3": last.stress_eV_A3.tolist(),
        "moments_muB": last.moments_muB.tolist(),
        "model_energies_eV": energies,
        "energies_eV": relaxed.energies_eV,
        "largest_forces_eV_A": relaxed.largest_forces_eV_A,
    }
    with replacing(folder / OUTPUT_FILE) as temporary:
        temporary.write_text(json.dumps(values) + "\n")
