"""What an AkaiKKR output says, as plain data; energies in Ry, lengths in units of the lattice constant, as printed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

Row = tuple[float, ...]


@dataclass
class SiteType:
    """One type of site: its sphere and the components that share it."""

    name: str
    rmt: float
    field_Ry: float
    lmax: int
    components: list[tuple[float, float]] = field(default_factory=list)  # atomic number, concentration


@dataclass
class Component:
    """Results for one component of one type of site."""

    type: str
    symbol: str
    atomic_number: float
    spin_moment_muB: float | None = None
    orbital_moment_muB: float | None = None
    total_charge: float | None = None
    core_charge: float | None = None
    valence_charge: Row = ()
    orbital_current: Row = ()
    valence_up: dict[str, float] = field(default_factory=dict)
    valence_down: dict[str, float] = field(default_factory=dict)
    occupation_up: dict[str, Row] = field(default_factory=dict)
    occupation_down: dict[str, Row] = field(default_factory=dict)
    core_levels_up_Ry: dict[str, float] = field(default_factory=dict)
    core_levels_down_Ry: dict[str, float] = field(default_factory=dict)
    shallow_levels: list[str] = field(default_factory=list)
    hyperfine_kG: dict[str, float] = field(default_factory=dict)
    hyperfine_core_kG: dict[str, float] = field(default_factory=dict)
    nuclear_charge_density: dict[str, float] = field(default_factory=dict)
    nuclear_core_density: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Coupling:
    """One row of the table of J_ij: all equivalent pairs around one atom of the first site."""

    index: int
    type_1: str
    type_2: str
    site_1: int
    site_2: int
    component_1: int
    component_2: int
    cell: tuple[float, float, float]  # lattice translation of the second site, Cartesian, in units of a
    distance: float  # in units of a
    J_Ry: float
    J_meV: float
    multiplicity: int


@dataclass(frozen=True)
class Pair:
    """One row of the list of all pairs that newer versions print."""

    number: int
    site_1: int
    site_2: int
    component_1: int
    component_2: int
    cell: tuple[int, int, int]  # lattice translation of the second site, in primitive vectors
    distance: float
    J_meV: float
    index: int


@dataclass
class AkaiKKROutput(Mapping[str, Any]):
    """Everything that one run printed; every field is also an item, ``output["Tc_K"]``.

    What the run did not print is None or empty. `converged` says whether the iterations met their tolerance,
    `finished` whether the run came to its end. Moments are in `moments_muB` by type and component.
    """

    path: str
    started: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    mesh: dict[str, int] = field(default_factory=dict)
    energy_mesh_Ry: list[tuple[float, float]] = field(default_factory=list)
    lattice: dict[str, Any] = field(default_factory=dict)
    primitive_vectors: list[Row] = field(default_factory=list)
    reciprocal_vectors: list[Row] = field(default_factory=list)
    types: list[SiteType] = field(default_factory=list)
    atoms: list[tuple[Row, str]] = field(default_factory=list)
    core_configurations: list[dict[str, Any]] = field(default_factory=list)
    symmetry_operations: dict[str, list[int]] = field(default_factory=dict)
    numbers: list[dict[str, float]] = field(default_factory=list)
    atomic_iterations: list[tuple[int, float]] = field(default_factory=list)
    atomic_levels: list[tuple[str, float, float]] = field(default_factory=list)
    iterations: list[dict[str, float]] = field(default_factory=list)
    last_iteration: dict[str, Any] = field(default_factory=dict)
    fermi_energy_Ry: Row = ()
    fermi_density: Row = ()
    band_energy_Ry: float | None = None
    total_energy_Ry: float | None = None
    magnetization_T: float | None = None
    components: list[Component] = field(default_factory=list)
    open_core: bool = False
    molecular_fields: list[tuple[int, int, float, float]] = field(default_factory=list)
    couplings: list[Coupling] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    j_numbers: dict[str, Any] = field(default_factory=dict)
    Tc_K: float | None = None
    conductivity_au: list[float] = field(default_factory=list)  # spin up and down
    resistivity_uohm_cm: float | None = None
    messages: list[str] = field(default_factory=list)
    no_convergence: bool = False
    finished: bool = False
    routine_times: dict[str, list[float]] = field(default_factory=dict)
    elapsed_s: float | None = None
    threads: int | None = None

    @property
    def go(self) -> str:
        """Task of the run: go, tc, j3.0, dos, ..."""
        return str(self.parameters.get("go", ""))

    @property
    def a_bohr(self) -> float:
        """Lattice constant, in Bohr."""
        return float(self.lattice["a"])

    @property
    def converged(self) -> bool:
        """Whether the iterations met the tolerance; False for a run that was cut off before it could say so."""
        return bool(self.last_iteration) and not self.no_convergence and not self.errors

    @property
    def errors(self) -> list[str]:
        """Messages after which the program stops."""
        return [text for text in self.messages if text.startswith("***err")]

    @property
    def moments_muB(self) -> dict[str, list[float]]:
        """Spin moments of the components of each type, without the open 4f core."""
        moments: dict[str, list[float]] = {}
        for one in self.components:
            if one.spin_moment_muB is not None:
                moments.setdefault(one.type, []).append(one.spin_moment_muB)
        return moments

    @property
    def orbital_moments_muB(self) -> dict[str, list[float]]:
        """Orbital moments of the components of each type."""
        moments: dict[str, list[float]] = {}
        for one in self.components:
            if one.orbital_moment_muB is not None:
                moments.setdefault(one.type, []).append(one.orbital_moment_muB)
        return moments

    @property
    def total_moment_muB(self) -> float | None:
        """Spin moment of the cell after the last iteration."""
        return self.iterations[-1]["moment"] if self.iterations else None

    @property
    def jij(self) -> list[dict[str, Any]]:
        """Rows of the table of J_ij as mappings."""
        return [{f.name: getattr(row, f.name) for f in fields(row)} for row in self.couplings]

    def _names(self) -> list[str]:
        """Fields and properties that are offered as items."""
        properties = [name for name, value in vars(type(self)).items() if isinstance(value, property)]
        return [f.name for f in fields(self)] + properties

    def __getitem__(self, name: str) -> Any:
        """Return a field or property by name."""
        if name not in self._names():
            raise KeyError(name)
        return getattr(self, name)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of all items."""
        return iter(self._names())

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self._names())
