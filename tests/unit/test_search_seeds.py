"""Seeds: space groups, topologies, the user's files, and what comes when nothing else fits."""

import numpy as np
import pytest
from ase.io import write
from hypothesis import given, settings, strategies
from pymatgen.core import Lattice, Structure
from search_crystals import at, crystal, laves
from search_crystals import settings as search_settings

from lodestone.search import generation, packing, seeds, skeletons, space_groups
from lodestone.search.fingerprint import distances, fingerprint
from lodestone.search.symmetric import space_group
from lodestone.structures.errors import StructureError, StructuresRefused

SEEDS = strategies.integers(0, 10**9)
RANGE = search_settings(min_atoms=4, max_atoms=16, seeds={"random": 1.0, "topology": 1.0})


def counts(one):
    return int((one.numbers == 60).sum()), int((one.numbers == 26).sum())


@settings(max_examples=60, deadline=None)
@given(SEEDS, strategies.booleans())
def test_seeds_obey_all_rules(seed, by_topology):
    rng = np.random.default_rng(seed)
    wanted = RANGE.compositions.draw(rng)
    made = seeds.draw(rng, RANGE, wanted, by_topology)
    assert counts(made) == wanted
    assert not RANGE.distances.broken(made.lattice_A, made.fractional, made.numbers)


def test_tables_of_space_groups_give_crystals_of_these_groups():
    """Atoms on general positions have exactly the symmetry of the group."""
    rng = np.random.default_rng(0)
    for number in (2, 12, 15, 38, 62, 99, 139, 141, 148, 166, 187, 194, 216, 221, 227, 230):
        group = space_groups.space_group(number)
        chosen = [(0, group.orbits[0]), (1, group.orbits[0]), (1, group.orbits[0])]
        made = space_groups._placed(rng, group, chosen, 3000.0, RANGE)
        assert len(made) == 3 * len(group.orbits[0]) / group.points
        assert made.volume_A3 == pytest.approx(3000.0)
        assert space_group(made.lattice_A, made.fractional, made.numbers, 1e-5) == number


def test_random_seeds_are_symmetric_and_of_many_groups():
    rng, one = np.random.default_rng(1), at(2, 8)
    made = [seeds.draw(rng, one, (2, 8)) for _ in range(60)]
    groups = [space_group(c.lattice_A, c.fractional, c.numbers, 1e-3) for c in made]
    assert len(set(groups)) > 20 and np.mean(np.array(groups) > 15) > 0.7


def test_topologies_leave_excluded_systems_out():
    every, without = skeletons.library(exclude=()), skeletons.library(exclude=("Nd-Fe",))
    gone = {
        sites: len(every[sites]) - len(without[sites]) for sites in every if len(every[sites]) > len(without[sites])
    }
    assert sum(gone.values()) == 17 and gone[19] == 1 and gone[6] == 4
    rng, one = np.random.default_rng(0), at(1, 15)
    assert all(len(skeletons.draw(rng, (1, 15), one)) == 16 for _ in range(20))


def test_there_is_always_a_seed():
    """Even where atoms are far larger than the volume that they are said to have."""
    tight = at(2, 4, volumes_A3={"Nd": 2.0, "Fe": 2.0})
    for k in range(5):
        made = seeds.draw(np.random.default_rng(k), tight, (2, 4), by_topology=bool(k % 2))
        assert counts(made) == (2, 4)
        assert not tight.distances.broken(made.lattice_A, made.fractional, made.numbers)


def test_packing_settles_and_keeps_the_symmetry():
    one = at(2, 4)
    for k in range(10):
        start = seeds.draw(np.random.default_rng(k), one, (2, 4))
        packed, energy = packing.settled(start, one)
        assert energy < packing.settled(start, one, steps=1)[1] + 1e-9
        before = space_group(start.lattice_A, start.fractional, start.numbers, 1e-4)
        # More symmetry may come of itself, none is lost.
        after = space_group(packed.lattice_A, packed.fractional, packed.numbers, 1e-3)
        assert after >= before or before <= 2
    # The Laves phase is what atoms of these sizes pack into best.
    tried = [packing.settled(seeds.draw(np.random.default_rng(k), one, (2, 4)), one) for k in range(120)]
    best, energy = min(tried, key=lambda pair: pair[1])
    assert energy == pytest.approx(packing.settled(laves(), one)[1], abs=0.01)
    assert space_group(best.lattice_A, best.fractional, best.numbers, 0.05) == 227
    close = search_settings(min_atoms=1, max_atoms=1, min_minority_fraction=0, max_minority_fraction=0)
    assert packing.settled(seeds.draw(np.random.default_rng(0), close, (0, 1)), close)[1] == pytest.approx(0, abs=0.06)
    rattled = crystal(np.random.default_rng(0), 2, 4)
    assert np.isfinite(packing.settled(rattled, one)[1])


def structure(one):
    return Structure(Lattice(one.lattice_A), one.numbers.tolist(), one.fractional)


def test_user_seeds_come_first_and_all_of_them(tmp_path):
    structure(laves()).to(str(tmp_path / "laves.cif"))
    own = at(2, 4, population=4)
    made = generation.first_generation(own, 3, [tmp_path / "laves.cif"])
    assert [c.operator for c in made] == ["file", "random", "random", "random"]
    kinds = own.kinds(made[0].crystal.numbers)
    assert distances(fingerprint(made[0].crystal, kinds), fingerprint(laves(), own.kinds(laves().numbers)))[0, 0] < 1e-6
    many = generation.first_generation(at(2, 4, population=1), 3, [tmp_path / "laves.cif"] * 1)
    assert len(many) == 1


def test_user_seeds_are_refused_by_file_and_reason(tmp_path):
    one = laves()
    structure(one).to(str(tmp_path / "good.cif"))
    foreign = structure(one)
    foreign.replace_species({"Fe": "Co"})
    foreign.to(str(tmp_path / "foreign.cif"))
    structure(one).make_supercell([2, 1, 1]).to(str(tmp_path / "large.cif"))
    near = structure(one)
    near.translate_sites([2], [0.02, 0.0, 0.0])
    near[3] = ("Fe", near[2].frac_coords + np.array([0.1, 0.0, 0.0]))
    write(tmp_path / "near.xyz", near.to_ase_atoms(), format="extxyz")
    own = at(2, 4)
    with pytest.raises(StructuresRefused) as refused:
        seeds.read_user_seeds([tmp_path / "good.cif", tmp_path / "foreign.cif", tmp_path / "large.cif"], own)
    text = str(refused.value)
    assert "foreign.cif: elements Co, allowed: Nd and Fe" in text
    assert "large.cif: 4 Nd and 8 Fe atoms, allowed: 6 to 6 atoms with a share of Nd of 0.333333 to 0.333333" in text
    with pytest.raises(StructureError, match=r"near\.xyz.*overlapping atoms: Fe-Fe"):
        seeds.read_user_seeds([tmp_path / "near.xyz"], own)
