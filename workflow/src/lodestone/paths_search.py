"""Path patterns of the `nd_fe_search` study; light enough for the Snakefile.

Structure sets and calculations of this study lie with those of the electronic-structure study, whose rules make them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from lodestone.paths_study import StudyFiles


def ranked(count: int) -> list[str]:
    """Names of the finds with exchange couplings: while the jobs are planned their ranks alone are known."""
    return [f"candidate{number:02d}" for number in range(1, count + 1)]


def compared(name: str) -> str:
    """Name of a crystal with exchange couplings that the finds are compared with."""
    return f"reference_{name}"


def coupled(validation: Mapping[str, Any], minority: str, majority: str) -> list[str]:
    """Crystals of the search with exchange couplings: the finds, the paper's reference, bcc iron as in its Fig. 5."""
    if not validation["exchange"]:
        return []
    others = [f"{minority}{majority}15"] if validation["references"] else []
    return [*ranked(validation["exchange"]), *map(compared, [*others, majority])]


@dataclass(frozen=True)
class NdFeSearch(StudyFiles):
    """Files of the `nd_fe_search` study under `results_dir`.

    Wildcards: `labels` names a set of labelled crystals, `target` a model, `version` how often it was specialised
    anew, `generation` one of the search, `batch` a part of its relaxations.
    """

    STUDY: ClassVar[str] = "nd_fe_search"

    def labels(self, labels: str = "{labels}") -> str:
        """Crystals with labels to learn from."""
        return f"{self.root}/labels/{labels}.h5"

    def pretrained(self, target: str = "{target}") -> str:
        """Model trained on other crystals."""
        return f"{self.root}/models/pretrained/{target}.h5"

    def loaded(self, target: str = "{target}") -> str:
        """Model that came ready, as it was loaded."""
        return f"{self.root}/models/loaded/{target}.h5"

    def model(self, target: str = "{target}", version: str | int = "{version}") -> str:
        """Specialised model, an ensemble."""
        return f"{self.root}/models/{version}/{target}.h5"

    def transfer(self, target: str = "{target}", version: str | int = "{version}") -> str:
        """Predictions before and after the specialisation."""
        return f"{self.root}/transfer/{version}/{target}.h5"

    def anisotropy_model(self) -> str:
        """Model of anisotropy constants."""
        return f"{self.root}/models/anisotropy.h5"

    def anisotropy_transfer(self) -> str:
        """Predictions before and after that model was fitted."""
        return f"{self.root}/transfer/anisotropy.h5"

    def candidates(self, generation: str | int = "{generation}") -> str:
        """Crystals of a generation before they are relaxed."""
        return f"{self.root}/generations/{generation}/candidates.h5"

    def relaxed(self, generation: str | int = "{generation}", batch: str = "{batch}") -> str:
        """One batch of relaxed crystals."""
        return f"{self.root}/generations/{generation}/relaxed/{batch}.h5"

    def population(self, generation: str | int = "{generation}") -> str:
        """All that a generation hands on, ranked."""
        return f"{self.root}/generations/{generation}/population.h5"

    def screening(self) -> str:
        """Table of what the back end says of the best crystals."""
        return f"{self.root}/screening.h5"

    def interstitials(self) -> str:
        """Hosts with light elements in their voids."""
        return f"{self.root}/interstitials.h5"
