"""Active learning: what is asked for, learning curves without leaks, and the artifact's words about savings."""

import logging
from pathlib import Path

import numpy as np
import pytest
from artifact_samples import PROVENANCE, sample
from spin_crystals import SPECIES, images, potential
from spin_samples import SETTINGS, data, labels_of

from lodestone.artifacts.spin_learning import NEVER, TEST, SpinLearning
from lodestone.spin_potential import data_set, learning
from lodestone.spin_potential.active import ask
from lodestone.spin_potential.configurations import Configurations
from lodestone.spin_potential.loss import Weights

LOG = logging.getLogger("test")
LEARNING = {**SETTINGS, "initial": 4, "per_round": 2, "rounds": 2, "test_fraction": 0.25, "max_iterations": 3}


def near(count, seed):
    """Crystals that all look alike: small displacements, strains and changes of the moments."""
    rng = np.random.default_rng(seed)
    made = images(1, 0) * count
    found = []
    for image in made:
        image = image.copy()
        image.positions += rng.normal(scale=0.02, size=image.positions.shape)
        image.set_initial_magnetic_moments([2.0, 0.0, 2.0, 2.0] + rng.normal(scale=0.05, size=4))
        found.append(image)
    return found


def test_what_is_unlike_the_labelled_is_asked_for_first():
    made = potential(level=4)
    labelled = Configurations.from_atoms(near(40, 1), SPECIES)
    odd = images(3, 9)
    pool = Configurations.from_atoms([*near(12, 2), *odd, *near(12, 3)], SPECIES)
    chosen, grades = ask(made, Weights(), labelled, pool, 3)
    assert sorted(chosen.tolist()) == [12, 13, 14]
    assert (grades > 1.0).all()


def test_a_second_one_of_the_same_kind_is_not_asked_for():
    made = potential(level=4)
    labelled = Configurations.from_atoms(near(40, 1), SPECIES)
    twin, other = images(2, 9)
    pool = Configurations.from_atoms([twin, twin.copy(), other], SPECIES, names=["a", "b", "c"])
    chosen, _ = ask(made, Weights(), labelled, pool, 2)
    assert set(chosen.tolist()) in ({0, 2}, {1, 2})
    everything, _ = ask(made, Weights(), labelled, pool, 10)
    assert sorted(everything.tolist()) == [0, 1, 2]


@pytest.fixture(scope="module")
def curves(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("learning") / "0.h5")
    return learning.learning_curves(data(24), LEARNING, np.random.default_rng(3), path, PROVENANCE, LOG), path


def test_both_begin_alike_and_take_the_same_number(curves):
    found = SpinLearning.read(curves[1])
    assert found.label_count.tolist() == [[4, 6, 8]] * 2
    np.testing.assert_array_equal(found.round_of[0] == 0, found.round_of[1] == 0)
    np.testing.assert_allclose(found.test_rmse[0, 0], found.test_rmse[1, 0], rtol=0)
    assert ((found.round_of == TEST).sum(axis=1) == 6).all()
    assert ((found.round_of == NEVER).sum(axis=1) == 24 - 6 - 8).all()


def test_labels_that_were_not_asked_for_and_those_of_the_test_change_no_choice(curves, tmp_path):
    """Wrong labels where none is known yet: what is asked for in the first round stays the same."""
    whole = data(24)
    later = curves[0].round_of[0] != 0
    energy = whole.energy_eV + np.where(later, 5.0, 0.0)
    spoiled = data_set.pack(
        whole.configurations(),
        type(whole.labels())(energy, whole.force_eV_A, whole.stress_eV_A3, whole.magnetic_force_eV_muB),
        np.zeros(24, bool), "a test", [], PROVENANCE,
    )  # fmt: skip
    path = str(tmp_path / "0.h5")
    found = learning.learning_curves(
        spoiled, {**LEARNING, "rounds": 1}, np.random.default_rng(3), path, PROVENANCE, LOG
    )
    np.testing.assert_array_equal(found.round_of == 1, curves[0].round_of == 1)


def test_a_round_that_was_finished_is_not_repeated_after_a_kill(curves, tmp_path, monkeypatch):
    done, fit = [], learning.fit

    def until(limit):
        def counted(*given):
            if len(done) == limit:
                raise KeyboardInterrupt
            done.append(1)
            return fit(*given)

        return counted

    path = tmp_path / "0.h5"
    monkeypatch.setattr(learning, "fit", until(4))
    with pytest.raises(KeyboardInterrupt):
        learning.learning_curves(data(24), LEARNING, np.random.default_rng(3), str(path), PROVENANCE, LOG)
    monkeypatch.setattr(learning, "fit", until(99))
    learning.learning_curves(data(24), LEARNING, np.random.default_rng(3), str(path), PROVENANCE, LOG)
    assert len(done) == 6
    assert path.read_bytes() == Path(curves[1]).read_bytes()


def test_asking_saves_labels_where_most_of_a_pool_is_alike(tmp_path):
    """As molecular dynamics gives it: many crystals near one another and a few far away."""
    truth = potential(level=4, seed=3)
    pool = [*near(60, 5), *images(20, 6)]
    order = np.random.default_rng(0).permutation(len(pool))
    crystals = Configurations.from_atoms(
        [pool[k] for k in order], SPECIES, names=[f"{'near' if k < 60 else 'far'}+h{k}" for k in order]
    )
    whole = data_set.pack(crystals, labels_of(truth, crystals), np.zeros(len(pool), bool), "a test", [], PROVENANCE)
    settings = {**LEARNING, "initial": 8, "per_round": 6, "rounds": 4, "max_iterations": 15}
    found = learning.learning_curves(whole, settings, np.random.default_rng(1), str(tmp_path / "0.h5"), PROVENANCE, LOG)
    far = np.array([name.startswith("far") for name in whole.names()])
    asked, random = (((found.round_of[k] > 0) & far).sum() for k in (0, 1))
    assert asked > random
    # With as many labels the error is less than half as large; the lowest that both reach takes a third more at random.
    asked_error, random_error = found.test_rmse[:, 1:, 3]
    assert (asked_error < random_error / 2).all()
    assert found.saving("magnetic_force") > 4 / 3


def test_labels_needed_are_found_between_rounds():
    rmse = np.full((2, 3, 4), 100.0)
    rmse[0, :, 3], rmse[1, :, 3] = [400.0, 100.0, 50.0], [400.0, 200.0, 100.0]
    found = sample(
        "spin_learning", label_count=np.array([[10, 20, 40]] * 2), test_rmse=rmse, round_of=np.zeros((2, 5), np.int64)
    )
    assert found.labels_to_reach("asked", "magnetic_force", 200.0) == pytest.approx(10 * np.sqrt(2))
    assert found.labels_to_reach("random", "magnetic_force", 99.0) == float("inf")
    # Random choice has 100 with 40 labels, asking with 20.
    assert found.saving("magnetic_force") == pytest.approx(2.0)
    assert found.saving("energy") == pytest.approx(1.0)
