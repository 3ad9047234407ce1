"""Settings of the search: what cannot be searched is refused by the name of its key."""

import numpy as np
import pytest

from lodestone.search.compositions import Compositions, formula_of
from lodestone.search.settings import SearchSettings


def test_defaults_are_those_of_neodymium_and_iron():
    found = SearchSettings.of({})
    assert found.numbers.tolist() == [60, 26]
    assert found.allowed_A == pytest.approx(np.array([[2.412, 1.998], [1.998, 1.584]]))
    assert found.volumes_A3 == pytest.approx((34.2, 11.8), abs=0.1)
    assert found.kinds(np.array([26, 60])).tolist() == [1, 0]


def test_pairs_and_volumes_of_the_config_win():
    listed = SearchSettings.of({"min_distances": [{"pair": "Nd-Fe", "distance_A": 2.5}], "volumes_A3": {"Nd": 30.0}})
    named = SearchSettings.of({"min_distances": {"Fe-Nd": 2.5}})
    assert listed.allowed_A[0, 1] == named.allowed_A[1, 0] == 2.5
    assert listed.volumes_A3[0] == 30.0


REFUSED = [
    ({"elements": ["Nd"]}, "elements: found .*two different elements"),
    ({"elements": ["Nd", "Nd"]}, "elements: found"),
    ({"elements": ["Nd", "Xx"]}, "elements: found"),
    ({"min_atoms": 10, "max_atoms": 6}, "max_atoms: found 6, allowed: min_atoms"),
    ({"min_atoms": 0}, "min_atoms: found 0, allowed: a whole number, 1 or more"),
    ({"max_atoms": 6.5}, "max_atoms: found 6.5"),
    (
        {"min_atoms": 6, "max_atoms": 8, "min_minority_fraction": 0.01, "max_minority_fraction": 0.1},
        "max_minority_fraction: found 0.01 to 0.1, in which no cell of 6 to 8 atoms lies, allowed: .* 0 or 0.125 in it",
    ),
    ({"min_minority_fraction": 0.5, "max_minority_fraction": 0.2}, "max_minority_fraction: found 0.2"),
    ({"min_minority_fraction": float("nan")}, "min_minority_fraction: found nan"),
    ({"population": 0}, "population: found 0"),
    ({"seeds": {"random": 0, "topology": 0}}, "seeds: found"),
    ({"seeds": {"random": -1}}, "seeds.random: found -1"),
    ({"operators": {"hereditary": 1}}, "operators: found 'hereditary', allowed: heredity, permutation"),
    ({"operators": {"heredity": 0}}, "operators: found"),
    ({"objectives": []}, "objectives: found"),
    ({"objectives": ["beauty"]}, "objectives: found .*formation_energy"),
    ({"objectives": ["above_hull", "above_hull"]}, "each once"),
    ({"fingerprint_tolerance": 2}, "fingerprint_tolerance: found 2"),
    ({"min_distances": {"Nd-B": 2.0}}, "min_distances: found 'Nd-B', allowed: pairs of Nd and Fe"),
    ({"min_distances": {"Nd-Fe": 0.0}}, "min_distances.Nd-Fe: found 0"),
    ({"volumes_A3": {"B": 7.0}}, "volumes_A3: found 'B'"),
    ({"relaxation": {"at_once": 0}}, "relaxation.at_once: found 0"),
    ({"relaxation": {"force_tolerance_eV_A": 0}}, "relaxation.force_tolerance_eV_A: found 0"),
]


@pytest.mark.parametrize(("mapping", "message"), REFUSED)
def test_refused_by_key(mapping, message):
    with pytest.raises(ValueError, match=message):
        SearchSettings.of(mapping)


def test_compositions_hold_every_whole_cell_between_the_bounds():
    found = {tuple(row) for row in Compositions(6, 20, 0.05, 0.34).all.tolist()}
    assert {(1, 19), (1, 5), (2, 4), (2, 17), (1, 15)} <= found
    assert found == {(a, n - a) for n in range(6, 21) for a in range(n + 1) if 0.05 <= a / n <= 0.34}
    rng = np.random.default_rng(0)
    assert {Compositions(6, 7, 0.1, 0.34).draw(rng) for _ in range(100)} == {(1, 5), (2, 4), (1, 6), (2, 5)}


def test_nearest_composition_changes_as_few_atoms_as_possible():
    compositions = Compositions(6, 8, 0.1, 0.34)
    assert compositions.nearest(2, 4) == (2, 4)
    assert compositions.nearest(3, 5) == (2, 5)
    assert compositions.nearest(4, 4) == (2, 4)
    assert compositions.nearest(1, 4) == (1, 5)
    assert compositions.nearest(0, 9) == (1, 7)


def test_formula_is_that_of_the_smallest_cell():
    assert formula_of(2, 34) == (1, 17) and formula_of(0, 4) == (0, 1) and formula_of(2, 17) == (2, 17)
