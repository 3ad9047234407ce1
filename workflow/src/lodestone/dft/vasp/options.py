"""The section ``calculations.vasp`` of the config."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FUNCTIONALS = ("PBE", "PBE_52", "PBE_54", "PBE_64")
SOC_CHARGES = ("fixed", "self_consistent")


@dataclass(frozen=True)
class VaspOptions:
    """How VASP is called and watched; none of it changes what is computed, except `soc_charge` and `potentials`.

    Attributes
    ----------
    std_command, ncl_command : str
        Commands of the collinear and the non-collinear program, found on the PATH. The launcher of MPI programs and
        the number of tasks come from the job's resources.
    potentials : str
        Release of the PAW potentials below PMG_VASP_PSP_DIR, one of `FUNCTIONALS`.
    soc_charge : str
        Anisotropy from the band energies at the ``fixed`` collinear charge (the force theorem) or ``self_consistent``.
    kpar, ncore : int
        VASP's parallelisation over k points and within orbitals.
    max_errors : int
        Corrections by custodian before a run is given up.
    lost_moment_muB : float
        Below this a moment that started at 1 or more counts as lost.
    walltime_buffer_s : float
        VASP is asked to stop when less time than this is left to the job.
    poll_s, checks_every : float, int
        Seconds between looks at whether VASP still runs, and number of looks between checks of its output.
    frozen_after_s : float
        A run whose output has not grown for so long is stopped and corrected.
    """

    std_command: str = "vasp_std"
    ncl_command: str = "vasp_ncl"
    potentials: str = "PBE"
    soc_charge: str = "fixed"
    kpar: int = 1
    ncore: int = 1
    max_errors: int = 5
    lost_moment_muB: float = 0.3
    walltime_buffer_s: float = 300.0
    poll_s: float = 5.0
    checks_every: int = 12
    frozen_after_s: float = 21600.0

    def __post_init__(self) -> None:
        """Check the names."""
        for name, value, allowed in (
            ("potentials", self.potentials, FUNCTIONALS),
            ("soc_charge", self.soc_charge, SOC_CHARGES),
        ):
            if value not in allowed:
                raise ValueError(f"calculations.vasp.{name}: found {value!r}, allowed: {', '.join(allowed)}")

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> VaspOptions:
        """Make options from the config section; unknown keys are errors."""
        known = [f.name for f in dataclasses.fields(cls)]
        for key in values:
            if key not in known:
                raise ValueError(f"calculations.vasp: unknown key {key!r}, allowed: {', '.join(known)}")
        return cls(**values)

    def command(self, executable: str) -> str:
        """Command of ``std`` or ``ncl``, without the launcher."""
        return self.std_command if executable == "std" else self.ncl_command
