"""Each script of the hysteresis study, called with a stand-in job on tiny data, in the order of the workflow.

A stage reads what the stages before it wrote: the first failure is the one to look at.
"""

from pathlib import Path

import numpy as np
import pytest

from lodestone.artifacts.codes import LatentCodes
from lodestone.artifacts.dataset import HysteresisDataset
from lodestone.artifacts.grains import Grains
from lodestone.artifacts.inverse import InverseDesigns
from lodestone.artifacts.loops import Loops
from lodestone.artifacts.morphing import Morphing
from lodestone.artifacts.network import Network
from lodestone.artifacts.predictions import Predictions
from lodestone.artifacts.reconstructions import Reconstructions

BATCHES = ("000", "001")
ENCODING = "double_angle"
RECOMPUTED = ("structures", "material", "loops", "regressor")


def batch_files(runner, kind):
    return [runner.path(f"{kind}/{batch}.h5") for batch in BATCHES]


def model_files(runner):
    return {
        "network": [runner.path("autoencoder.h5")],
        "members": [runner.path(f"regressor/{k}.h5") for k in range(2)],
        "fold_predictions": [runner.path(f"folds/{k}_predictions.h5") for k in range(2)],
    }


def test_warm_caches(runner):
    runner.run("warm_caches", {}, {"warm": runner.path("warm_caches.txt")})
    assert "demagnetisation curves" in Path(runner.path("warm_caches.txt")).read_text()


def test_generate_structures(runner):
    for k, path in enumerate(batch_files(runner, "structures")):
        runner.run("generate_structures", {}, {"grains": path}, ["structures"], indices=[3 * k, 3 * k + 3])
        assert Grains.read(path).index.tolist() == [3 * k, 3 * k + 1, 3 * k + 2]


def test_compute_loops(runner):
    for grains, path in zip(batch_files(runner, "structures"), batch_files(runner, "loops"), strict=True):
        runner.run("compute_loops", {"grains": grains}, {"loops": path}, ["material", "loops"])
        loops = Loops.read(path)
        assert loops.index.tolist() == Grains.read(grains).index.tolist()
        assert loops.magnetisation.shape == (3, 41)
        assert not Path(f"{path}.ledger").exists()
        Loops.verify_parents(path, [grains])


def test_collect_dataset(runner):
    inputs = {"grains": batch_files(runner, "structures"), "loops": batch_files(runner, "loops")}
    runner.run("collect_dataset", inputs, {"dataset": runner.path("dataset.h5")}, ["material", "loops"])
    dataset = HysteresisDataset.read(runner.path("dataset.h5"))
    assert dataset.index.tolist() == list(range(6))
    assert dataset.split.sum() == 2
    assert dataset.anchor_exists[:, 1].all(), "every curve passes zero field"


def test_train_autoencoder(runner):
    path = runner.path("autoencoder.h5")
    sections = ["autoencoder", "structures"]
    runner.run("train_autoencoder", {}, {"network": path}, sections, {"encoding": ENCODING})
    network = Network.read(path)
    assert network.encoding == ENCODING
    assert not Path(f"{path}.checkpoint").exists()
    assert len(network.train_loss) == 1


def test_encode_structures(runner):
    inputs = {"network": runner.path("autoencoder.h5"), "grains": batch_files(runner, "structures")}
    runner.run("encode_structures", inputs, {"codes": runner.path("codes.h5")}, (), {"encoding": ENCODING})
    codes = LatentCodes.read(runner.path("codes.h5"))
    assert codes.code.shape[:2] == (6, 4)


def test_reconstruct_structures(runner):
    inputs = {
        "network": runner.path("autoencoder.h5"),
        "grains": batch_files(runner, "structures"),
        "dataset": runner.path("dataset.h5"),
    }
    outputs = {"reconstructions": runner.path("reconstructions.h5")}
    runner.run("reconstruct_structures", inputs, outputs, (), settings={"count": 2})
    images = Reconstructions.read(runner.path("reconstructions.h5"))
    assert images.original.shape == images.reconstructed.shape == (2, 2, 32, 32)


