"""All artifact types by schema name."""

from __future__ import annotations

from pathlib import Path

from lodestone.artifacts import io
from lodestone.artifacts.anisotropy import Anisotropy
from lodestone.artifacts.base import Artifact
from lodestone.artifacts.calculations import Calculations
from lodestone.artifacts.candidates import Candidates
from lodestone.artifacts.codes import LatentCodes
from lodestone.artifacts.curie import Curie
from lodestone.artifacts.dataset import HysteresisDataset
from lodestone.artifacts.errors import ArtifactError
from lodestone.artifacts.exchange import Exchange
from lodestone.artifacts.grains import Grains
from lodestone.artifacts.graph_model import GraphModel
from lodestone.artifacts.hull import Hull
from lodestone.artifacts.interstitials import Interstitials
from lodestone.artifacts.inverse import InverseDesigns
from lodestone.artifacts.labelled_set import LabelledSet
from lodestone.artifacts.loops import Loops
from lodestone.artifacts.material import MaterialTable
from lodestone.artifacts.morphing import Morphing
from lodestone.artifacts.network import Network
from lodestone.artifacts.population import Population
from lodestone.artifacts.predictions import Predictions
from lodestone.artifacts.reconstructions import Reconstructions
from lodestone.artifacts.relaxed_candidates import RelaxedCandidates
from lodestone.artifacts.screening import Screening
from lodestone.artifacts.spin_checks import SpinChecks
from lodestone.artifacts.spin_data import SpinData
from lodestone.artifacts.spin_dynamics import SpinDynamics
from lodestone.artifacts.spin_fits import SpinFits
from lodestone.artifacts.spin_learning import SpinLearning
from lodestone.artifacts.structure_set import StructureSet
from lodestone.artifacts.transfer import Transfer

TYPES: dict[str, type[Artifact]] = {
    cls.SCHEMA: cls
    for cls in (
        Grains,
        Loops,
        HysteresisDataset,
        Network,
        LatentCodes,
        Predictions,
        Reconstructions,
        Morphing,
        InverseDesigns,
        StructureSet,
        LabelledSet,
        Calculations,
        Hull,
        Anisotropy,
        Exchange,
        Curie,
        MaterialTable,
        Candidates,
        RelaxedCandidates,
        Population,
        GraphModel,
        Transfer,
        Screening,
        SpinData,
        SpinFits,
        SpinChecks,
        SpinDynamics,
        SpinLearning,
        Interstitials,
    )
}


def read_any(path: str | Path) -> Artifact:
    """Read an artifact of whatever type the file says it is."""
    schema = io.read_schema(path)
    if schema not in TYPES:
        raise ArtifactError(path, "schema", repr(schema), f"one of {', '.join(sorted(TYPES))}")
    return TYPES[schema].read(path)
