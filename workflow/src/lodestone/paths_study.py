"""What the files of every study have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class StudyFiles:
    """Files of one study under `results_dir`."""

    STUDY: ClassVar[str]

    results_dir: str = "results"

    @property
    def root(self) -> str:
        """Folder of the study."""
        return f"{self.results_dir}/{self.STUDY}"

    def log(self, rule: str, *wildcards: str) -> str:
        """Log file of one rule, e.g. ``log("compute_loops", "{batch}")``."""
        return f"{self.root}/logs/{'/'.join((rule, *wildcards))}.log"

    def benchmark(self, rule: str, *wildcards: str) -> str:
        """Benchmark table of one rule."""
        return f"{self.root}/benchmarks/{'/'.join((rule, *wildcards))}.tsv"
