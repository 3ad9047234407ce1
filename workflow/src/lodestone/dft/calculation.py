"""A calculation as data: what is computed, with which settings, and what came out.

Units: eV, angstrom, Bohr magnetons. Spacings of k points include the factor 2 pi, as VASP's KSPACING does.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lodestone.artifacts.calculation_status import STATUS_TEXT, Status

if TYPE_CHECKING:
    from pymatgen.core import Structure

__all__ = [
    "KINDS",
    "SMEARINGS",
    "STATUS_TEXT",
    "Calculation",
    "Problem",
    "Resources",
    "Result",
    "Status",
    "read_calculation",
    "read_structure",
    "start_moments",
    "write_item",
]

KINDS = ("relax", "static", "anisotropy", "constrained")
SMEARINGS = ("fermi", "gaussian", "methfessel_paxton", "tetrahedron")
CALCULATION_FILE = "calculation.json"
STRUCTURE_FILE = "structure.json"
FAILURE_FILE = "failure.json"


@dataclass(frozen=True)
class Calculation:
    """What is computed of one crystal, and how well.

    Attributes
    ----------
    kind : str
        ``relax`` (positions, and the cell if `relax_cell`), ``static`` (one geometry), ``anisotropy`` (total energy
        with spin-orbit coupling for the magnetisation along each of `axes`), ``constrained`` (moment of every site
        held at the structure's ``magmom``, with the derivative of the energy with respect to it).
    functional : str
        Exchange and correlation, "PBE" everywhere so far.
    cutoff_eV : float
        Plane-wave cutoff; 0 takes the largest of what the potentials recommend.
    cutoff_factor : float
        Multiplies that cutoff.
    kpoint_spacing_per_A : float
        Largest distance of k points along each reciprocal vector, with the factor 2 pi.
    gamma_centred : bool
        Whether the mesh holds the Gamma point.
    smearing, smearing_eV : str, float
        One of `SMEARINGS`, and its width.
    energy_tolerance_eV : float
        Electronic convergence, of the whole cell.
    force_tolerance_eV_A, ionic_energy_tolerance_eV, stress_tolerance_eV_A3 : float
        A relaxation has converged when every force is below the first and, where the second is not 0, the energy change
        of a step below that; back ends that watch the stress on its own want its elements below the third (0.1 GPa).
    max_electronic_steps, max_ionic_steps : int
        Steps after which the calculation is given up with the status NOT_CONVERGED.
    relax_cell : bool
        Whether the cell is relaxed too.
    start_moments_muB : mapping of str to float
        Start moment by element, for sites whose structure has no ``magmom``; "default" for all other elements.
    hubbard_U_eV : mapping of str to float
        U of the d electrons by element.
    hubbard_with : tuple of str
        U is applied only in crystals that hold one of these elements (empty: in all).
    potentials : mapping of str to str
        Name of the potential by element where it is not the back end's own choice (``Nd: Nd_3``, the open 4f core).
    axes : tuple of (float, float, float)
        Directions of the magnetisation in units of the lattice vectors, for ``anisotropy``; `spin_axes` replaces
        them in crystals whose constant they do not tell.
    free_elements : tuple of str
        Elements whose moments are left free in ``constrained``.
    corrections : str
        ``none``, or ``mp2020``: pymatgen's MaterialsProject2020Compatibility on total energies.
    """

    kind: str
    functional: str = "PBE"
    cutoff_eV: float = 0.0
    cutoff_factor: float = 1.0
    kpoint_spacing_per_A: float = 0.2
    gamma_centred: bool = True
    smearing: str = "methfessel_paxton"
    smearing_eV: float = 0.1
    energy_tolerance_eV: float = 1e-6
    force_tolerance_eV_A: float = 0.02
    ionic_energy_tolerance_eV: float = 0.0
    stress_tolerance_eV_A3: float = 6.24e-4
    max_electronic_steps: int = 100
    max_ionic_steps: int = 100
    relax_cell: bool = True
    start_moments_muB: Mapping[str, float] = field(default_factory=lambda: {"default": 0.6})
    hubbard_U_eV: Mapping[str, float] = field(default_factory=dict)
    hubbard_with: tuple[str, ...] = ()
    potentials: Mapping[str, str] = field(default_factory=dict)
    axes: tuple[tuple[float, float, float], ...] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    free_elements: tuple[str, ...] = ()
    corrections: str = "none"

    def __post_init__(self) -> None:
        """Check the kind and the names, and make lists from JSON tuples."""
        for name, value, allowed in (
            ("kind", self.kind, KINDS),
            ("smearing", self.smearing, SMEARINGS),
            ("corrections", self.corrections, ("none", "mp2020")),
        ):
            if value not in allowed:
                raise ValueError(f"calculation: {name}: found {value!r}, allowed: {', '.join(allowed)}")
        if self.kpoint_spacing_per_A <= 0:
            raise ValueError(f"calculation: kpoint_spacing_per_A: found {self.kpoint_spacing_per_A}, allowed: above 0")
        object.__setattr__(self, "axes", tuple(tuple(float(x) for x in axis) for axis in self.axes))
        for name in ("hubbard_with", "free_elements"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    def as_dict(self) -> dict[str, Any]:
        """Plain values that JSON can hold."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Calculation:
        """Make a calculation from what `as_dict` returned; unknown keys are errors."""
        known = [f.name for f in dataclasses.fields(cls)]
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ValueError(f"calculation: unknown key {unknown[0]!r}, allowed: {', '.join(known)}")
        return cls(**values)

    def start_moment(self, element: str) -> float:
        """Start moment of an element in Bohr magnetons."""
        return float(self.start_moments_muB.get(element, self.start_moments_muB.get("default", 0.6)))

    def hubbard(self, elements: list[str] | set[str]) -> dict[str, float]:
        """U in eV by element, for a crystal of these elements; empty where none applies."""
        if self.hubbard_with and not set(self.hubbard_with) & set(elements):
            return {}
        return {name: float(u) for name, u in self.hubbard_U_eV.items() if name in elements and u}

    def mesh(self, lattice_A: Any) -> tuple[int, int, int]:
        """Return the numbers of k points along the reciprocal vectors of a lattice (3, 3), rows in angstrom."""
        reciprocal = 2 * np.pi * np.linalg.inv(np.asarray(lattice_A, dtype=float)).T
        lengths = np.linalg.norm(reciprocal, axis=1)
        # A spacing that divides the length exactly must not cost a point more for its last digit.
        a, b, c = (max(1, int(np.ceil(length / self.kpoint_spacing_per_A - 1e-9))) for length in lengths)
        return a, b, c


@dataclass(frozen=True)
class Problem:
    """Why something cannot be computed: `name` of the crystal ("" for all of them), and the reason."""

    name: str
    reason: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.name}: {self.reason}" if self.name else self.reason


