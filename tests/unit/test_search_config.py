"""What the section `nd_fe_search` refuses by the path of a key, and which crystals are no seeds of a search."""

from fractions import Fraction

import numpy as np
import pytest
from crystals import ca_cu5
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure
from search_crystals import at, crystal, laves
from search_crystals import settings as search_settings

from lodestone import config
from lodestone.config_rules_electronic import ELEMENTS
from lodestone.config_rules_search import WITHOUT_REFERENCE
from lodestone.dft.elements import known
from lodestone.search import seeds
from lodestone.search.candidate import Crystal
from lodestone.search.settings import OPERATORS, SearchSettings
from lodestone.structures.errors import StructureError, StructuresRefused

# A section that is fine whatever the defaults are.
SEARCH = {"min_atoms": 6, "max_atoms": 8, "min_minority_fraction": 0.1, "max_minority_fraction": 0.34}
SEARCH |= {"population": 10, "elite": 10, "max_generations": 4, "objectives": ["formation_energy", "magnetisation"]}
GOOD = {
    "minority": "Nd",
    "majority": "Fe",
    "search": SEARCH,
    "validation": {"candidates": 3, "references": True, "exchange": 0},
    "learning": {"rounds": 1, "every": 2},
    "interstitials": {"elements": ["N"]},
}
ENERGIES = ("formation_energy", "above_hull")
OTHERS = ("magnetisation", "uncertainty", "anisotropy")


def problems(section=None, **exchange):
    """Problems of the good section with other keys, and of a section on exchange: (path, text) of each."""
    given_config = {"nd_fe_search": config.merge(GOOD, section or {})}
    if exchange:
        given_config["electronic_structure"] = {"exchange": exchange}
    try:
        config.validate(given_config)
    except config.ConfigError as error:
        return list(error.problems)
    return []


def test_the_section_that_the_others_differ_from_is_fine():
    assert problems() == []


NOTHING = dict.fromkeys(OPERATORS, 0.0)
BAD = [
    ({"minority": "Rf"}, "minority", "found Rf, allowed: elements up to Lr"),
    ({"majority": "Xe", "minority": "Xf"}, "minority", "found Xf, allowed: elements up to Lr"),
    ({"minority": "Fe"}, "majority", "found Fe, allowed: another element than minority"),
    (
        {"minority": "C", "majority": "N", "interstitials": {"elements": ["N", "B", "C"]}},
        "interstitials.elements",
        "found C, N, allowed: other elements than those searched",
    ),
    ({"interstitials": {"elements": ["S"]}}, "interstitials.elements[0]", "found the text 'S', allowed: one of H, B"),
    ({"search": {"min_atoms": 9}}, "search.min_atoms", "found 9, allowed: at most 8 (max_atoms)"),
    (
        {"search": {"min_minority_fraction": 0.5}},
        "search.min_minority_fraction",
        "found 0.5, allowed: at most 0.34 (max_minority_fraction)",
    ),
    (
        {"search": {"min_minority_fraction": 0.0, "max_minority_fraction": 0.12}},
        "search.max_minority_fraction",
        "found 0 to 0.12, allowed: a range that a cell of 6 to 8 atoms can have",
    ),
    ({"search": {"min_minority_fraction": 1, "max_minority_fraction": 1}}, "search.max_minority_fraction", "found 1"),
    ({"search": {"seeds": {"random": 0, "topology": 0}}}, "search.seeds", "found weights of 0 only, allowed: one abo"),
    ({"search": {"seeds": {"files": ["my crystal.cif"]}}}, "search.seeds.files[0]", "found the text 'my crystal.cif'"),
    ({"search": {"operators": NOTHING}}, "search.operators", "found weights of 0 only, allowed: one above 0"),
    ({"search": {"elite": 41}}, "search.elite", "found 41, allowed: at most 40 (4 populations)"),
    (
        {"search": {"objectives": ["formation_energy"]}},
        "search.objectives",
        "found ['formation_energy'], allowed:",
    ),
    ({"search": {"calculator": "ase.calculators.lj"}}, "search.calculator", "found the text 'ase.calculators.lj'"),
    ({"search": {"relaxer": "mace"}}, "search.relaxer", "found the text 'mace', allowed: one of force_field, chgnet"),
    (
        {"search": {"relaxer": "calculator", "calculator": ""}},
        "search.calculator",
        "found nothing with relaxer calculator, allowed: text like package.module:Class",
    ),
    ({"search": {"calculator_arguments": "[1]"}}, "search.calculator_arguments", "found the text '[1]', allowed: text"),
    ({"search": {"calculator_arguments": '{"a": 1}, {}'}}, "search.calculator_arguments", "found no JSON (Extra data"),
    (
        {"pretraining": {"cutoff_A": 4, "three_body_cutoff_A": 4.5}},
        "pretraining.three_body_cutoff_A",
        "found 4.5, allowed: at most 4 (cutoff_A)",
    ),
    (
        {"learning": {"rounds": 2}},
        "learning.rounds",
        "found 2 rounds after 2 generations each, allowed: less than 4 generations in all (search.max_generations)",
    ),
]


