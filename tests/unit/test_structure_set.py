"""Structure sets: what goes in comes out, quickly, and what makes no sense is refused."""

import time

import numpy as np
import pytest
from crystals import PROVENANCE, SLOW_MACHINE, bcc_iron, ca_cu5
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from lodestone.artifacts.base import ArtifactError
from lodestone.artifacts.ragged import pack_texts, unpack_text, unpack_texts
from lodestone.artifacts.structure_set import StructureSet


def test_structures_come_back_as_they_went_in(tmp_path):
    given = [ca_cu5(), bcc_iron([2.2, -2.2]), bcc_iron()]
    names, sources = ["NdFe5", "Fe-afm", "Fe"], ["a file", "größer", ""]
    StructureSet.from_structures(given, names, PROVENANCE, sources).write(tmp_path / "set.h5")
    found = StructureSet.read(tmp_path / "set.h5")
    assert list(found.structures()) == given
    assert (found.names(), found.sources()) == (names, sources)
    assert [found.formula(i) for i in range(3)] == ["NdFe5", "Fe", "Fe"]
    assert found.site_counts().tolist() == [6, 2, 2]
    assert found.volumes_A3() == pytest.approx([crystal.volume for crystal in given], rel=1e-12)
    assert found.structure(1).site_properties["magmom"] == [2.2, -2.2]
    assert "magmom" not in found.structure(2).site_properties


def test_parts_joined_are_the_whole(tmp_path):
    whole = StructureSet.from_structures([ca_cu5(), bcc_iron([1, 2]), bcc_iron()], "abc", PROVENANCE, ["x", "", "yz"])
    joined = StructureSet.concatenate([whole.part(0, 1), whole.part(1, 3)], PROVENANCE)
    for name in StructureSet.specs():
        assert np.array_equal(getattr(joined, name), getattr(whole, name)), name
    whole.write(tmp_path / "set.h5")
    assert [part.names() for part in StructureSet.stream(tmp_path / "set.h5", 2)] == [["a", "b"], ["c"]]


def test_an_empty_set_can_be_written(tmp_path):
    StructureSet.from_structures([], [], PROVENANCE).write(tmp_path / "set.h5")
    assert len(StructureSet.read(tmp_path / "set.h5")) == 0


elements = st.integers(1, 103)
coordinates = st.floats(-2, 2, allow_nan=False)
sites = st.lists(st.tuples(elements, st.tuples(coordinates, coordinates, coordinates)), min_size=1, max_size=6)
names = st.text("abcXYZ019._+-", max_size=8).map(lambda text: "n" + text)
crystals = st.lists(st.tuples(names, st.floats(2, 9), sites, st.booleans()), max_size=6, unique_by=lambda c: c[0])


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW_MACHINE)
@given(crystals)
def test_any_set_comes_back_to_the_last_bit(tmp_path_factory, drawn):
    structures = [
        Structure(
            Lattice.orthorhombic(edge, edge + 1, edge + 2),
            [z for z, _ in sites],
            [position for _, position in sites],
            site_properties={"magmom": [float(z) for z, _ in sites]} if moments else None,
        )
        for _, edge, sites, moments in drawn
    ]
    path = tmp_path_factory.mktemp("sets") / "set.h5"
    StructureSet.from_structures(structures, [name for name, *_ in drawn], PROVENANCE).write(path)
    found = StructureSet.read(path)
    assert found.names() == [name for name, *_ in drawn]
    for before, after in zip(structures, found.structures(), strict=True):
        assert np.array_equal(before.frac_coords, after.frac_coords)
        assert np.array_equal(before.lattice.matrix, after.lattice.matrix)
        assert before.atomic_numbers == after.atomic_numbers
        assert before.site_properties == after.site_properties


def test_a_hundred_thousand_crystals_take_seconds(tmp_path):
    rng = np.random.default_rng(5)
    count = 100_000
    sites = rng.integers(1, 30, count)
    ends = np.cumsum(sites)
    numbers, positions = rng.integers(1, 90, ends[-1]), rng.random((ends[-1], 3))
    began = time.process_time()
    crystals = StructureSet.from_arrays(
        lattices=np.eye(3) * rng.uniform(5, 9, (count, 1, 1)),
        atomic_numbers=np.split(numbers, ends[:-1]),
        fractional=np.split(positions, ends[:-1]),
        moments=[None] * count,
        names=[f"crystal-{i}" for i in range(count)],
        sources=[f"number {i}" for i in range(count)],
        provenance=PROVENANCE,
    )
    crystals.write(tmp_path / "set.h5")
    found = StructureSet.read(tmp_path / "set.h5")
    # About 2 s of one core; the limit leaves room for slower ones.
    assert time.process_time() - began < 20
    assert found.structure(count - 1).atomic_numbers == tuple(numbers[ends[-2] :])
    assert np.array_equal(found.fractional, positions)


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (["a", "a"], "more than once"),
        (["a", "b/c"], "'b/c'"),
        (["a", "../up"], "a letter or digit"),
        (["a", ""], "name_offset"),
        (["a"], "shape"),
    ],
)
def test_names_must_fit_for_folders(names, complaint):
    with pytest.raises(ArtifactError, match=complaint):
        StructureSet.from_structures([bcc_iron(), ca_cu5()], names, PROVENANCE, ["", ""])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"atomic_number": [26, 0]}, "atomic_number"),
        ({"atomic_number": [26, 119]}, "0 to 118|1 to 118"),
        ({"site_offset": [0, 0, 2]}, "site_offset"),
        ({"site_offset": [0, 1, 3]}, "site_offset"),
        ({"lattice_A": np.zeros((2, 3, 3))}, "lattice_A"),
        ({"has_moment": [0, 2]}, "has_moment"),
        ({"fractional": np.full((2, 3), np.nan)}, "fractional"),
        ({"name_utf8": [255, 98]}, "name_utf8"),
    ],
)
def test_fields_must_make_sense(change, complaint):
    atom = Structure(Lattice.cubic(3), ["Fe"], [[0, 0, 0]])
    good = StructureSet.from_structures([atom, atom], "ab", PROVENANCE)
    values = {name: getattr(good, name) for name in StructureSet.specs()}
    with pytest.raises(ArtifactError, match=complaint):
        StructureSet(**{**values, **change}, provenance=PROVENANCE)


@settings(max_examples=60, deadline=None, suppress_health_check=SLOW_MACHINE)
@given(st.lists(st.text(max_size=5)))
def test_texts_come_back(texts):
    packed = pack_texts(texts)
    assert unpack_texts(*packed) == texts
    assert [unpack_text(*packed, i) for i in range(len(texts))] == texts
