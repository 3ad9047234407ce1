"""Relaxation in groups: the same bytes however the work is shared out and wherever it was killed."""

import logging
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import search_worker
from artifact_samples import same
from pair_landscape import laves_alloy
from search_crystals import PROVENANCE, at, laves

from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.relaxed_candidates import RelaxedCandidates
from lodestone.dft.relaxation import Evaluation, Geometry
from lodestone.search import generation, relaxing
from lodestone.search.candidate import Candidate, Crystal
from lodestone.search.symmetric import Operations, Symmetric, space_group

WORKER = Path(__file__).with_name("search_worker.py")
LOG = logging.getLogger("search")


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


def test_groups_hold_every_candidate_once():
    for count in (0, 1, 7, 24, 200):
        for at_once in (1, 3, 8, 500):
            rows = [k for group in relaxing.groups(count, at_once) for k in group]
            assert rows == list(range(count))
            assert all(1 <= len(group) <= 2 * at_once for group in relaxing.groups(count, at_once))
            for batches in (1, 2, 5):
                shared = [g for b in range(batches) for g in relaxing.share(count, at_once, b, batches)]
                assert shared == relaxing.groups(count, at_once)
    with pytest.raises(ValueError, match="batch: found 2, allowed: 0 to 1"):
        relaxing.share(10, 2, 2, 2)


def test_batches_change_nothing_even_if_the_model_sees_company(tmp_path):
    whole = search_worker.relaxed(tmp_path / "whole")
    parts = [search_worker.relaxed(tmp_path / str(b), batch=b, batches=3) for b in range(3)]
    assert sorted(map(len, parts)) == [0, 6, 6]
    assert same(RelaxedCandidates.concatenate([p for p in parts if len(p)], PROVENANCE), whole)
    assert (whole.status == Status.CONVERGED).sum() >= 8
    assert (whole.evaluations > 1).any()


@pytest.mark.parametrize(("model", "patience"), [("stand-in", 90), ("generation of 200", 130), ("chgnet", 12)])
def test_killed_again_and_again_repeats_nothing_and_ends_with_the_same_bytes(model, patience, tmp_path):
    ledger, diary, found = tmp_path / "ledger", tmp_path / "diary", tmp_path / "found.h5"
    chosen = search_worker.choices(model)
    search_worker.relaxed(tmp_path / "other", tmp_path / "other_diary", **chosen).write(tmp_path / "expected.h5")
    expected = lines(tmp_path / "other_diary")
    kills = 0
    while len(lines(diary)) < len(expected) - 1.2 * patience:
        worker = subprocess.Popen([*map(str, [sys.executable, WORKER, ledger, diary, found, 0.005, model])])
        before = len(lines(diary))
        while worker.poll() is None and len(lines(diary)) < before + patience:
            time.sleep(0.005)
        worker.kill()
        worker.wait()
        kills += 1
    search_worker.relaxed(ledger, diary, **chosen).write(found)
    assert kills >= 1
    # One answer may be lost each time, between the model and the ledger.
    assert len(expected) <= len(lines(diary)) <= len(expected) + kills
    assert found.read_bytes() == (tmp_path / "expected.h5").read_bytes()
    search_worker.relaxed(ledger, tmp_path / "nothing", **chosen)
    assert not (tmp_path / "nothing").exists()


def test_failures_are_rows_with_a_reason_and_the_geometry_of_the_start(tmp_path):
    def fails(geometries):
        answers = own(geometries)
        for k, geometry in enumerate(geometries):
            if geometry.number == 1:
                answers[k] = Evaluation(failure="größer")
        return answers

    own = laves_alloy()
    whole = search_worker.relaxed(tmp_path / "ledger", evaluate=fails)
    made = generation.first_generation(search_worker.SETTINGS, 5)
    bad = np.flatnonzero(whole.status == Status.FAILED)
    assert len(bad) == len(relaxing.groups(12, 3))  # number 1 of each group
    assert [whole.messages()[row] for row in bad] == ["größer"] * len(bad)
    assert not whole.has_energy[bad].any()
    assert np.array_equal(whole.lattice_A[bad[0]], made[bad[0]].crystal.lattice_A)


def stretched(rng):
    """A Laves phase, stretched along its threefold axis."""
    one = laves(7.6)
    axis = np.ones((3, 3)) / 3
    return Crystal(one.numbers, one.lattice_A @ (np.eye(3) + 0.05 * axis), one.fractional)


def test_symmetry_is_kept_if_asked(tmp_path):
    """A model with noise breaks the symmetry of what it relaxes, unless forces are projected."""
    rng, own = np.random.default_rng(0), laves_alloy()

    def noisy(geometries):
        answers = own(geometries)
        for answer in answers:
            answer.forces_eV_A[:] += rng.normal(scale=0.02, size=answer.forces_eV_A.shape)
        return answers

    start = stretched(rng)
    groups = {}
    for keep in (False, True):
        limits = {"max_steps": 40, "force_tolerance_eV_A": 0.001, "keep_symmetry": keep}
        chosen = at(2, 4, relaxation=limits)
        candidate = Candidate(0, start, "random")
        (end,) = relaxing.relax_batch([[candidate]], noisy, chosen, tmp_path / str(keep), "k", LOG)
        groups[keep] = space_group(end.lattice_A, end.fractional, start.numbers, 1e-4)
    assert groups[True] == space_group(start.lattice_A, start.fractional, start.numbers, 1e-4) == 166
    assert groups[False] == 1


def test_projection_leaves_symmetric_forces_alone_and_removes_the_rest():
    rng, start = np.random.default_rng(1), stretched(None)
    geometry = Geometry(0, start.numbers, start.lattice_A, start.fractional)
    operations = Operations.of(geometry)
    assert len(operations.rotations) == 12
    (answer,) = laves_alloy()([geometry])
    forces, stress = operations.project(start.lattice_A, answer.forces_eV_A, answer.stress_eV_A3)
    assert np.allclose(forces, answer.forces_eV_A, atol=1e-9) and np.allclose(stress, answer.stress_eV_A3, atol=1e-9)
    noise = rng.normal(size=(6, 3))
    once, _ = operations.project(start.lattice_A, noise, np.eye(3))
    twice, tensor = operations.project(start.lattice_A, once, np.eye(3))
    assert np.allclose(once, twice) and np.allclose(tensor, np.eye(3))
    assert np.linalg.norm(once) < np.linalg.norm(noise)
    assert Symmetric(lambda g: [Evaluation(failure="no")])([geometry])[0].failure == "no"
