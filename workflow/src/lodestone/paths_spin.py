"""Path patterns of the `spin_potential` study; light enough for the Snakefile.

Structure sets and calculations of this study lie with those of the electronic-structure study, whose rules make them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lodestone.paths_study import StudyFiles


def weight_name(weight: float) -> str:
    """Name of a weight of magnetic forces in paths."""
    return f"{weight:g}"


@dataclass(frozen=True)
class SpinPotential(StudyFiles):
    """Files of the `spin_potential` study under `results_dir`.

    Wildcards: `size` is the magnetic basis size N_psi, `weight` that of magnetic forces, `batch` a part of the members,
    `solutes` a composition by its number, `member` a potential of an ensemble, `repeat` a run of the active learning.
    """

    STUDY: ClassVar[str] = "spin_potential"

    def data(self) -> str:
        """Labelled configurations."""
        return f"{self.root}/data.h5"

    def exported(self, suffix: str) -> str:
        """Return the same for other programs: `cfg` for MLIP and motep, `extxyz` for ASE."""
        return f"{self.root}/data.{suffix}"

    def asked(self) -> str:
        """Labels that a potential asked for."""
        return f"{self.root}/asked.extxyz"

    def folds(self, weight: str = "{weight}", batch: str = "{batch}") -> str:
        """Potentials of a cross-validation, a part of the folds."""
        return f"{self.root}/folds/{weight}/{batch}.h5"

    def ensemble(self, size: str | int = "{size}", weight: str = "{weight}", batch: str = "{batch}") -> str:
        """Potentials fitted to all data, a part of the members."""
        return f"{self.root}/ensembles/{size}/{weight}/{batch}.h5"

    def checks(self, size: str | int = "{size}", weight: str = "{weight}") -> str:
        """Equilibrium moments and relaxed crystals of an ensemble."""
        return f"{self.root}/checks/{size}/{weight}.h5"

    def potentials(self, size: str | int = "{size}", weight: str = "{weight}") -> str:
        """Folder with the potentials of an ensemble as files of other programs."""
        return f"{self.root}/potentials/{size}_{weight}"

    def dynamics(self, solutes: str | int = "{solutes}", member: str | int = "{member}") -> str:
        """Molecular dynamics of one composition with one potential."""
        return f"{self.root}/dynamics/{solutes}/{member}.h5"

    def learning(self, repeat: str | int = "{repeat}") -> str:
        """Learning curves of active and of random selection."""
        return f"{self.root}/learning/{repeat}.h5"

    def exchange(self, member: str | int = "{member}") -> str:
        """Exchange couplings of the host's crystal from one potential."""
        return f"{self.root}/exchange/{member}.h5"
