"""Symmetry, cells and duplicates of crystals do not depend on how they are written down."""

import numpy as np
import pytest
from crystals import DATA, SLOW_MACHINE, bcc_iron, ca_cu5, disguised
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from lodestone.structures import cells, duplicates
from lodestone.structures.readers import read_file

SEEDS = st.integers(0, 2**32 - 1)


def real(name):
    return next(read_file(DATA / f"{name}.cif")).structure


@pytest.mark.parametrize(
    ("name", "number", "sites"),
    [("Nd2Fe14B_mp-5182", 136, 68), ("Nd2Fe17_mp-1510", 166, 19), ("NdFe5_mp-11382", 191, 6)],
)
def test_space_groups_of_real_crystals(name, number, sites):
    crystal = real(name)
    assert cells.symmetry(crystal, 0.1).number == number
    assert len(cells.cell(crystal, "primitive", 0.1)) == sites


def test_nd2fe14b_has_the_nine_sites_of_its_structure():
    found = cells.symmetry(real("Nd2Fe14B_mp-5182"), 0.1)
    assert len(set(found.equivalent.tolist())) == 9
    # Nd on 4f and 4g, B on 4f or 4g, Fe on 4c, 4e, 8j, 8j, 16k, 16k, in the standard setting.
    assert sorted(set(found.wyckoff)) == ["c", "e", "f", "g", "j", "k"]


def test_cells_of_bcc_iron():
    primitive, conventional = cells.cell(bcc_iron(), "primitive"), cells.cell(bcc_iron(), "conventional")
    assert len(primitive) == 1
    assert primitive.volume == pytest.approx(2.87**3 / 2)
    assert len(cells.cell(primitive, "conventional")) == len(conventional) == 2
    assert conventional.lattice.abc == pytest.approx([2.87] * 3)
    given = bcc_iron()
    assert cells.cell(given, "as_given") is given


def test_moments_are_kept_and_tell_atoms_apart():
    ferromagnet = cells.cell(bcc_iron([2.2, 2.2]), "primitive")
    assert ferromagnet.site_properties["magmom"] == [2.2]
    antiferromagnet = cells.cell(bcc_iron([2.2, -2.2]), "primitive")
    assert sorted(antiferromagnet.site_properties["magmom"]) == [-2.2, 2.2]
    assert cells.symmetry(bcc_iron([2.2, -2.2])).number == 221  # as CsCl
    assert "magmom" not in cells.cell(bcc_iron(), "primitive").site_properties


def test_another_kind_of_cell_and_a_crystal_without_symmetry_are_refused():
    with pytest.raises(ValueError, match="found 'cubic', allowed: as_given, primitive, conventional"):
        cells.cell(bcc_iron(), "cubic")
    on_top = Structure(Lattice.cubic(3), ["Fe", "Fe"], [[0, 0, 0], [0, 0, 0]])
    for call in (cells.symmetry, lambda crystal: cells.cell(crystal, "primitive")):
        with pytest.raises(ValueError, match="Fe2: found no symmetry within 0.01"):
            call(on_top)


@settings(max_examples=25, deadline=None, suppress_health_check=SLOW_MACHINE)
@given(SEEDS)
def test_a_crystal_keeps_its_symmetry_and_atoms_in_every_cell(seed):
    crystal = ca_cu5()
    crystal.add_site_property("magmom", [-0.3] + [2.5] * 5)
    other = disguised(crystal, np.random.default_rng(seed))
    assert cells.symmetry(other).number == 191
    for kind in ("primitive", "conventional"):
        found = cells.cell(other, kind)
        assert duplicates.same(found, crystal)
        assert found.volume == pytest.approx(crystal.volume)
        assert np.linalg.det(found.lattice.matrix) > 0
        assert sorted(found.site_properties["magmom"]) == [-0.3] + [2.5] * 5
        assert all((site.specie.symbol == "Nd") == (site.properties["magmom"] < 0) for site in found)


@settings(max_examples=10, deadline=None, suppress_health_check=SLOW_MACHINE)
@given(SEEDS)
def test_duplicates_are_found_in_disguise(seed):
    rng = np.random.default_rng(seed)
    crystals = [ca_cu5(), bcc_iron(), ca_cu5("Sm", "Co"), disguised(ca_cu5(), rng), disguised(bcc_iron(), rng)]
    crystals.append(cells.cell(bcc_iron(), "primitive"))
    crystals.append(ca_cu5().scale_lattice(120))
    assert duplicates.groups(crystals) == [[0, 3, 6], [1, 4, 5], [2]]
    assert duplicates.groups(crystals, duplicates.Tolerance(scale=False, length=0.02)) == [[0, 3], [1, 4, 5], [2], [6]]


def test_grouping_agrees_with_the_matcher_without_buckets():
    from pymatgen.analysis.structure_matcher import StructureMatcher

    rng = np.random.default_rng(2)
    crystals = [ca_cu5(), ca_cu5(a=5.0), bcc_iron(), ca_cu5(c=6.5), disguised(ca_cu5(), rng), ca_cu5("Nd", "Co")]
    crystals += [real("Nd2Fe17_mp-1510"), disguised(real("Nd2Fe17_mp-1510"), rng)]
    plain = StructureMatcher().group_structures(crystals)
    ours = [[crystals[i] for i in members] for members in duplicates.groups(crystals)]
    assert sorted(map(len, ours)) == sorted(map(len, plain)) == [1, 1, 1, 2, 3]
    assert duplicates.groups([]) == []
