"""Training of the autoencoder: it learns, it resumes to the bit, and it draws its structures where it should."""

import numpy as np
import pytest
import torch
from learning_data import AUTOENCODER, LOG, SEED, STRUCTURES, make_grains, provenance

from lodestone.loop_learning import autoencoder, codes, devices
from lodestone.loop_learning.encodings import encode_angles, encode_axes
from lodestone.microstructure import voronoi
from lodestone.random import stream


def train(path, settings=AUTOENCODER, encoding="double_angle"):
    return autoencoder.train(settings, STRUCTURES, encoding, SEED, path, LOG, provenance=provenance())


class Killed(Exception):
    pass


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return train(tmp_path_factory.mktemp("autoencoder") / "checkpoint")


def test_training_lowers_the_loss(trained):
    assert len(trained.train_loss) == len(trained.validation_loss) == AUTOENCODER["epochs"]
    assert trained.train_loss[-1] < trained.train_loss[0]
    assert trained.best_epoch == np.argmin(trained.validation_loss) + 1
    assert "CPU" in trained.provenance.backend


@pytest.mark.parametrize("survived", [2, 3, 7], ids=["within an epoch", "at its end", "in the last epoch"])
def test_a_killed_training_resumes_to_the_bit(tmp_path, monkeypatch, trained, survived):
    """Three batches make an epoch."""
    monkeypatch.setattr(autoencoder, "SAVE_INTERVAL_S", -1.0)
    loss, calls = autoencoder._Training.loss, []

    def fail_later(self, *arguments):
        if torch.is_grad_enabled():  # not in validation
            calls.append(1)
            if len(calls) == survived + 1:
                raise Killed
        return loss(self, *arguments)

    monkeypatch.setattr(autoencoder._Training, "loss", fail_later)
    with pytest.raises(Killed):
        train(tmp_path / "checkpoint")
    resumed = train(tmp_path / "checkpoint")
    assert len(calls) == 9 + 1  # every batch once, and the one that was killed
    np.testing.assert_array_equal(resumed.parameter, trained.parameter)
    np.testing.assert_array_equal(resumed.train_loss, trained.train_loss)
    np.testing.assert_array_equal(resumed.validation_loss, trained.validation_loss)


def test_a_checkpoint_of_other_settings_is_not_used(tmp_path, monkeypatch, trained):
    monkeypatch.setattr(autoencoder, "SAVE_INTERVAL_S", -1.0)
    train(tmp_path / "checkpoint")
    other = train(tmp_path / "checkpoint", AUTOENCODER | {"kl_weight": 1e-2, "epochs": 1})
    assert len(other.train_loss) == 1
    assert other.train_loss[0] != trained.train_loss[0]


def test_epochs_visit_every_structure_once():
    fixed = AUTOENCODER | {"fresh_structures": False}
    for epoch in range(2):
        batches, noise = autoencoder.epoch_plan(SEED, epoch, fixed)
        assert sorted(np.concatenate(batches)) == list(range(24))
        assert len(set(noise)) == len(batches) == 3
        fresh, _ = autoencoder.epoch_plan(SEED, epoch, AUTOENCODER)
        assert sorted(np.concatenate(fresh)) == list(range(24 * epoch, 24 * (epoch + 1)))
    assert not np.array_equal(*(autoencoder.epoch_plan(SEED, e, fixed)[0][0] for e in range(2)))


def test_divergence_is_that_of_two_normal_distributions():
    mean, log_variance = torch.tensor([[0.5, -1.0]]), torch.tensor([[0.2, -0.3]])
    image = torch.zeros(1, 1, 2, 2)
    error, divergence = autoencoder.loss_terms(image, image + 0.5, mean, log_variance)
    normal = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    wanted = torch.distributions.kl_divergence(normal, torch.distributions.Normal(0.0, 1.0)).mean()
    torch.testing.assert_close(divergence, wanted)
    torch.testing.assert_close(error, torch.tensor(0.25))


def test_learning_rate_falls_at_the_end_only():
    rates = [autoencoder.learning_rate_at(step, 300, 1e-4) for step in range(300)]
    assert rates[:200] == [1e-4] * 200
    assert all(b < a for a, b in zip(rates[201:-1], rates[202:], strict=True))
    assert rates[-1] == pytest.approx(2e-6, rel=0.02)


@pytest.mark.parametrize("encoding", ["x_component", "double_angle"])
def test_structures_drawn_on_a_device_are_the_same(encoding):
    settings = STRUCTURES | {"cells": 160, "grain_count_max": 256}
    samples = [voronoi.draw_sample(stream(SEED, "autoencoder_structures", i), settings) for i in range(20)]
    found = devices.images_on_device(samples, 160, encoding, torch.device("cpu")).numpy()
    wanted = voronoi.images(SEED, "autoencoder_structures", range(20), settings, lambda a: encode_angles(a, encoding))
    np.testing.assert_array_equal(found, wanted)


def test_device_settings():
    assert devices.choose_device("cpu").type == "cpu"
    with pytest.raises(ValueError, match="found 'tpu', allowed are auto, cpu, gpu"):
        devices.choose_device("tpu")


def test_codes_of_all_copies(tmp_path, trained):
    for k, (start, stop) in enumerate([(0, 3), (3, 5)]):
        make_grains(start, stop).write(tmp_path / f"{k}.h5")
    paths = [tmp_path / "0.h5", tmp_path / "1.h5"]
    encoded = codes.encode_dataset(trained, paths, "double_angle", LOG, provenance=provenance())
    assert encoded.code.shape == (5, 4, 512)
    np.testing.assert_array_equal(encoded.index, np.arange(5))
    mirrored = -make_grains(4, 5).axis_angle_rad(0)[None, :, ::-1]
    alone = codes.encode_images(codes.load_autoencoder(trained), encode_axes(mirrored, "double_angle"))
    np.testing.assert_allclose(encoded.code[4, 1], alone[0], atol=1e-5)  # batches round differently
    with pytest.raises(ValueError, match="trained for 'double_angle', allowed is 'x_component'"):
        codes.encode_dataset(trained, paths, "x_component", LOG, provenance=provenance())