@pytest.mark.parametrize(("section", "key", "text"), BAD)
def test_the_only_problem_is_named_with_what_was_found_and_what_is_allowed(section, key, text):
    ((path, said),) = problems(section)
    assert path == f"nd_fe_search.{key}" and said.startswith(text) and "allowed: " in said


FINE = [
    {"search": {"seeds": {"random": 0, "topology": 0, "files": ["mine/a.cif"]}}},
    {"search": {"operators": {**NOTHING, "random": 0.1}}},
    {"search": {"elite": 40}},
    {"search": {"relaxer": "calculator", "calculator": "my.package:Calculator"}},
    {"learning": {"rounds": 3, "every": 1}},
    {"learning": {"rounds": 0, "every": 130}},
    {"pretraining": {"cutoff_A": 4, "three_body_cutoff_A": 4}},
    {"minority": "N", "interstitials": {"elements": ["B"]}},
    {"minority": "N", "interstitials": {"elements": []}},
]


@pytest.mark.parametrize("section", FINE)
def test_what_lies_just_within_is_allowed(section):
    assert problems(section) == []


def test_every_problem_is_named_at_once():
    section = {"minority": "Fe", "search": {"min_atoms": 9, "elite": 41}, "learning": {"rounds": 9}}
    assert [path for path, _ in problems(section)] == [
        f"nd_fe_search.{key}" for key in ("majority", "search.min_atoms", "search.elite", "learning.rounds")
    ]


KEY = "nd_fe_search.validation.exchange"
COUPLED = [
    ({"exchange": 4}, {"source": "akaikkr"}, KEY, "found 4, allowed: at most 3 (candidates)"),
    ({"exchange": 1}, {"source": "files"}, KEY, "found 1 with electronic_structure.exchange.source files, allowed: 0"),
    ({"exchange": 2}, {"source": "gpaw"}, KEY, "found 2 with gpaw and Nd, allowed: 0, or akaikkr, which has open 4f"),
    *(
        (
            {"exchange": 2},
            {"source": "akaikkr", "crystals": ["mine", name]},
            "electronic_structure.exchange.crystals",
            f"found {name}, allowed: names other than those of the search",
        )
        for name in ("candidate02", "reference_Fe", "reference_NdFe15")
    ),
]


@pytest.mark.parametrize(("validation", "exchange", "key", "text"), COUPLED)
def test_couplings_that_cannot_be_had_are_refused(validation, exchange, key, text):
    ((path, said),) = problems({"validation": validation}, **exchange)
    assert path == key and said.startswith(text)


