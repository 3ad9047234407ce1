"""Ensembles and folds: what each member is fitted to, errors, and nothing fitted twice."""

import dataclasses
import logging

import numpy as np
import pytest
from artifact_samples import PROVENANCE
from spin_samples import SETTINGS, data

from lodestone.artifacts.spin_fits import SpinFits
from lodestone.spin_potential import members
from lodestone.spin_potential.evaluation import evaluate
from lodestone.spin_potential.members import Member, fit_members, joined, share

LOG = logging.getLogger("test")


def two():
    return [Member(k, np.flatnonzero(np.arange(12) % 3 != k), np.random.default_rng(k)) for k in range(2)]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    path = tmp_path_factory.mktemp("fits") / "000.h5"
    return fit_members(data(12), two(), SETTINGS, str(path), PROVENANCE, LOG), path


def test_members_are_fitted_to_their_rows_only(fitted):
    found, _ = fitted
    np.testing.assert_array_equal(found.trained, [np.arange(12) % 3 != k for k in range(2)])


def test_errors_are_those_of_the_potentials_in_the_artifact(fitted):
    made, path = fitted
    found, labels = SpinFits.read(path), data(12)
    np.testing.assert_array_equal(found.parameter, made.parameter)
    for member, potential in enumerate(found.potentials()):
        said = evaluate(potential, labels.configurations())
        errors = 1e3 * (said.energy_eV - labels.energy_eV) / labels.counts()
        for flag, kept in ((1, found.train_rmse), (0, found.test_rmse)):
            expected = np.sqrt(np.mean(errors[found.trained[member] == flag] ** 2))
            assert kept[member, 0] == pytest.approx(expected, rel=1e-9)


def test_labels_left_out_change_nothing(fitted, tmp_path):
    whole = data(12)
    energy = whole.energy_eV.copy()
    energy[::3] += 1.0
    other = fit_members(
        dataclasses.replace(whole, energy_eV=energy), two()[:1], SETTINGS, str(tmp_path / "a.h5"), PROVENANCE, LOG
    )
    np.testing.assert_array_equal(other.parameter[0], fitted[0].parameter[0])


def test_a_fit_that_was_finished_is_not_repeated_after_a_kill(fitted, tmp_path, monkeypatch):
    path, done = tmp_path / "b.h5", []
    fit = members.fit

    def once(*given):
        if done:
            raise KeyboardInterrupt
        done.append(1)
        return fit(*given)

    monkeypatch.setattr(members, "fit", once)
    with pytest.raises(KeyboardInterrupt):
        fit_members(data(12), two(), SETTINGS, str(path), PROVENANCE, LOG)
    done.clear()
    found = fit_members(data(12), two(), SETTINGS, str(path), PROVENANCE, LOG)
    assert len(done) == 1
    np.testing.assert_array_equal(found.parameter, fitted[0].parameter)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b.h5"]


def test_parts_are_joined_in_order_and_other_forms_refused(fitted):
    found, _ = fitted
    both = joined([found, found])
    np.testing.assert_array_equal(both.parameter, np.concatenate([found.parameter] * 2))
    assert both.step_offset[-1] == len(both.loss) == 2 * len(found.loss)
    with pytest.raises(ValueError, match="r_cut_A: found 5.0 and 6.0"):
        joined([found, dataclasses.replace(found, r_cut_A=6.0)])


def test_shares_of_jobs_are_all_members_once():
    for batches in (1, 2, 3, 5):
        assert [k for batch in range(batches) for k in share(5, batch, batches)] == list(range(5))
