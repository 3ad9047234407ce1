"""Crystals to learn from: prototypes, copies, published labels; what is refused and what never straddles a split."""

import gzip
import json
import logging

import numpy as np
import pytest

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.labelled_set import LabelledSet
from lodestone.structures import labelled, likeness, perturbation, snapshot, training_sets
from lodestone.structures.distances import DistanceRule
from lodestone.structures.errors import StructureError

LOG = logging.getLogger("test")
ORIGIN = Provenance.of("a test", 1, {})
PAIR = {"minority": "Nd", "majority": "Fe", "max_minority_fraction": 0.34}
RARE_EARTHS = "La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu"
COPIES = {"rattle_A": 0.08, "strain": 0.03}


def streams(number):
    return np.random.default_rng([5, number])


@pytest.fixture(scope="module")
def prototypes():
    settings = {**PAIR, **COPIES, "structures": 10, "max_sites": 12, "min_ratio": 5.0, "copies": 2}
    return training_sets.prototypes(settings, snapshot.SNAPSHOT, streams, ORIGIN, LOG)


def test_copies_follow_their_crystal_and_keep_its_atoms(prototypes):
    names = prototypes.names()
    assert len(names) == 30
    for k in range(0, 30, 3):
        own = prototypes.atomic_number[prototypes.sites(k)]
        for copy in (1, 2):
            assert names[k + copy] == f"{names[k]}+{copy}"
            assert perturbation.parent_name(names[k + copy]) == names[k]
            assert np.array_equal(prototypes.atomic_number[prototypes.sites(k + copy)], own)
            assert not np.allclose(prototypes.lattice_A[k + copy], prototypes.lattice_A[k])


def test_known_compounds_beyond_what_the_models_are_asked_are_left_out():
    settings = {**PAIR, **COPIES, "structures": 0, "max_sites": 12, "min_ratio": 5.0, "copies": 0}
    shares = {}
    for limit in (0.34, 0.9):
        made = training_sets.prototypes(
            settings | {"max_minority_fraction": limit}, snapshot.SNAPSHOT, streams, ORIGIN, LOG
        )
        shares[limit] = [np.mean(made.atomic_number[made.sites(k)] == 60) for k in range(len(made))]
    # NdFe2 stays; the snapshot's Nd2Fe and Nd4Fe are beyond.
    assert max(shares[0.34]) == pytest.approx(1 / 3) and sorted(shares[0.9])[-2:] == pytest.approx([2 / 3, 0.8])
    assert sorted(shares[0.9])[:-2] == pytest.approx(sorted(shares[0.34]))


def test_no_atoms_of_a_copy_are_too_close(prototypes):
    rule = DistanceRule(0.6, {})
    for k in range(len(prototypes)):
        rows = prototypes.sites(k)
        broken = rule.broken(prototypes.lattice_A[k], prototypes.fractional[rows], prototypes.atomic_number[rows])
        assert not broken, prototypes.name(k)


def test_a_copy_depends_on_its_crystal_alone(prototypes):
    settings = {**PAIR, **COPIES, "structures": 4, "max_sites": 12, "min_ratio": 5.0, "copies": 2}
    fewer = training_sets.prototypes(settings, snapshot.SNAPSHOT, streams, ORIGIN, LOG)
    assert fewer.names() == prototypes.names()[:12]
    assert np.array_equal(fewer.lattice_A, prototypes.lattice_A[:12])
    assert np.array_equal(fewer.fractional, prototypes.fractional[: len(fewer.fractional)])


def test_crystals_for_the_force_field_are_no_compounds_of_the_two_elements():
    settings = {**PAIR, **COPIES, **{f"force_field_{k}": v for k, v in (("structures", 30), ("max_sites", 8))}}
    made = training_sets.others(settings | {"force_field_copies": 0}, snapshot.SNAPSHOT, streams, ORIGIN, LOG)
    compounds = [set(made.atomic_number[made.sites(k)].tolist()) for k in range(len(made))]
    assert {26} in compounds and {60} in compounds
    assert {26, 60} not in compounds
    assert sum(len(c) == 2 and bool(c & {26, 60}) for c in compounds) > sum(len(c) == 2 for c in compounds) / 2


