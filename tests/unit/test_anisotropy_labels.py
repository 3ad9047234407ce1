"""Shipped anisotropy constants: what is among them, what is refused and why."""

import numpy as np
import pytest
from test_training_sets import ORIGIN, labelled_file

from lodestone.structures import labelled
from lodestone.structures.make_novamag import LARGEST_MJ_m3, refusal

NOVAMAG = labelled_file().with_name("novamag.jsonl.gz")
# The record of L1_0 MnAl: directions and energies of the cell in eV.
MNAL = {
    "lattice": [[2.754876, 0.0, 0.0], [0.0, 2.754876, 0.0], [0.0, 0.0, 3.472946]],
    "species": ["Al", "Mn"],
    "frac_coords": [[0.0, 0.0, 0.0], [0.5, 0.5, 0.5]],
    "spacegroup": 123,
    "K_MJ_m3": [1.51, 0.0],
    "MAE": [0, 0, 1, -13.27359703, 1, 0, 1, -13.27347226, 1, 0, 0, -13.27334379],
}


@pytest.mark.parametrize(
    "change, reason",
    [
        ({}, ""),
        ({"K_MJ_m3": None}, "without an anisotropy constant"),
        ({"lattice": None}, "without a structure"),
        ({"lattice": (np.eye(3) * 3).tolist()}, "cubic"),
        ({"spacegroup": 221}, "cubic"),
        ({"lattice": np.diag([2.7, 3.1, 3.5]).tolist()}, "not uniaxial"),
        ({"spacegroup": 2}, "not uniaxial"),
        ({"K_MJ_m3": [-(LARGEST_MJ_m3 + 1), 0.0]}, "beyond 20 MJ/m3"),
        ({"K_MJ_m3": [-1.51, 0.0]}, "contradict"),
        ({"MAE": MNAL["MAE"][:-1]}, "contradict"),
    ],
)
def test_records_that_cannot_be_learned_from_are_refused_with_the_reason(change, reason):
    record = {key: value for key, value in {**MNAL, **change}.items() if value is not None}
    found = refusal(record)
    assert found.startswith(reason) or reason in found
    assert bool(found) == bool(reason)


def test_shipped_constants_are_those_of_uniaxial_crystals_without_the_system_that_is_searched():
    chosen = labelled.select(
        NOVAMAG, count=0, max_sites=100, metals_only=False, excluded_system=["Fe", "Pt"],
        rng=np.random.default_rng(1), publication=labelled.ANISOTROPY,
    )  # fmt: skip
    assert len(chosen) == 922 - 22 + 1
    assert {"Fe", "Pt"} not in [set(record["species"]) for record in chosen]
    packed = labelled.pack(chosen, ORIGIN, labelled.ANISOTROPY)
    assert packed.has_anisotropy.all() and not packed.has_formation_energy.any()
    assert np.abs(packed.anisotropy_MJ_m3).max() < LARGEST_MJ_m3
    iron_nickel = next(r for r in chosen if sorted(r["species"]) == ["Fe", "Ni"])
    assert iron_nickel["anisotropy_MJ_m3"] > 0


def test_crystals_of_one_chemical_system_are_one_group():
    chosen = labelled.select(
        NOVAMAG, count=60, max_sites=100, metals_only=False, excluded_system=[], rng=np.random.default_rng(2),
        publication=labelled.ANISOTROPY,
    )  # fmt: skip
    packed = labelled.pack(chosen, ORIGIN, labelled.ANISOTROPY)
    systems = {}
    for record, group in zip(chosen, packed.group.tolist(), strict=True):
        assert systems.setdefault(frozenset(record["species"]), group) == group
    assert len(set(systems.values())) == len(systems)
