"""Input files of a VASP run, through pymatgen's input sets.

A POSCAR groups the sites by element, so that its order can differ from the crystal's; `order` says how, and everything
that is read back is put into the crystal's own order again.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import numpy as np
from pymatgen.core import Structure
from pymatgen.io.vasp.inputs import Incar, Kpoints, Poscar
from pymatgen.io.vasp.sets import BadInputSetWarning, VaspInputSet

from lodestone.dft.calculation import Calculation
from lodestone.dft.vasp import potentials
from lodestone.dft.vasp.steps import Step


class MagnetSet(VaspInputSet):
    """The input set of one step: tags from a `Step`, moments from the sites, U and potentials from the calculation."""


def order(structure: Structure) -> list[int]:
    """Return the indices of the sites as in the POSCAR: elements as they first appear, sites of one as they stand."""
    elements = [site.specie.symbol for site in structure]
    first = {symbol: elements.index(symbol) for symbol in elements}
    return sorted(range(len(structure)), key=lambda k: (first[elements[k]], k))


def grouped(structure: Structure, moments_muB: np.ndarray) -> Structure:
    """Return the crystal in the order of the POSCAR, without site properties but the moments (site,)."""
    sites = order(structure)
    return Structure(
        structure.lattice,
        [structure[k].specie.symbol for k in sites],
        structure.frac_coords[sites],
        site_properties={"magmom": [float(moments_muB[k]) for k in sites]},
    )


def input_set(structure: Structure, calculation: Calculation, step: Step) -> MagnetSet:
    """Return the input set of a step for a crystal from `grouped`, which has to stay in that order."""
    elements = list(dict.fromkeys(site.specie.symbol for site in structure))
    names = {element: potentials.symbol(element, calculation.potentials) for element in elements}
    tags = {**step.incar, "MAGMOM": {}}
    hubbard = calculation.hubbard(elements)
    if hubbard:
        tags |= {
            "LDAU": True,
            "LDAUTYPE": 2,
            "LDAUPRINT": 1,
            "LDAUU": hubbard,
            "LDAUJ": {},
            # Quantum number of the orbitals that U acts on: d everywhere in the presets.
            "LDAUL": {element: 2 if element in hubbard else -1 for element in elements},
        }
    return MagnetSet(
        structure,
        config_dict={"INCAR": tags, "KPOINTS": {}, "POTCAR": names, "POTCAR_FUNCTIONAL": "PBE"},
        user_kpoints_settings=cast(dict, mesh(structure, calculation)),  # it takes a Kpoints as well
        sort_structure=False,
    )


def mesh(structure: Structure, calculation: Calculation) -> Kpoints:
    """Return the k-point mesh of a crystal."""
    numbers = calculation.mesh(structure.lattice.matrix)
    points = Kpoints.gamma_automatic(numbers) if calculation.gamma_centred else Kpoints.monkhorst_automatic(numbers)
    points.comment = f"spacing below {calculation.kpoint_spacing_per_A:g} per angstrom"
    return points


def incar(structure: Structure, calculation: Calculation, step: Step) -> Incar:
    """INCAR of a step for a crystal from `grouped`."""
    with warnings.catch_warnings():
        # The presets choose smearing and meshes; pymatgen's advice on them, and on Co's start moment, is not asked.
        warnings.simplefilter("ignore", BadInputSetWarning)
        warnings.filterwarnings("ignore", "No Pauling electronegativity for")  # of rare gases, asked for U alone
        tags = input_set(structure, calculation, step).incar
    tags["MAGMOM"] = magmom(structure.site_properties["magmom"], vectors=step.vector_moments)
    if "I_CONSTRAINED_M" in tags:
        free = set(calculation.free_elements)
        targets = [0.0 if site.specie.symbol in free else site.properties["magmom"] for site in structure]
        tags["M_CONSTR"] = [number for vector in magmom(targets, vectors=True) for number in vector]
    return tags


def magmom(moments_muB: Iterable[float], *, vectors: bool) -> list[Any]:
    """Return the value of MAGMOM: a number per site, or a vector per site along the z axis of SAXIS."""
    numbers = [round(float(m), 4) for m in moments_muB]
    return [[0.0, 0.0, m] for m in numbers] if vectors else numbers


def write(structure: Structure, calculation: Calculation, steps: list[Step], folder: Path) -> None:
    """Write the input files of all steps of a crystal from `grouped`, one folder each."""
    poscar = Poscar(structure, comment=structure.composition.formula).get_str(significant_figures=12)
    points = str(mesh(structure, calculation))
    names = [potentials.symbol(symbol, calculation.potentials) for symbol in Poscar(structure).site_symbols]
    for step in steps:
        target = folder / step.name
        target.mkdir(parents=True, exist_ok=True)
        (target / "POSCAR").write_text(poscar)
        (target / "KPOINTS").write_text(points)
        (target / "INCAR").write_text(str(incar(structure, calculation, step)))
        potentials.write_spec(names, target)
