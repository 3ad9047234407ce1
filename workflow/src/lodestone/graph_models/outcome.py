"""What a transfer found, and the artifact that is made of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lodestone.artifacts.graph_model import GraphModel
from lodestone.artifacts.provenance import Provenance
from lodestone.artifacts.ragged import pack_texts
from lodestone.artifacts.transfer import TEST, TRAIN, Transfer
from lodestone.graph_models import ensemble
from lodestone.graph_models.partition import Partition
from lodestone.graph_models.samples import Samples

Array = NDArray[np.float64]


class Recorded(Protocol):
    """Settings that an artifact keeps."""

    @property
    def scope(self) -> str:
        """What was allowed to move."""

    @property
    def coverage_level(self) -> float:
        """Share of true values that the intervals aim at."""

    def recorded(self) -> dict[str, Any]:
        """Return what artifacts keep."""


@dataclass(frozen=True)
class Push:
    """Forces (site, 3) eV/A of all crystals one after the other, and stresses (crystal, 3, 3) eV/A^3."""

    forces: Array = field(default_factory=lambda: np.zeros((0, 3)))
    stress: Array = field(default_factory=lambda: np.zeros((0, 3, 3)))


@dataclass(frozen=True)
class Outcome:
    """A specialised ensemble and its predictions, (crystal, target) unless said otherwise.

    Attributes
    ----------
    parameter : ndarray, (member, parameter)
    element, element_value : ndarray
        See `GraphModel`.
    before, referenced, out_of_fold : ndarray
        `out_of_fold` is NaN for test crystals.
    members : ndarray, (member, crystal, target)
        Predictions of every member.
    fold_sigma : ndarray
        Spread of the ensemble that did not see the crystal's fold; 0 if there was none.
    push_before, push_after : Push
        Empty for regressions.
    moved : list of str
        Names of parameters that were allowed to move.
    chosen : dict
        What cross-validation chose.
    """

    samples: Samples
    partition: Partition
    coverage_level: float
    parameter: NDArray[np.float32]
    element: NDArray[np.uint8]
    element_value: Array
    before: Array
    referenced: Array
    members: Array
    out_of_fold: Array
    fold_sigma: Array
    moved: list[str]
    chosen: dict[str, Any]
    push_before: Push = field(default_factory=Push)
    push_after: Push = field(default_factory=Push)

    def __post_init__(self) -> None:
        """Calibrate the intervals on the training crystals."""
        factors = [self._calibrate(k) for k in range(len(self.samples.targets))]
        object.__setattr__(self, "interval_factor", np.array([f for f, _ in factors]))
        object.__setattr__(self, "interval_floor", np.array([f for _, f in factors]))

    interval_factor: Array = field(init=False)
    interval_floor: Array = field(init=False)

    def _calibrate(self, k: int) -> tuple[float, float]:
        rows = self.partition.train_rows
        rows = rows[self.samples.exists[rows, k]]
        residual = self.samples.value[rows, k] - self.out_of_fold[rows, k]
        return ensemble.calibrate(residual, self.fold_sigma[rows, k], self.coverage_level)

    @property
    def after(self) -> Array:
        """Mean over the members."""
        return np.asarray(self.members.mean(0))

    @property
    def sigma(self) -> Array:
        """Spread over the members."""
        return ensemble.spread(self.members)

    @property
    def half_width(self) -> Array:
        """Half of the interval about each prediction."""
        return ensemble.half_width(self.sigma, self.interval_factor, self.interval_floor)

    def metrics(self) -> dict[str, Any]:
        """Errors by target, stage and split, coverage of the intervals on the test crystals, errors of the forces."""
        metrics: dict[str, Any] = {}
        for k, name in enumerate(self.samples.targets):
            found: dict[str, Any] = {}
            for stage in ("before", "referenced", "after"):
                column = getattr(self, stage)[:, k]
                found[stage] = {split: self._errors(column, rows, k) for split, rows in self._splits()}
            found["out_of_fold"] = {"train": self._errors(self.out_of_fold[:, k], self.partition.train_rows, k)}
            rows = self._known(self.partition.test_rows, k)
            ends = self.after[rows, k] - self.half_width[rows, k], self.after[rows, k] + self.half_width[rows, k]
            found["coverage"] = {
                "level": self.coverage_level,
                **ensemble.coverage(self.samples.value[rows, k], *ends),
            }
            metrics[name] = found
        if len(self.push_after.forces):
            metrics["forces"] = self._push_errors()
        return metrics

    def _splits(self) -> Sequence[tuple[str, NDArray[np.int64]]]:
        return [("train", self.partition.train_rows), ("test", self.partition.test_rows)]

    def _known(self, rows: NDArray[np.int64], k: int) -> NDArray[np.int64]:
        return rows[self.samples.exists[rows, k]]

    def _errors(self, column: Array, rows: NDArray[np.int64], k: int) -> dict[str, float]:
        known = self._known(rows, k)
        return ensemble.errors(self.samples.value[known, k], column[known])

    def _push_errors(self) -> dict[str, Any]:
        """Errors of forces and stresses before and after, by split."""
        counts = self.samples.site_counts
        found: dict[str, Any] = {}
        true = np.concatenate(self.samples.forces_eV_A)
        for stage, push in (("before", self.push_before), ("after", self.push_after)):
            found[stage] = {}
            for split, rows in self._splits():
                pushed = np.zeros(len(counts), bool)
                pushed[rows] = self.samples.has_forces[rows]
                sites = np.repeat(pushed, counts)
                found[stage][split] = {
                    "force_eV_A": ensemble.errors(true[sites].ravel(), push.forces[sites].ravel()),
                    "stress_eV_A3": ensemble.errors(
                        self.samples.stress_eV_A3[pushed].ravel(), push.stress[pushed].ravel()
                    ),
                }
        return found

    def summary(self) -> Iterator[str]:
        """Yield lines for the log."""
        for name, found in self.metrics().items():
            if name == "forces":
                pair = [found[stage]["test"]["force_eV_A"]["mae"] for stage in ("before", "after")]
                yield f"forces: test MAE {pair[0]:.3g} before, {pair[1]:.3g} eV/A after"
                continue
            before, after = (found[stage]["test"] for stage in ("before", "after"))
            held = found["coverage"]
            yield (
                f"{name}: test R2 {before['r2']:.3g} before, {after['r2']:.3g} after; MAE {before['mae']:.3g} before, "
                f"{after['mae']:.3g} after; {held['share']:.0%} of {held['count']:.0f} within the intervals of "
                f"{held['level']:.0%}"
            )

    def artifact(
        self, model: GraphModel, targets: list[list[str]], settings: Recorded, provenance: Provenance
    ) -> Transfer:
        """Return the artifact."""
        samples, count = self.samples, len(self.samples)
        split, fold = np.full(count, TRAIN, np.uint8), np.full(count, -1, np.int64)
        split[self.partition.test_rows] = TEST
        fold[self.partition.train_rows] = self.partition.fold
        used = np.sort(np.concatenate([self.partition.train_rows, self.partition.test_rows]))
        has_push = bool(len(self.push_after.forces))
        name_offset, name_utf8 = pack_texts([samples.names[k] for k in used])
        sites = np.repeat(np.isin(np.arange(count), used), samples.site_counts)
        counts = samples.site_counts[used] if has_push else np.zeros(len(used), np.int64)
        blank = np.zeros((count, 3, 3))
        columns = {"before": self.before, "referenced": self.referenced, "after": self.after, "sigma": self.sigma}
        columns |= {"lower": self.after - self.half_width, "upper": self.after + self.half_width}
        columns |= {"out_of_fold": self.out_of_fold, "true": samples.value}
        forces = {"true": np.concatenate(samples.forces_eV_A), "before": self.push_before.forces}
        forces |= {"after": self.push_after.forces}
        stresses = {"true": samples.stress_eV_A3, "before": self.push_before.stress, "after": self.push_after.stress}
        return Transfer(
            split=split[used],
            fold=fold[used],
            group=samples.group[used],
            exists=samples.exists[used].astype(np.uint8),
            site_offset=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            has_forces=(samples.has_forces[used] & has_push).astype(np.uint8),
            name_offset=name_offset,
            name_utf8=name_utf8,
            targets=targets,
            task=model.task,
            scope=settings.scope,
            start=model.source,
            labels_from=samples.labels_from,
            metrics=self.metrics(),
            settings={**settings.recorded(), **self.chosen},
            provenance=provenance,
            **{name: column[used] for name, column in columns.items()},
            **{f"force_{n}_eV_A": f[sites] if has_push else np.zeros((0, 3)) for n, f in forces.items()},
            **{f"stress_{n}_eV_A3": (s if has_push else blank)[used] for n, s in stresses.items()},
        )
