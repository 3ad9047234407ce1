"""Every path pattern of the workflow, in one place; light enough for the Snakefile.

A method called without its wildcard returns the pattern that a rule declares (``results/hysteresis/loops/{batch}.h5``);
called with a value, it returns the path of one file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath
from typing import ClassVar

from lodestone.paths_electronic import ElectronicStructure
from lodestone.paths_search import NdFeSearch, coupled
from lodestone.paths_spin import SpinPotential, weight_name
from lodestone.paths_study import StudyFiles

__all__ = [
    "STUDIES",
    "ElectronicStructure",
    "Hysteresis",
    "NdFeSearch",
    "SpinPotential",
    "artifact_name",
    "batch_names",
    "batch_range",
    "checkpoint",
    "coupled",
    "ledger",
    "report",
    "report_benchmark",
    "report_log",
    "warm_caches",
    "weight_name",
]
STUDIES = ("hysteresis", "electronic_structure", "nd_fe_search", "spin_potential")


def batch_names(count: int, batch_size: int) -> list[str]:
    """Names of the batches that `count` items make, such as ``["000", "001"]``; the width grows with their number."""
    if count < 0 or batch_size < 1:
        raise ValueError(f"count and batch_size: found {count} and {batch_size}, expected at least 0 and 1")
    number = -(-count // batch_size)
    width = max(3, len(str(number - 1)))
    return [f"{i:0{width}d}" for i in range(number)]


def batch_range(name: str, count: int, batch_size: int) -> tuple[int, int]:
    """First item and one past the last item of batch `name`; the last batch may be short."""
    start = int(name) * batch_size
    if not 0 <= start < max(count, 1):
        raise ValueError(f"batch {name}: starts at item {start}, expected a start below {count}")
    return start, min(start + batch_size, count)


def ledger(output: str) -> str:
    """Sidecar file in which a batch records its finished items."""
    return f"{output}.ledger"


def checkpoint(output: str) -> str:
    """Sidecar file from which a training resumes."""
    return f"{output}.checkpoint"


def artifact_name(path: str | PurePath) -> str:
    """Name of an artifact without the place where the run stands: what follows the study's folder.

    Provenance records this name, so that the same run in another folder writes the same bytes. A path outside
    any study's folder keeps its last two parts.
    """
    parts = PurePath(path).parts
    marks = [i for i, part in enumerate(parts[:-1]) if part in STUDIES]
    return "/".join(parts[marks[-1] + 1 :] if marks else parts[-2:])


@dataclass(frozen=True)
class Hysteresis(StudyFiles):
    """Files of the `hysteresis` study under `results_dir`."""

    STUDY: ClassVar[str] = "hysteresis"

    def structures(self, batch: str = "{batch}") -> str:
        """One batch of grain structures."""
        return f"{self.root}/structures/{batch}.h5"

    def loops(self, batch: str = "{batch}") -> str:
        """Demagnetisation curves of one batch."""
        return f"{self.root}/loops/{batch}.h5"

    def dataset(self) -> str:
        """All curves with their anchor points and the split."""
        return f"{self.root}/dataset.h5"

    def autoencoder(self, encoding: str = "{encoding}") -> str:
        """Trained autoencoder of one encoding."""
        return f"{self.root}/{encoding}/autoencoder.h5"

    def codes(self, encoding: str = "{encoding}") -> str:
        """Latent codes of the labelled structures."""
        return f"{self.root}/{encoding}/codes.h5"

    def reconstructions(self, encoding: str = "{encoding}") -> str:
        """Structures that went through the autoencoder, for the report."""
        return f"{self.root}/{encoding}/reconstructions.h5"

    def fold(self, encoding: str = "{encoding}", fold: str | int = "{fold}") -> str:
        """Regressor trained without one fold."""
        return f"{self.root}/{encoding}/folds/{fold}.h5"

    def fold_predictions(self, encoding: str = "{encoding}", fold: str | int = "{fold}") -> str:
        """Predictions for the fold that was left out."""
        return f"{self.root}/{encoding}/folds/{fold}_predictions.h5"

    def regressor(self, encoding: str = "{encoding}", member: str | int = "{member}") -> str:
        """One member of the regressor ensemble."""
        return f"{self.root}/{encoding}/regressor/{member}.h5"

    def predictions(self, encoding: str = "{encoding}") -> str:
        """Predicted anchor points of the ensemble, with intervals."""
        return f"{self.root}/{encoding}/predictions.h5"

    def baseline(self, baseline: str = "{baseline}") -> str:
        """Predictions of one baseline."""
        return f"{self.root}/baselines/{baseline}.h5"

    def morphing(self, encoding: str = "{encoding}", pair: str = "{pair}") -> str:
        """Structures between two structures, with their curves."""
        return f"{self.root}/{encoding}/morphing/{pair}.h5"

    def inverse_designs(self) -> str:
        """Structures found for wanted figures of merit."""
        return f"{self.root}/inverse_designs.h5"


def report(results_dir: str = "results") -> str:
    """Report of the whole run."""
    return f"{results_dir}/report.html"


def report_log(results_dir: str = "results") -> str:
    """Log of the job that renders the report."""
    return f"{results_dir}/logs/render_report.log"


def report_benchmark(results_dir: str = "results") -> str:
    """Benchmark table of the job that renders the report."""
    return f"{results_dir}/benchmarks/render_report.tsv"


def warm_caches(results_dir: str = "results") -> str:
    """Mark that the compiled functions lie in the cache."""
    return f"{results_dir}/warm_caches.txt"