def test_names_of_crystals_are_taken_by_the_search_only_where_it_uses_them():
    mine = {"source": "akaikkr", "crystals": ["candidate03", "reference_NdFe15"]}
    assert problems({"validation": {"exchange": 2, "references": False}}, **mine) == []
    assert problems({"validation": {"exchange": 0}}, **{**mine, "crystals": ["candidate01"]}) == []
    assert problems({"minority": "Y", "validation": {"exchange": 1}}, source="gpaw") == []


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([*ENERGIES, *OTHERS]), min_size=2, max_size=5, unique=True))
def test_objectives_hold_exactly_one_energy(objectives):
    wrong = problems({"search": {"objectives": objectives}})
    assert (wrong == []) == (len(set(objectives) & set(ENERGIES)) == 1)
    assert not wrong or (wrong[0][0], wrong[0][1].partition(",")[0]) == (
        "nd_fe_search.search.objectives",
        f"found {objectives[0]}",
    )


shares = st.tuples(st.integers(0, 30), st.integers(1, 30)).map(lambda t: float(Fraction(min(t), max(1, *t))))


@settings(max_examples=80, deadline=None)
@given(st.integers(2, 30), st.integers(2, 30), shares, shares)
@example(20, 20, 0.05, 0.05)
@example(3, 3, 1 / 3, 1 / 3)
@example(6, 8, 0.0, 0.12)
def test_a_range_is_allowed_if_a_cell_of_both_elements_lies_in_it(fewest, most, low, high):
    search = {"min_atoms": fewest, "max_atoms": most, "min_minority_fraction": low, "max_minority_fraction": high}
    wrong = problems({"search": search})
    found = [
        (few, atoms - few)
        for atoms in range(fewest, most + 1)
        for few in range(1, atoms)
        if Fraction(low).limit_denominator(60) <= Fraction(few, atoms) <= Fraction(high).limit_denominator(60)
    ]
    assert (wrong == []) == bool(found), (wrong, found[:1])
    if found:  # what the config takes, the jobs take
        allowed = SearchSettings.of(search).compositions
        assert all(allowed.allows(*counts) for counts in found)
    else:
        keys = {"min_atoms": fewest > most, "min_minority_fraction": fewest <= most and low > high}
        expected = next((key for key, holds in keys.items() if holds), "max_minority_fraction")
        assert [path for path, _ in wrong] == [f"nd_fe_search.search.{expected}"]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 40), st.integers(1, 60), st.integers(1, 130))
def test_no_round_of_learning_is_in_vain(rounds, every, generations):
    wrong = problems({"learning": {"rounds": rounds, "every": every}, "search": {"max_generations": generations}})
    # Round n is computed after generation n * every; a generation has to come after the last.
    last = max((n * every for n in range(1, rounds + 1)), default=0)
    assert (wrong == []) == (last < generations)


def written(path, structure):
    structure.to(str(path))
    return path