def test_validate_regressor(runner):
    inputs = {"codes": runner.path("codes.h5"), "dataset": runner.path("dataset.h5")}
    seen = []
    for fold in range(2):
        outputs = {
            "network": runner.path(f"folds/{fold}.h5"),
            "predictions": runner.path(f"folds/{fold}_predictions.h5"),
        }
        runner.run("validate_regressor", inputs, outputs, ["regressor"], {"fold": str(fold)})
        seen += Predictions.read(outputs["predictions"]).index.tolist()
    train = np.flatnonzero(HysteresisDataset.read(inputs["dataset"]).split == 0)
    assert sorted(seen) == train.tolist(), "every training structure is left out once, no test structure ever"


def test_train_regressor(runner):
    inputs = {
        "codes": runner.path("codes.h5"),
        "dataset": runner.path("dataset.h5"),
        "folds": [runner.path(f"folds/{k}.h5") for k in range(2)],
    }
    members = [runner.path(f"regressor/{k}.h5") for k in range(2)]
    for k, path in enumerate(members):
        runner.run("train_regressor", inputs, {"network": path}, ["regressor"], {"member": str(k)})
    first, second = (Network.read(path).parameter for path in members)
    assert first.shape == second.shape
    assert not np.array_equal(first, second), "members start from different weights"


def test_predict_anchors(runner):
    inputs = {"codes": runner.path("codes.h5"), "dataset": runner.path("dataset.h5"), **model_files(runner)}
    runner.run("predict_anchors", inputs, {"predictions": runner.path("predictions.h5")}, ["regressor"])
    predictions = Predictions.read(runner.path("predictions.h5"))
    assert predictions.predicted.shape == (6, 6)
    assert (predictions.lower <= predictions.upper).all()


@pytest.mark.parametrize("baseline", ["mean", "gradient_boosting", "cnn"])
def test_train_baseline(runner, baseline):
    inputs = {"dataset": runner.path("dataset.h5"), "grains": batch_files(runner, "structures")}
    path = runner.path(f"baselines/{baseline}.h5")
    sections = ["baselines", "structures", "regressor"]
    runner.run("train_baseline", inputs, {"predictions": path}, sections, {"baseline": baseline})
    assert Predictions.read(path).index.tolist() == list(range(6))


def test_morph_structures(runner):
    path = runner.path("morphing/alignment.h5")
    sections = ["morphing", *RECOMPUTED]
    runner.run("morph_structures", model_files(runner), {"morphing": path}, sections, {"pair": "alignment"})
    morphing = Morphing.read(path)
    assert morphing.alpha.tolist() == [0.0, 0.5, 1.0]


def test_search_designs(runner):
    path = runner.path("inverse_designs.h5")
    runner.run("search_designs", model_files(runner), {"designs": path}, ["inverse", *RECOMPUTED])
    assert InverseDesigns.read(path).computed.shape[:2] == (1, 1)
    assert not Path(f"{path}.ledger").exists()


def test_render_report(runner):
    inputs = {
        "dataset": runner.path("dataset.h5"),
        "loops": batch_files(runner, "loops"),
        "autoencoders": [runner.path("autoencoder.h5")],
        "reconstructions": [runner.path("reconstructions.h5")],
        "folds": [runner.path(f"folds/{k}.h5") for k in range(2)],
        "predictions": [runner.path("predictions.h5")],
        "baselines": [runner.path(f"baselines/{name}.h5") for name in ("mean", "gradient_boosting", "cnn")],
        "morphing": [runner.path("morphing/alignment.h5")],
        "designs": runner.path("inverse_designs.h5"),
    }
    output = runner.folder / "report.html"
    settings = {**runner.study, "results_dir": str(runner.folder)}
    runner.run("render_report", inputs, {"report": str(output)}, settings=settings)
    assert "Demagnetisation curves" in output.read_text()
