"""Rules of the config section on exchange couplings."""

import copy
from pathlib import Path

import pytest

from lodestone import config
from lodestone.config_rules_electronic import broken

SECTION = config.load(Path(__file__).parents[2] / "config" / "config.yaml")["electronic_structure"]


def problems(**changes):
    section = copy.deepcopy(SECTION)
    akaikkr = changes.pop("akaikkr", {})
    section["exchange"] |= changes
    section["exchange"]["akaikkr"] |= akaikkr
    return dict(broken(section))


def test_the_default_is_sound():
    assert problems() == {}


def test_names_come_once():
    found = problems(files=[{"name": "Fe", "path": "a"}, {"name": "Fe", "path": "b"}])
    assert found == {
        "electronic_structure.exchange.files": "found Fe more than once, allowed: each name once",
    }


def test_akaikkr_needs_crystals():
    found = problems(source="akaikkr")
    assert list(found) == ["electronic_structure.exchange.crystals"]
    assert problems(source="akaikkr", crystals=["Fe"]) == {}


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
