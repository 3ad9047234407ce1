"""Labels that are computed anew: which ones are chosen, and what is said of what became of them."""

import dataclasses

import numpy as np
import pytest
from artifact_samples import PROVENANCE
from spin_crystals import SPECIES, images
from spin_samples import computed, data, labels_of, truth

from lodestone.artifacts.structure_set import StructureSet
from lodestone.dft.calculation import Status
from lodestone.spin_potential import data_set, points
from lodestone.spin_potential.configurations import ConfigurationError, Configurations


def chosen(whole, count=3, seed=0):
    return points.choose(whole, count, np.random.default_rng(seed), PROVENANCE)


def named(names, sizes=(2,)):
    """Held configurations of cells of so many cubic cells each, in turn."""
    repeats = [(1, 1, sizes[k % len(sizes)]) for k in range(len(names))]
    made = [images(1, seed=k, repeat=repeat)[0] for k, repeat in enumerate(repeats)]
    crystals = Configurations.from_atoms(made, SPECIES, names=names)
    return data_set.pack(crystals, labels_of(truth(), crystals), np.zeros(len(names), bool), "a test", [], PROVENANCE)


def test_configurations_with_free_moments_are_never_chosen():
    whole = data(8, free=5)
    held = set(whole.names()[5:])
    assert set(chosen(whole, 3).names()) == held
    # As many as there are, if more are asked for.
    assert set(chosen(whole, 99).names()) == held
    assert all(set(chosen(whole, 1, seed).names()) < held for seed in range(9))


def test_the_smallest_cells_are_chosen_and_the_numbers_decide_which():
    whole = named([f"A+h{k}" for k in range(12)], sizes=(2, 1, 3))
    assert set(chosen(whole, 99).names()) == {f"A+h{k}" for k in range(1, 12, 3)}
    drawn = [tuple(chosen(whole, 2, seed).names()) for seed in range(12)]
    assert drawn == [tuple(chosen(whole, 2, seed).names()) for seed in range(12)]
    # Four of these: six pairs, of which twelve draws find more than half.
    assert len(set(drawn)) > 3


def test_crystals_are_those_of_the_data_with_the_held_moments_to_start_from():
    whole = data(6, free=2)
    found = chosen(whole, 4)
    assert found.names() == whole.names()[2:] and found.sources() == [points.LABEL] * 4
    assert found.has_moment.all()
    rows = slice(whole.atom_offset[2], None)
    np.testing.assert_array_equal(found.moment_muB, whole.moment_muB[rows])
    np.testing.assert_array_equal(found.atomic_number, np.where(whole.kind[rows] == 0, 26, 13))
    for row, structure in enumerate(found.structures()):
        atoms = slice(whole.atom_offset[row + 2], whole.atom_offset[row + 3])
        # Positions go through fractions of the cell and back.
        np.testing.assert_allclose(structure.cart_coords, whole.position_A[atoms], atol=1e-12)


def test_data_without_held_moments_give_an_empty_set(tmp_path):
    chosen(data(3, free=3)).write(tmp_path / "points.h5")
    assert len(StructureSet.read(tmp_path / "points.h5")) == 0
    assert points.compare(data(3, free=3), []) == []


def test_names_that_no_folder_can_have_come_back_as_they_were():
    """Files of other programs name their configurations as they like, or not at all."""
    names = ["configuration 0", "configuration_0", "Fe/Al: größer", "_"]
    whole = named(names)
    found = chosen(whole, 4)
    found.check("here")
    assert len(set(found.names())) == 4
    repeated = points.compare(whole, [computed(found)])
    assert [one.name for one in repeated] == names
    # Each beside its own label: rounding of positions is all that differs.
    assert max(np.abs(one.difference).max() for one in repeated) < 1e-9


def test_labels_stand_beside_the_same_computed_anew():
    whole = data(6)
    found = chosen(whole, 4)
    batches = [computed(found.part(0, 3)), computed(found.part(3, 4))]
    repeated = points.compare(whole, batches)
    assert [one.name for one in repeated] == found.names()
    for one in repeated:
        k = whole.names().index(one.name)
        atoms = slice(whole.atom_offset[k], whole.atom_offset[k + 1])
        assert one.label[0] == whole.energy_eV[k] / 4
        for value, labels in zip(
            one.label[1:], (whole.force_eV_A[atoms], whole.stress_eV_A3[k], whole.magnetic_force_eV_muB[atoms]),
            strict=True,
        ):  # fmt: skip
            # The entry of the largest size, with its sign.
            assert value in labels and abs(value) == np.abs(labels).max()
        # Positions go through fractions of the cell; energies of 2000 eV an atom are rounded.
        np.testing.assert_allclose(one.computed, one.label, atol=1e-9)
        assert np.abs(one.difference).max() < 1e-9


def test_differences_are_the_largest_over_atoms_and_components_with_their_sign():
    whole = data(1)
    found = chosen(whole, 1)
    force, magnetic = whole.force_eV_A.copy(), whole.magnetic_force_eV_muB.copy()
    force[1, 2] -= 0.25
    force[3, 0] += 0.125
    magnetic[2] += 0.5
    other = computed(
        found, energy_eV=whole.energy_eV[0] + 0.5, forces_eV_A=force, magnetic_forces_eV_muB=magnetic,
        stress_eV_A3=whole.stress_eV_A3[0] - np.diag([0.0, 0.0625, 0.0]),
    )  # fmt: skip
    (one,) = points.compare(whole, [other])
    # The energy is that of one of four atoms.
    np.testing.assert_allclose(one.difference, [0.125, -0.25, -0.0625, 0.5], atol=1e-12)


def test_a_calculation_that_did_not_converge_has_no_values_to_compare():
    whole = data(2)
    failed = computed(chosen(whole, 2), status=Status.NOT_CONVERGED, message="the electrons did not converge")
    for one in points.compare(whole, [failed]):
        assert np.isnan(one.computed).all() and np.isnan(one.difference).all()
        assert np.isfinite(one.label).all()


@pytest.mark.parametrize(
    "field, column", [("forces_eV_A", 1), ("stress_eV_A3", 2), ("magnetic_forces_eV_muB", 3)]
)  # fmt: skip
def test_what_a_calculation_lacks_is_not_zero(field, column):
    whole = data(1)
    (one,) = points.compare(whole, [computed(chosen(whole, 1), **{field: None})])
    lacking = np.arange(4) == column
    np.testing.assert_array_equal(np.isnan(one.computed), lacking)
    np.testing.assert_array_equal(np.isnan(one.difference), lacking)


def test_free_sites_and_unknown_labels_are_left_out_of_the_largest():
    whole = data(1)
    found, magnetic = chosen(whole, 1), whole.magnetic_force_eV_muB.copy()
    largest = np.argmax(np.abs(magnetic))
    magnetic[largest] = np.nan
    (one,) = points.compare(whole, [computed(found, magnetic_forces_eV_muB=magnetic)])
    assert one.label[3] == whole.magnetic_force_eV_muB[largest]
    assert abs(one.computed[3]) == np.nanmax(np.abs(magnetic)) and one.difference[3] == 0.0
    unknown = dataclasses.replace(whole, magnetic_force_eV_muB=np.full(4, np.nan))
    (one,) = points.compare(unknown, [computed(found)])
    assert np.isnan([one.label[3], one.difference[3]]).all() and np.isfinite(one.computed).all()


def test_a_calculation_of_something_else_is_refused_by_name():
    other = computed(chosen(named(["B+h7"]), 1))
    with pytest.raises(ConfigurationError, match=r"B\+h7: found no label"):
        points.compare(data(3), [other])
