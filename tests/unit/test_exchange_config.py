"""Rules of the config section on exchange couplings."""

import copy
from pathlib import Path

import pytest

from lodestone import config
from lodestone.config_rules_electronic import broken

SECTION = config.load(Path(__file__).parents[2] / "config" / "config.yaml")["electronic_structure"]


def problems(**changes):
    section = copy.deepcopy(SECTION)
    programs = {name: changes.pop(name, {}) for name in ("akaikkr", "gpaw", "curie")}
    section["exchange"] |= changes
    for name, keys in programs.items():
        section["exchange"][name] |= keys
    return dict(broken(section))


def test_the_default_is_sound():
    assert problems() == {}


def test_names_come_once():
    found = problems(files=[{"name": "Fe", "path": "a"}, {"name": "Fe", "path": "b"}])
    assert found == {
        "electronic_structure.exchange.files": "found Fe more than once, allowed: each name once",
    }


@pytest.mark.parametrize("source", ["akaikkr", "gpaw"])
def test_what_is_computed_needs_crystals(source):
    assert problems(source=source) == {
        "electronic_structure.exchange.crystals": f"found none with source {source}, allowed: one name or more",
    }
    assert problems(source=source, crystals=["Fe"]) == {}


def test_spins_have_a_bound():
    assert problems(curie={"spins": 5000, "max_spins": 4096}) == {
        "electronic_structure.exchange.curie.spins": "found 5000, allowed: at most max_spins, 4096",
    }


def test_wave_vectors_join_k_points():
    assert problems(gpaw={"kpoints": [8, 8, 6], "qpoints": [4, 4, 4]}) == {
        "electronic_structure.exchange.gpaw.qpoints": "found [4, 4, 4] for [8, 8, 6] k points, "
        "allowed: divisors of the k points along each axis",
    }
    assert problems(gpaw={"kpoints": [8, 8, 6], "qpoints": [4, 8, 3]}) == {}


def test_radii_are_of_elements_once():
    radii = [{"element": name, "radius_A": 1.0} for name in ("Fe", "Fe", "Xx")]
    found = problems(gpaw={"site_radii": radii})
    assert found["electronic_structure.exchange.gpaw.site_radii"].startswith("found Fe, Xx, allowed: elements up to Lr")


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ([("Xx", 0.5)], "found Xx, allowed: elements up to Lr"),
        ([("Fe", 0.9), ("Co", 0.2)], "found shares of 1.1, allowed: 1 in all at most"),
    ],
)
def test_alloys_are_of_elements_with_shares_up_to_one(parts, told):
    becomes = [{"element": name, "share": share} for name, share in parts]
    found = problems(akaikkr={"alloys": [{"element": "Fe", "becomes": becomes}]})
    assert list(found.values()) == [told]
