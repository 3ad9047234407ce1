"""Path patterns of the `electronic_structure` study; light enough for the Snakefile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from lodestone.paths_study import StudyFiles

SETS = ("crystals", "elements")


@dataclass(frozen=True)
class ElectronicStructure(StudyFiles):
    """Files of the `electronic_structure` study under `results_dir`.

    The wildcard `crystals` names a structure set: ``crystals``, or ``elements`` for the element references.
    """

    STUDY: ClassVar[str] = "electronic_structure"

    def materials_project(self) -> str:
        """Answer of the Materials Project as it came."""
        return f"{self.root}/raw/materials_project.json.gz"

    def structure_set(self, crystals: str = "{crystals}") -> str:
        """One structure set."""
        return f"{self.root}/structures/{crystals}.h5"

    def checks(self, crystals: str = "{crystals}") -> str:
        """Which structures of a set cannot be computed, and why."""
        return f"{self.root}/checks/{crystals}.json"

    def inputs(self, crystals: str = "{crystals}", step: str = "{step}", batch: str = "{batch}") -> str:
        """Input files of one batch of calculations, as an archive."""
        return f"{self.root}/inputs/{crystals}/{step}/{batch}.tar"

    def raw(self, crystals: str = "{crystals}", step: str = "{step}", batch: str = "{batch}") -> str:
        """Raw output of one batch of calculations, as an archive."""
        return f"{self.root}/raw/{crystals}/{step}/{batch}.tar.gz"

    def calculations(self, crystals: str = "{crystals}", step: str = "{step}", batch: str = "{batch}") -> str:
        """Results of one batch of calculations."""
        return f"{self.root}/calculations/{crystals}/{step}/{batch}.h5"

    def exchange(self, system: str = "{system}") -> str:
        """Exchange couplings of one crystal."""
        return f"{self.root}/exchange/{system}.h5"

    def curie(self, system: str = "{system}") -> str:
        """Curie temperatures and M(T) of one crystal."""
        return f"{self.root}/curie/{system}.h5"

    def material(self, system: str = "{system}") -> str:
        """Constants of micromagnetics of one crystal at temperatures."""
        return f"{self.root}/material/{system}.h5"

    def kkr_inputs(self, system: str = "{system}") -> str:
        """AkaiKKR inputs of one crystal, as an archive."""
        return f"{self.root}/inputs/kkr/{system}.tar"

    def kkr_raw(self, system: str = "{system}") -> str:
        """Archive of what AkaiKKR printed for one crystal."""
        return f"{self.root}/raw/kkr/{system}.tar.gz"

    def gpaw_inputs(self, system: str = "{system}") -> str:
        """Input for GPAW of one crystal, as an archive."""
        return f"{self.root}/inputs/gpaw/{system}.tar"

    def gpaw_raw(self, system: str = "{system}") -> str:
        """Archive of what GPAW found for one crystal."""
        return f"{self.root}/raw/gpaw/{system}.tar.gz"

    def stability(self) -> str:
        """File of formation energies and energies above the hull."""
        return f"{self.root}/stability.h5"

    def anisotropy(self) -> str:
        """Anisotropy constants."""
        return f"{self.root}/anisotropy.h5"