def test_every_seed_that_does_not_fit_is_named_in_one_message(tmp_path):
    own = search_settings(**{key: SEARCH[key] for key in SEARCH if key.startswith(("min", "max_at", "max_mi"))})
    iron = Structure(Lattice.cubic(2.87), ["Fe", "Fe"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    files = {
        "pure": (iron, "0 Nd and 2 Fe atoms, allowed: 6 to 8 atoms with a share of Nd of 0.1 to 0.34"),
        "large": (ca_cu5().make_supercell([1, 1, 2]), "2 Nd and 10 Fe atoms, allowed: 6 to 8 atoms"),
        "turned": (ca_cu5("Fe", "Nd", a=6.5, c=5.0), "5 Nd and 1 Fe atoms, allowed: 6 to 8 atoms"),
        "boride": (ca_cu5("Nd", "B"), "elements B, allowed: Nd and Fe"),
        "other": (ca_cu5("Sm", "Co"), "elements Co, Sm, allowed: Nd and Fe"),
    }
    paths = [written(tmp_path / f"{name}.cif", crystal_) for name, (crystal_, _) in files.items()]
    with pytest.raises(StructuresRefused) as refused:
        seeds.read_user_seeds([written(tmp_path / "good.cif", ca_cu5()), *paths], own)
    said = {problem.name: problem.reason for problem in refused.value.problems}
    assert list(said) == [str(path) for path in paths]
    assert all(said[str(path)].startswith(text) for path, (_, text) in zip(paths, files.values(), strict=True))


def test_distances_of_the_search_decide_which_seeds_overlap(tmp_path):
    path = written(tmp_path / "laves.cif", ca_cu5())
    ((one, source),) = seeds.read_user_seeds([path], at(1, 5))
    assert source == str(path) and one.numbers.tolist() == [60, 26, 26, 26, 26, 26]
    wide = at(1, 5, min_distances={"Fe-Fe": 2.7})
    with pytest.raises(StructureError, match=r"laves\.cif: overlapping atoms: Fe-Fe 2\.4\d\d"):
        seeds.read_user_seeds([path], wide)
    assert seeds.refusal(one, at(1, 5)) == ""
    assert seeds.refusal(one, wide) == "overlapping atoms, allowed: those of min_distances"


@pytest.mark.parametrize(("content", "name"), [(b"", "a.cif"), (b"no crystal", "a.cif"), (b"\xff\xfe\x00", "POSCAR")])
def test_seeds_that_cannot_be_read_are_named(content, name, tmp_path):
    (tmp_path / name).write_bytes(content)
    good = written(tmp_path / "good.cif", ca_cu5())
    with pytest.raises(StructureError, match=name) as refused:
        seeds.read_user_seeds([good, tmp_path / name], at(1, 5))
    assert "good.cif" not in str(refused.value)
    with pytest.raises(StructureError, match=r"none\.cif"):
        seeds.read_user_seeds([tmp_path / "none.cif"], at(1, 5))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 6), st.integers(0, 10), st.integers(2, 8), st.integers(0, 6), shares, shares)
def test_a_seed_is_refused_exactly_if_its_composition_is_out_of_range(minority, majority, fewest, more, low, high):
    low, high = sorted((low, high))
    assume(minority + majority > 0)
    try:
        own = search_settings(
            min_atoms=fewest, max_atoms=fewest + more, min_minority_fraction=low, max_minority_fraction=high
        )
    except ValueError:
        assume(False)
    atoms = minority + majority
    # Atoms far apart on a cubic grid, so that only the composition is left to refuse.
    sites = np.stack(np.meshgrid(*[np.arange(3)] * 3, indexing="ij"), -1).reshape(-1, 3)[:atoms] / 3
    one = Crystal(np.repeat([60, 26], [minority, majority]), 12.0 * np.eye(3), sites)
    share = Fraction(minority, atoms)
    inside = Fraction(low).limit_denominator(60) <= share <= Fraction(high).limit_denominator(60)
    said = seeds.refusal(one, own)
    assert (said == "") == (inside and fewest <= atoms <= fewest + more), said
    assert said == "" or said.startswith(f"{minority} Nd and {majority} Fe atoms, allowed: {fewest} to {fewest + more}")


def test_a_seed_of_foreign_elements_says_so_before_anything_else():
    rng = np.random.default_rng(0)
    one = crystal(rng, 3, 9, edge_A=1.0)
    foreign = Crystal(np.where(one.numbers == 60, 62, one.numbers), one.lattice_A, one.fractional)
    assert seeds.refusal(foreign, at(2, 4)) == "elements Sm, allowed: Nd and Fe"
    assert seeds.refusal(one, at(2, 4)).startswith("3 Nd and 9 Fe atoms")
    assert seeds.refusal(laves(), at(2, 4)) == "" != seeds.refusal(laves(3.0), at(2, 4))


def test_elements_without_a_reference_crystal_are_those_that_the_config_refuses():
    assert {symbol for symbol in ELEMENTS.split() if not known(symbol)} == WITHOUT_REFERENCE
    with pytest.raises(config.ConfigError, match=r"nd_fe_search\.minority: found U, allowed: elements other than"):
        config.validate({"nd_fe_search": {"minority": "U"}})
    with pytest.raises(config.ConfigError, match=r"nd_fe_search\.search\.calculator_arguments: found no JSON"):
        config.validate({"nd_fe_search": {"search": {"calculator_arguments": '{"a": NaN}'}}})
