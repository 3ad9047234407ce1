"""Prototypes by element substitution from the shipped snapshot."""

import collections

import numpy as np
import pytest
from crystals import PROVENANCE, bcc_iron, ca_cu5
from pymatgen.core import Lattice, Structure

from lodestone.artifacts.structure_set import StructureSet
from lodestone.structures import checks, duplicates, snapshot, substitution, volume
from lodestone.structures.distances import DistanceRule
from lodestone.structures.substitution import Substitution


@pytest.fixture(scope="module")
def known():
    return snapshot.read(snapshot.SNAPSHOT, PROVENANCE)


@pytest.fixture(scope="module")
def made(known):
    return substitution.prototypes(known, Substitution())


def test_every_binary_of_the_snapshot_with_the_ratio_is_decorated(known, made):
    counts = [np.unique(known.atomic_number[known.sites(i)], return_counts=True)[1] for i in range(len(known))]
    fitting = [c for c in counts if len(c) == 2 and c.max() >= 5 * c.min()]
    assert made.binaries == made.decorated == len(fitting) == 487
    assert made.too_close + made.too_large + made.duplicates + len(made.entries) == made.decorated


def test_prototypes_are_rich_in_iron_apart_and_different(made):
    structures = [entry.structure for entry in made.entries]
    for structure in structures:
        composition = structure.composition
        assert composition["Fe"] >= 5 * composition["Nd"] > 0
        assert composition["Fe"] + composition["Nd"] == len(structure)
        assert checks.refusals(structure) == []
    assert len(duplicates.groups(structures)) == len(structures) == 75
    assert len({entry.name for entry in made.entries}) == len(structures)


def test_known_phases_are_among_them_and_come_from_their_own_crystal(made):
    sources = {entry.structure.composition.reduced_formula: [] for entry in made.entries}
    for entry in made.entries:
        sources[entry.structure.composition.reduced_formula].append(entry.source)
    for formula, name in (("NdFe5", "mp-11382"), ("Nd2Fe17", "mp-1510"), ("Nd3Fe29", "mp-13494")):
        assert any(source.startswith(f"{name} ({formula})") for source in sources[formula])
    assert {"NdFe12", "NdFe13", "NdFe15"} <= set(sources)
    assert "with Nd for Nd and Fe for Fe; 85 more are like it" in made.entries[0].source


def test_without_leaving_out_the_crowded_there_are_as_many_as_in_the_paper(known):
    # The paper has 104 structures, from the Materials Project of its day.
    everything = Substitution(distances=DistanceRule(0.0))
    assert abs(len(substitution.prototypes(known, everything).entries) - 104) <= 5


def test_volumes_are_those_of_neodymium_and_iron(known, made):
    volumes_A3 = volume.atomic_volumes_A3(known, ["Nd", "Fe"])
    # bcc iron 11.4 and dhcp neodymium 34 by DFT; in compounds iron takes a little less.
    assert 10.5 < volumes_A3["Fe"] < 12
    assert 30 < volumes_A3["Nd"] < 38
    for entry in substitution.compounds(known, "Nd", "Fe"):
        composition = entry.structure.composition
        rich = composition["Fe"] >= 5 * composition["Nd"]
        # The Laves phase NdFe2 is the densest packing of the two and 13 % off.
        error = volume.volume_A3(entry.structure, volumes_A3) / entry.structure.volume - 1
        assert abs(error) < (0.03 if rich else 0.15), entry.name
    ratios = [entry.structure.volume / volume.volume_A3(entry.structure, volumes_A3) for entry in made.entries]
    assert min(ratios) == pytest.approx(1)
    assert max(ratios) <= 1.5


def test_swapped_decoration_is_the_negative(known):
    both = substitution.decorated(
        known, known.names().index("mp-1510"), Substitution(decorations=("direct", "swapped"))
    )
    assert [entry.structure.composition.reduced_formula for entry in both] == ["Nd2Fe17", "Nd17Fe2"]
    assert both[0].structure.lattice == both[1].structure.lattice
    assert "Fe for Nd and Nd for Fe" in both[1].source


def small_set():
    hydride = Structure(Lattice.cubic(3), ["Sm"] + ["H"] * 5, np.linspace(0, 0.9, 6)[:, None] * np.ones(3))
    crystals = {"fe": bcc_iron(), "sm": bcc_iron(), "smco5": ca_cu5("Sm", "Co"), "smfe5": ca_cu5("Sm"), "h": hydride}
    crystals["sm"].replace_species({"Fe": "Sm"})
    crystals["sm"].scale_lattice(66)
    return StructureSet.from_structures(crystals.values(), list(crystals), PROVENANCE)


def test_the_crystal_of_the_same_elements_is_preferred_and_the_crowded_left_out():
    made = substitution.prototypes(small_set(), Substitution("Sm", "Fe", max_volume_ratio=1))
    assert [entry.name for entry in made.entries] == ["SmFe5-smfe5"]
    assert (made.decorated, made.too_close, made.duplicates) == (3, 1, 1)
    assert [entry.name for entry in substitution.compounds(small_set(), "Fe", "Sm")] == ["smfe5"]


def test_large_cells_and_low_ratios_are_left_out():
    made = substitution.prototypes(small_set(), Substitution("Sm", "Fe", max_sites=5))
    assert (made.too_large, made.entries) == (3, [])
    assert substitution.binaries(small_set(), 5.5) == []


def test_crowded_crystals_are_stretched_as_far_as_needed():
    rule = DistanceRule(minimum_A={("Fe", "Fe"): 3.0})
    made = substitution.prototypes(small_set(), Substitution("Sm", "Fe", distances=rule, max_volume_ratio=3))
    crystal = made.entries[0].structure
    close = crystal.get_neighbor_list(3.2, exclude_self=True)
    iron = [
        d for i, j, _, d in zip(*close, strict=True) if crystal[i].specie.symbol == crystal[j].specie.symbol == "Fe"
    ]
    assert min(iron) == pytest.approx(3.0, rel=1e-6)


def test_volumes_need_crystals_of_the_elements():
    with pytest.raises(ValueError, match="volume of Nd: found no crystal of Nd-Fe with it"):
        volume.atomic_volumes_A3(small_set(), ["Nd", "Fe"])


def test_the_snapshot_is_what_its_sources_say(known):
    kinds = collections.Counter(len(np.unique(known.atomic_number[known.sites(i)])) for i in range(len(known)))
    assert len(known) == 3085
    assert kinds[1] == 457
    assert snapshot.SNAPSHOT.stat().st_size < 3e6
    rare_earths = {21, 39, *range(57, 72)}
    compounds = [set(known.atomic_number[known.sites(i)].tolist()) for i in range(len(known))]
    assert sum(bool(z & rare_earths) and bool(z & {26, 27}) for z in compounds) == 2208
    assert "3,085" in (snapshot.SNAPSHOT.parent / "SOURCES.md").read_text()