def test_published_labels_hold_no_compound_of_the_two_elements():
    path = labelled_file()
    chosen = labelled.select(
        path, count=0, max_sites=20, metals_only=False, excluded_system=["Nd", "Fe"], rng=np.random.default_rng(1)
    )
    elements = [frozenset(record["species"]) for record in chosen]
    assert len(chosen) > 37_000
    assert frozenset({"Nd", "Fe"}) not in elements
    assert {frozenset({"Nd"}), frozenset({"Fe"})} <= set(elements)
    packed = labelled.pack(chosen[:300], ORIGIN)
    assert packed.has_formation_energy.all() and packed.has_moment_label.all() and not packed.has_forces.any()
    iron = next(r for r in chosen if r["id"] == "mp-13")
    volume_A3 = 2.8630355**3 / 2  # of bcc Fe in the published table, with its 0.2254071 mu_B per cubic angstrom
    assert iron["moment_muB_per_atom"] == pytest.approx(0.2254071 * volume_A3, abs=1e-3)


def test_crystals_of_elements_like_the_two_come_first():
    chosen = labelled.select(
        labelled_file(), count=1500, max_sites=12, metals_only=True, excluded_system=["Nd", "Fe"],
        rng=np.random.default_rng(1), alike_first=True,
    )  # fmt: skip
    ranks = likeness.ranks([record["species"] for record in chosen], "Nd", "Fe")
    assert ranks == sorted(ranks) and 0 in ranks and 1 in ranks
    alike = {"Sc", "Y", "Cr", "Mn", "Fe", "Co", "Ni", *RARE_EARTHS.split()}
    for record, rank in zip(chosen, ranks, strict=True):
        assert (rank == 0) == (set(record["species"]) <= alike)
    assert {"Nd", "Fe"} not in [set(record["species"]) for record in chosen]


@pytest.mark.parametrize(
    ("symbol", "some", "others"),
    [("Pt", {"Ir", "Au", "Os"}, {"Fe", "Pd"}), ("Al", {"Ga", "B", "In"}, {"Si"}), ("Sm", {"Y", "Lu"}, {"Fe"})],
)
def test_elements_stand_in_for_their_neighbours(symbol, some, others):
    found = likeness.alike(symbol)
    assert symbol in found and not others & found
    assert some <= found


def labelled_file():
    return snapshot.SNAPSHOT.parents[1] / "labelled" / "maggen.jsonl.gz"


def test_equal_formulas_are_one_group():
    records = [
        {"id": f"c{k}", "lattice": (np.eye(3) * 4).tolist(), "species": species, "frac_coords": positions}
        | {"formation_energy_eV_per_atom": 0.0, "moment_muB_per_atom": 1.0}
        for k, (species, positions) in enumerate(
            [
                (["Fe", "Co"], [[0, 0, 0], [0.5, 0.5, 0.5]]),
                (["Co", "Fe", "Co", "Fe"], [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]),
                (["Fe"], [[0, 0, 0]]),
            ]
        )
    ]
    assert labelled.pack(records, ORIGIN).group.tolist() == [0, 0, 1]


@pytest.mark.parametrize("change, reason", [({"moment_muB_per_atom": None}, "moment"), ({"lattice": None}, "lattice")])
def test_damaged_labels_are_refused_by_file_and_record(tmp_path, change, reason):
    record = {"id": "a", "lattice": (np.eye(3) * 4).tolist(), "species": ["Fe"], "frac_coords": [[0, 0, 0]]}
    record |= {"formation_energy_eV_per_atom": 0.0, "moment_muB_per_atom": 1.0}
    record = {key: value for key, value in {**record, **change}.items() if value is not None}
    path = tmp_path / "labels.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(record).encode()))
    with pytest.raises(StructureError, match=f"labels.jsonl.gz.* 1.*{reason}"):
        list(labelled.records(path))


def test_labelled_sets_survive_the_disk(tmp_path):
    forces = [np.array([[0.1, 0, 0], [-0.1, 0, 0]]), None]
    made = LabelledSet.of(
        lattices=[np.eye(3) * 3, np.eye(3) * 4],
        atomic_numbers=[[26, 60], [26]],
        fractional=[[[0, 0, 0], [0.5, 0.5, 0.5]], [[0, 0, 0]]],
        names=["a", "b"],
        columns={"energy_eV": [-3.0, None]},
        labels_from="a test",
        provenance=ORIGIN,
        forces=forces,
        stresses=[np.eye(3), None],
        groups=["x", "y"],
    )
    made.write(tmp_path / "labels.h5")
    read = LabelledSet.read(tmp_path / "labels.h5")
    assert read.has_energy.tolist() == [1, 0] and read.has_forces.tolist() == [1, 0]
    assert np.array_equal(read.force_eV_A, [[0.1, 0, 0], [-0.1, 0, 0], [0, 0, 0]])
    assert read.group.tolist() == [0, 1] and read.names() == ["a", "b"]
