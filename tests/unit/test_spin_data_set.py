"""Data sets of magnetic potentials: what goes in, what is left out, and splits without leaks."""

import dataclasses

import numpy as np
import pytest
from artifact_samples import PROVENANCE, sample
from spin_crystals import SPECIES, images
from spin_samples import data, labels_of, names, truth

from lodestone.spin_potential import data_set
from lodestone.spin_potential.configuration_files import write_cfg, write_extxyz
from lodestone.spin_potential.configurations import ConfigurationError, Configurations


def named(labels):
    crystals = Configurations.from_atoms(images(len(labels)), SPECIES, names=labels)
    return data_set.pack(crystals, labels_of(truth(), crystals), np.zeros(len(labels), bool), "a test", [], PROVENANCE)


def test_snapshots_of_one_trajectory_are_one_group():
    found = named(["A+t1", "A+t2", "B+t1", "A+h1", "A"])
    assert found.group.tolist() == [0, 0, 1, 2, 3]
    assert found.ordering.tolist() == [0, 0, 1, 0, 0]


def test_equal_configurations_are_one_group():
    crystals = Configurations.from_atoms([images(1)[0], images(1)[0], *images(2)[1:]], SPECIES, names=["A", "B", "C"])
    found = data_set.pack(crystals, labels_of(truth(), crystals), np.zeros(3, bool), "a test", [], PROVENANCE)
    assert found.group.tolist() == [0, 0, 1]


def test_no_group_is_in_two_folds_and_folds_are_even():
    labels = [f"{crystal}+{kind}{k}" for crystal in "ABC" for kind in "th" for k in range(6)]
    found = named(labels)
    fold = data_set.folds(found, 3, np.random.default_rng(0))
    for group in np.unique(found.group):
        assert len(set(fold[found.group == group])) == 1
    assert np.bincount(fold).tolist() == [12, 12, 12]
    # Held configurations of every crystal are in every fold.
    held = np.array(["+h" in label for label in labels])
    assert all(len(set(fold[held & (found.ordering == k)])) == 3 for k in range(3))


def test_too_few_groups_for_the_folds_are_refused():
    with pytest.raises(ConfigurationError, match="found 1 groups of configurations, expected at least 3"):
        data_set.folds(named(["A+t1", "A+t2"]), 3, np.random.default_rng(0))


@pytest.mark.parametrize("suffix, write", [("cfg", write_cfg), ("extxyz", write_extxyz)])
def test_files_come_back_as_they_were(tmp_path, suffix, write):
    before = data(6, free=2)
    path = tmp_path / f"data.{suffix}"
    write(path, before.configurations(), before.labels())
    after = data_set.from_files([str(path)], SPECIES, "a test", PROVENANCE)
    # Eight digits of positions in extended XYZ make no difference that a potential could see.
    np.testing.assert_allclose(after.position_A, before.position_A, atol=1e-7)
    np.testing.assert_allclose(after.energy_eV, before.energy_eV, rtol=1e-9)
    np.testing.assert_allclose(after.magnetic_force_eV_muB, before.magnetic_force_eV_muB, atol=1e-7)
    np.testing.assert_allclose(after.stress_eV_A3, before.stress_eV_A3, atol=1e-9)
    assert after.equilibrium.tolist() == before.equilibrium.tolist() == [1, 1, 0, 0, 0, 0]
    assert after.names() == before.names()


def test_names_that_files_share_are_refused(tmp_path):
    some = data(3)
    for name in ("one.extxyz", "two.extxyz"):
        write_extxyz(tmp_path / name, some.configurations(), some.labels())
    paths = [str(tmp_path / name) for name in ("one.extxyz", "two.extxyz")]
    with pytest.raises(ConfigurationError, match=r"A\+h0: found more than once in .*one\.extxyz, .*two\.extxyz"):
        data_set.from_files(paths, SPECIES, "a test", PROVENANCE)


def test_an_artifact_with_impossible_flags_is_refused():
    with pytest.raises(ValueError, match="field 'equilibrium': found up to 3"):
        dataclasses.replace(data(3), equilibrium=np.array([0, 3, 0], np.uint8)).check("here")


def calculations(kind, **changes):
    """Two crystals of one and two atoms; nothing is missing unless `changes` say so."""
    has = np.ones(3, np.uint8)
    made = sample("calculations")
    fields = {
        "kind": kind, "status": np.zeros(3, np.uint8), "has_energy": has, "has_forces": has, "has_stress": has,
        "has_moments": has, "has_structure": has, "has_magnetic_force": np.ones(3, np.uint8),
        "atomic_number": np.array([26, 26, 13]), "site_offset": np.array([0, 1, 1, 3]),
        "energy_eV": np.array([-3.0, -4.0, -5.0]),
    }  # fmt: skip
    return dataclasses.replace(made, **{**fields, **changes})


def test_calculations_without_a_label_are_left_out_by_name():
    bad = {"has_magnetic_force": np.array([1, 1, 0], np.uint8), "status": np.array([0, 1, 0], np.uint8)}
    lacking = calculations("constrained", **bad)
    found = data_set.from_calculations([lacking], SPECIES, PROVENANCE)
    assert len(found) == 1
    assert [line.partition(":")[0] for line in found.left_out] == ["NdFe5", "FeB"]
    assert "no magnetic force on every atom" in found.left_out[1]
    nothing = calculations("constrained", has_stress=np.zeros(3, np.uint8))
    with pytest.raises(ConfigurationError, match="3 calculations, none of them usable"):
        data_set.from_calculations([nothing], SPECIES, PROVENANCE)


def test_free_moments_are_equilibrium_without_magnetic_force():
    wild = calculations("static", has_magnetic_force=np.zeros(3, np.uint8), status=np.array([0, 1, 0], np.uint8))
    found = data_set.from_calculations([wild], SPECIES, PROVENANCE)
    assert found.equilibrium.tolist() == [1, 1]
    assert not found.magnetic_force_eV_muB.any()


def test_names_of_samples_are_unique():
    assert len(set(names(7))) == 7
