"""Small artifacts of a made-up run, for tests of the report: smooth formulas and noise, no physics and no training."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lodestone.artifacts.base import Artifact, Provenance
from lodestone.artifacts.codes import LatentCodes
from lodestone.artifacts.dataset import HysteresisDataset
from lodestone.artifacts.grains import Grains
from lodestone.artifacts.inverse import InverseDesigns
from lodestone.artifacts.loops import Loops
from lodestone.artifacts.morphing import Morphing
from lodestone.artifacts.network import Network
from lodestone.artifacts.predictions import Predictions
from lodestone.artifacts.reconstructions import Reconstructions

MADE_UP = "made-up numbers for tests"
MATERIAL = {"mu0_Ms_T": 1.61, "K1_J_m3": 4.2e6, "A_J_m": 8.0e-12}
ANISOTROPY_FIELD_T = 6.5563668  # 2 K1 mu0 / (mu0 Ms)
LEVELS = np.array([0.9, 0.8, 0.7, 0.0])
ERRORS = {"x_component": 0.03, "double_angle": 0.02, "mean": 0.12, "gradient_boosting": 0.05, "cnn": 0.04}


def config(results: str, loops: int, encodings: tuple[str, ...]) -> dict:
    """The keys of the configuration that the report reads, and a few more."""
    return {
        "seed": 2022,
        "results_dir": results,
        "studies": ["hysteresis"],
        "hysteresis": {
            "material": MATERIAL,
            "structures": {"cells": 160, "cell_size_nm": 2.0},
            "loops": {"count": loops, "batch_size": 20},
            "autoencoder": {"structures": 2048, "epochs": 4},
            "encodings": list(encodings),
        },
    }


class Factory:
    """Writes the artifacts of a run of `loops` structures of `cells` x `cells` cells below `folder`."""

    def __init__(self, folder: Path, *, loops: int = 40, cells: int = 16, fields: int = 41, latent: int = 512) -> None:
        self.root = folder / "results" / "hysteresis"
        self.rng = np.random.default_rng(1)
        self.loops, self.cells, self.latent = loops, cells, latent
        self.field = np.linspace(1, -1, fields)
        self.theta = self.rng.uniform(0.1, np.pi, loops)
        self.grain_count = self.rng.integers(16, 257, loops)
        self.anchor = anchors(self.theta, self.grain_count)
        self.paths: dict[str, str | list[str]] = {}
        self.encodings = ("x_component", "double_angle")
        self.config = config(str(folder / "results"), loops, self.encodings)

    def write(self, artifact: Artifact, *parts: str) -> str:
        path = self.root.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        artifact.write(path)
        return str(path)

    def made(self, *parents: str) -> Provenance:
        return Provenance.of(MADE_UP, 2022, {"section": "made up"}, parents, 1)

    def everything(self) -> Factory:
        """Write all stages."""
        self.computed()
        for encoding in self.encodings:
            self.learned(encoding)
        self.paths["baselines"] = [
            self.write(self.predictions("", name, (self.dataset,)), "baselines", f"{name}.h5")
            for name in ("mean", "gradient_boosting", "cnn")
        ]
        self.paths["designs"] = self.write(self.designs(), "inverse_designs.h5")
        return self

    def computed(self) -> None:
        """Structures, loops in two batches, and the data set."""
        self.grains, self.batches = [], []
        half = self.loops // 2
        for batch, rows in enumerate((slice(0, half), slice(half, self.loops))):
            name = f"{batch:03d}.h5"
            self.grains.append(self.write(self.structures(np.arange(self.loops)[rows]), "structures", name))
            self.batches.append(self.write(self.batch(rows, self.grains[-1]), "loops", name))
        self.dataset = self.write(
            HysteresisDataset(
                index=np.arange(self.loops), anchor=self.anchor, anchor_exists=np.ones_like(self.anchor, np.uint8),
                split=self.split(), grain_count=self.grain_count.astype(np.int32), max_misorientation_rad=self.theta,
                field_T=self.field * ANISOTROPY_FIELD_T, magnetisation=curves(self.field, self.anchor),
                status=np.zeros(self.loops, np.uint8), provenance=self.made(*self.grains, *self.batches),
            ),
            "dataset.h5",
        )  # fmt: skip
        self.paths |= {"loops": self.batches, "dataset": self.dataset}

    def split(self) -> np.ndarray:
        return (np.arange(self.loops) % 4 == 3).astype(np.uint8)

    def structures(self, index: np.ndarray) -> Grains:
        angle, label, offset = [], [], [0]
        for i in index:
            angle.append(self.rng.uniform(-self.theta[i], self.theta[i], self.grain_count[i]))
            label.append(voronoi(self.rng, self.cells, self.grain_count[i]))
            offset.append(offset[-1] + self.grain_count[i])
        return Grains(
            index=index, grain_label=np.stack(label).astype(np.uint16), grain_offset=np.array(offset),
            grain_angle_rad=np.concatenate(angle), grain_count=self.grain_count[index].astype(np.int32),
            max_misorientation_rad=self.theta[index], cell_size_nm=[2.0, 2.0, 36000.0], provenance=self.made(),
        )  # fmt: skip

    def batch(self, rows: slice, parent: str) -> Loops:
        count, fields = self.loops // 2, len(self.field)
        torque = 10 ** self.rng.uniform(-6, -4, (count, fields))
        torque[0, fields // 2] = 3e-4
        step_status = (torque > 1e-4).astype(np.uint8)
        return Loops(
            index=np.arange(self.loops)[rows], field_T=self.field * ANISOTROPY_FIELD_T,
            magnetisation=curves(self.field, self.anchor[rows]), step_status=step_status, max_torque=torque,
            evaluations=self.rng.integers(900, 2600, count), status=step_status.max(axis=1), material=MATERIAL,
            tolerance=1e-4, provenance=self.made(parent),
        )  # fmt: skip

    def learned(self, encoding: str) -> None:
        """Autoencoder, codes, reconstructions, folds, predictions and two morphing pairs of one encoding."""
        network = self.write(
            self.network(encoding, 4, falling(0.30, 0.12, 4), falling(0.28, 0.13, 4)), encoding, "autoencoder.h5"
        )
        code = self.rng.normal(size=(self.loops, 4, 8)).astype(np.float32)
        codes = LatentCodes(index=np.arange(self.loops), code=code, encoding=encoding, provenance=self.made(network))
        parents = (self.write(codes, encoding, "codes.h5"), self.dataset)
        folds = []
        for fold in range(4):
            rise = falling(0.10, 0.012, 120) * (1 + np.linspace(0, 0.6, 120) ** 3) + 0.003 * fold
            made = self.network(encoding, 80 + fold, falling(0.1, 0.004, 120), rise, parents)
            folds.append(self.write(made, encoding, "folds", f"{fold}.h5"))
        predictions = self.write(self.predictions(encoding, "ensemble", parents), encoding, "predictions.h5")
        reconstructions = self.write(self.reconstructions(encoding, network), encoding, "reconstructions.h5")
        morphing = [
            self.write(self.morphing(encoding, pair, network), encoding, "morphing", f"{pair}.h5")
            for pair in ("alignment", "grain_size")
        ]
        for name, written in (
            ("autoencoders", [network]), ("folds", folds), ("predictions", [predictions]),
            ("reconstructions", [reconstructions]), ("morphing", morphing),
        ):  # fmt: skip
            self.paths[name] = [*self.paths.get(name, []), *written]

    def network(
        self, encoding: str, best: int, train: np.ndarray, validation: np.ndarray, parents: tuple[str, ...] = ()
    ) -> Network:
        return Network(
            parameter=np.zeros(6, np.float32), train_loss=train, validation_loss=validation, best_epoch=best,
            architecture={"name": "none", "shapes": [["weight", [2, 3]]]}, encoding=encoding,
            provenance=self.made(*parents),
        )  # fmt: skip

    def predictions(self, encoding: str, model: str, parents: tuple[str, ...]) -> Predictions:
        error = ERRORS.get(encoding or model, 0.05)
        miss = self.rng.normal(0, error, self.anchor.shape) * np.array([0.2, 0.7, 1, 1.2, 1.1, 1])
        half = np.full(self.anchor.shape, 1.64 * error)
        predicted = (
            np.broadcast_to(self.anchor.mean(axis=0), self.anchor.shape) if model == "mean" else self.anchor + miss
        )
        return Predictions(
            index=np.arange(self.loops), split=self.split(), target=self.anchor, predicted=predicted,
            target_exists=np.ones_like(self.anchor, np.uint8), spread=half / 1.64, lower=predicted - half,
            upper=predicted + half, model=model, encoding=encoding, coverage_level=0.9, provenance=self.made(*parents),
        )  # fmt: skip

    def pictures(self, encoding: str, angle: np.ndarray) -> np.ndarray:
        channels = [np.sin(angle)] if encoding == "x_component" else [np.cos(2 * angle), np.sin(2 * angle)]
        return np.stack(channels, axis=1).astype(np.float32)

    def angles(self, index: np.ndarray) -> np.ndarray:
        made = self.structures(index)
        return np.stack([made.axis_angle_rad(i) for i in range(len(index))])

    def reconstructions(self, encoding: str, network: str) -> Reconstructions:
        index = np.flatnonzero(self.split())[:6]
        original = self.pictures(encoding, self.angles(index))
        return Reconstructions(
            index=index, original=original, reconstructed=blurred(original), encoding=encoding,
            code=self.rng.normal(size=(len(index), self.latent)).astype(np.float32),
            provenance=self.made(network, self.dataset),
        )  # fmt: skip

    def morphing(self, encoding: str, pair: str, network: str) -> Morphing:
        steps = 6
        alpha = np.linspace(0, 1, steps)
        theta, count = 3.0 - 2.6 * alpha * (pair == "alignment"), 16 + 240 * (alpha if pair == "grain_size" else 1.0)
        computed = anchors(theta, np.broadcast_to(count, alpha.shape))
        predicted = computed + self.rng.normal(0, 0.02, computed.shape)
        angle = self.angles(np.zeros(2, int))
        walk = (1 - alpha)[:, None, None] * angle[0] + alpha[:, None, None] * angle[1]
        return Morphing(
            alpha=alpha, image=blurred(self.pictures(encoding, walk)), axis_angle_rad=walk.astype(np.float32),
            predicted=predicted, lower=predicted - 0.03, upper=predicted + 0.03, anchor=computed,
            anchor_exists=np.ones_like(computed, np.uint8), field_T=self.field * ANISOTROPY_FIELD_T,
            magnetisation=curves(self.field, computed), pair=pair, encoding=encoding,
            endpoints={"A": {"grain_count": 16}, "B": {"grain_count": 256}}, provenance=self.made(network),
        )  # fmt: skip

    def designs(self) -> InverseDesigns:
        goal = np.array([[0.9, 0.5, 0.9], [0.8, 0.4, 0.8], [0.7, 0.3, 0.7]])
        wanted = np.repeat(goal[:, None], 2, axis=1)
        computed = wanted + self.rng.normal(0, 0.02, wanted.shape)
        predicted = wanted + self.rng.normal(0, 0.005, wanted.shape)
        anchor = np.zeros((6, 6))
        flat = computed.reshape(6, 3)
        anchor[:, 0], anchor[:, 1], anchor[:, 5] = 1, flat[:, 0], flat[:, 1]
        anchor[:, 2:5] = (flat[:, 2] * flat[:, 1])[:, None] * [1, 1.04, 1.07]
        shape = (3, 2, self.cells, self.cells)
        angle = self.angles(np.zeros(6, int)).reshape(shape)
        exists = np.ones(wanted.shape, np.uint8)
        exists[2, 1, 2] = 0
        return InverseDesigns(
            goal=goal, predicted=predicted, predicted_lower=predicted - 0.03, predicted_upper=predicted + 0.03,
            computed=computed * exists, computed_exists=exists, grain_label=np.zeros(shape, np.uint16),
            axis_angle_rad=angle,
            field_T=self.field * ANISOTROPY_FIELD_T, magnetisation=curves(self.field, anchor).reshape(3, 2, -1),
            best_error=np.stack([falling(s, 0.004, 20) for s in (0.2, 0.3, 0.4)]), encoding="double_angle",
            provenance=self.made(self.dataset),
        )  # fmt: skip

    def benchmarks(self) -> str:
        """Benchmark files of three rules, one of them too short to be measured."""
        folder = self.root / "benchmarks"
        head = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
        for name, line in (
            ("compute_loops/000", "90.0\t0:01:30\t300.5\t1\t1\t1\t0\t0\t99.0\t88.0"),
            ("compute_loops/001", "110.0\t0:01:50\t310.5\t1\t1\t1\t0\t0\t99.0\t108.0"),
            ("train_autoencoder/x_component", "3600.0\t1:00:00\t2048.0\t1\t1\t1\t0\t0\t99.0\t7000.0"),
            ("collect_dataset", "0.4\t0:00:00\tNA\tNA\tNA\tNA\tNA\tNA\tNA\tNA"),
        ):
            path = folder / f"{name}.tsv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{head}{line}\n")
        return str(folder)


def anchors(theta: np.ndarray, grain_count: np.ndarray) -> np.ndarray:
    """Six made-up anchor points for each largest misorientation and number of grains."""
    theta = np.minimum(np.asarray(theta, float), np.pi)
    remanence = 0.62 + 0.38 * np.sinc(theta / np.pi / 1.3) ** 2 + 0.0002 * (grain_count - 128)
    coercive = 0.25 + 0.35 * np.exp(-theta) + 0.0004 * (256 - grain_count)
    knee = coercive * (0.95 - 0.15 * theta / np.pi)
    return np.stack([np.minimum(remanence + 0.12, 1), remanence, knee, knee * 1.02, knee * 1.035, coercive], axis=1)


def curves(field: np.ndarray, anchor: np.ndarray) -> np.ndarray:
    """Curves through the anchor points by straight lines; (loop, field)."""
    made = []
    for a in anchor:
        x = np.concatenate([[-1.0], -a[[5, 4, 3, 2]], [0.0, 1.0]])
        y = np.concatenate([[-a[0]], [0.0], a[1] * LEVELS[[2, 1, 0]], a[[1, 0]]])
        made.append(np.interp(field, x, y))
    return np.array(made)


def voronoi(rng: np.random.Generator, cells: int, count: int) -> np.ndarray:
    """Label every cell with its nearest of `count` random points."""
    seeds = rng.uniform(0, cells, (count, 2))
    y, x = np.mgrid[:cells, :cells] + 0.5
    return np.argmin((x[..., None] - seeds[:, 0]) ** 2 + (y[..., None] - seeds[:, 1]) ** 2, axis=-1)


def blurred(picture: np.ndarray) -> np.ndarray:
    """Average over neighbours: what a poor reconstruction looks like."""
    out = picture
    for axis in (-2, -1):
        for _ in range(3):
            out = (np.roll(out, 1, axis) + out + np.roll(out, -1, axis)) / 3
    return np.ascontiguousarray(out, np.float32)


def falling(start: float, end: float, count: int) -> np.ndarray:
    """Losses that fall towards `end`."""
    return end + (start - end) * np.exp(-np.linspace(0, 5, count))