@dataclass(frozen=True)
class Resources:
    """What one job may use; `walltime_s` is the time left to it (0: no limit), `launcher` starts MPI programs."""

    threads: int = 1
    mpi_tasks: int = 1
    memory_mb: int = 0
    walltime_s: float = 0.0
    launcher: str = "mpirun"

    def launch(self, command: str) -> list[str]:
        """Words of the command line that runs `command` on all tasks."""
        words = command.split()
        return [*self.launcher.split(), "-n", str(self.mpi_tasks), *words] if self.mpi_tasks > 1 else words


@dataclass(frozen=True, eq=False)
class Result:
    """What came out of one calculation. Values that do not exist are None.

    Attributes
    ----------
    status, message : Status, str
        How it ended, and the reason in words where it did not converge.
    structure : pymatgen Structure or None
        Final geometry; its sites are in the order of the structure that was prepared.
    energy_eV : float or None
        Total energy of the cell (the free energy where the occupation is smeared), without corrections.
    forces_eV_A : (site, 3) or None
    stress_eV_A3 : (3, 3) or None
        Positive where the crystal wants to shrink (stress = dE/dstrain / V; ASE's sign, VASP's times -1).
    moments_muB : (site,) or (site, 3) or None
        Signed where the back end knows the sign (`Backend.moments_are_signed`).
    total_moment_muB : float or None
        Of the cell.
    magnetic_forces_eV_muB : (site,) or None
        Minus the derivative of the energy with respect to the moment of each site; NaN for free sites.
    axis_energies_eV : tuple of float
        Energy for each of the calculation's axes (``anisotropy`` only).
    model_energies_eV : mapping of str to float
        Total energy of the final geometry by model, for back ends with several models.
    run_type : str
        "GGA" or "GGA+U" for DFT, "" otherwise; `hubbard_U_eV` and `potentials` say what was really used.
    steps : int
        Ionic steps.
    extras : mapping
        Anything else that JSON can hold.
    """

    status: Status
    message: str = ""
    structure: Structure | None = None
    energy_eV: float | None = None
    forces_eV_A: np.ndarray | None = None
    stress_eV_A3: np.ndarray | None = None
    moments_muB: np.ndarray | None = None
    total_moment_muB: float | None = None
    magnetic_forces_eV_muB: np.ndarray | None = None
    axis_energies_eV: tuple[float, ...] = ()
    model_energies_eV: Mapping[str, float] = field(default_factory=dict)
    run_type: str = ""
    hubbard_U_eV: Mapping[str, float] = field(default_factory=dict)
    potentials: Mapping[str, str] = field(default_factory=dict)
    steps: int = 0
    extras: Mapping[str, Any] = field(default_factory=dict)


def write_item(structure: Structure, calculation: Calculation, folder: str | Path) -> None:
    """Write what every back end finds in a prepared folder: the calculation and the structure as JSON."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CALCULATION_FILE).write_text(json.dumps(calculation.as_dict(), indent=1, sort_keys=True) + "\n")
    (folder / STRUCTURE_FILE).write_text(json.dumps(structure.as_dict(), default=_plain) + "\n")


def read_calculation(folder: str | Path) -> Calculation:
    """Read the calculation of a prepared folder."""
    return Calculation.from_dict(json.loads((Path(folder) / CALCULATION_FILE).read_text()))


def read_structure(folder: str | Path) -> Structure:
    """Read the structure of a prepared folder, with its site property ``magmom`` if it was given one."""
    from pymatgen.core import Structure

    return Structure.from_dict(json.loads((Path(folder) / STRUCTURE_FILE).read_text()))


def start_moments(structure: Structure, calculation: Calculation) -> np.ndarray:
    """Start moment of every site (site,): the site's ``magmom``, or else that of its element."""
    given = structure.site_properties.get("magmom")
    return np.array(
        [
            calculation.start_moment(site.specie.symbol) if given is None or given[k] is None else float(given[k])
            for k, site in enumerate(structure)
        ]
    )


def _plain(value: Any) -> Any:
    """Numbers and arrays of numpy as JSON knows them."""
    return value.tolist()
