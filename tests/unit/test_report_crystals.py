"""The electronic-structure part of the report: crystals are drawn whole, hulls are hulls, every ending is said."""

import logging
import re

import numpy as np
import pytest
from artifact_samples import sample
from crystals import PROVENANCE, SLOW_MACHINE, bcc_iron, ca_cu5
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition

from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.ragged import pack_texts
from lodestone.artifacts.structure_set import StructureSet
from lodestone.report import electronic_structure, figures_crystals, figures_hull
from lodestone.report.inputs import Library

LOG = logging.getLogger(__name__)


@pytest.fixture
def known():
    return StructureSet.from_structures([bcc_iron(), ca_cu5()], ["mp-13", "mp-11382"], PROVENANCE, ["x", "y"])


def test_every_atom_of_the_cell_and_of_its_faces_is_drawn(known):
    positions, owners = figures_crystals.with_images(bcc_iron().frac_coords)
    assert sorted(owners) == [0] * 8 + [1]
    assert len({tuple(position) for position in positions.round(6)}) == 9
    # bcc: 8 corners and a centre; CaCu5: 8 corners, 2 x 2 in the planes, 4 + 4 + 1 between; and two in the key.
    svg = figures_crystals.gallery(known, [0, 1], "pictures")
    circles = len(re.findall(r'<g id="pictures-patch_\d+">', svg))
    assert "Fe  mp-13" in svg
    assert "NdFe5  mp-11382" in svg
    frames = 1  # of the figure; the axes have none
    key = 2
    assert circles == 9 + (8 + 4 + 5) + key + frames


def test_a_picture_is_a_rotation_and_always_the_same(known):
    corners = np.random.default_rng(1).normal(size=(9, 3))
    seen = figures_crystals.projected(corners)
    assert np.linalg.norm(seen, axis=1) == pytest.approx(np.linalg.norm(corners, axis=1))
    assert figures_crystals.projected(np.array([[0, 0, 1.0]]))[0, 1] > 0.9  # c points upwards
    assert np.linalg.det(figures_crystals.projected(np.eye(3))) == pytest.approx(1)
    assert figures_crystals.gallery(known, [1], "a") == figures_crystals.gallery(known, [1], "a")


def test_elements_keep_their_colours():
    assert figures_crystals.element_colours(["Fe", "Nd"])["Fe"] == figures_crystals.element_colours(["B", "Fe"])["Fe"]
    assert len(set(figures_crystals.element_colours(["B", "Fe", "Nd", "Sm"]).values())) == 4


energies = st.lists(st.tuples(st.integers(1, 19), st.floats(-1, 1).map(lambda x: round(x, 6))), max_size=12)


@settings(max_examples=40, deadline=None, suppress_health_check=SLOW_MACHINE)
@given(energies)
def test_the_hull_drawn_is_that_of_pymatgen(points):
    share = np.array([x / 20 for x, _ in points])
    energy = np.array([y for _, y in points])
    corners = figures_hull.lower_hull(share, energy)
    entries = [PDEntry(Composition("Nd"), 0), PDEntry(Composition("Fe"), 0)]
    entries += [PDEntry(Composition({"Fe": x, "Nd": 20 - x}), 20 * y) for x, y in points]
    diagram = PhaseDiagram(entries)
    for x in np.linspace(0.05, 0.95, 19):
        composition = Composition({"Fe": x, "Nd": 1 - x})
        expected = diagram.get_hull_energy(composition) / composition.num_atoms
        assert np.interp(x, corners[:, 0], corners[:, 1]) == pytest.approx(expected, abs=1e-7)


def calculations(status, names=("mp-13", "mp-11382")):
    base = sample("calculations")
    size = len(base)
    names_offset, names_utf8 = pack_texts([*names, *(f"other-{i}" for i in range(size - len(names)))])
    messages_offset, messages_utf8 = pack_texts(["", "no end in sight", *[""] * (size - 2)])
    codes = np.array([status[0], status[1], *[Status.CONVERGED] * (size - 2)])
    return sample(
        "calculations",
        status=codes,
        has_energy=np.ones(size, int),
        has_structure=np.ones(size, int),
        name_offset=names_offset,
        name_utf8=names_utf8,
        message_offset=messages_offset,
        message_utf8=messages_utf8,
    )


def hull(elements):
    formulas = ["Nd2Fe17", "NdFe5", "NdFe12"]
    values = {
        "formula": formulas,
        "name": ["a", "b", "c"],
        "decay": ["1 Nd2Fe17", "x", "y"],
        "reason": ["", "", "it broke"],
    }
    texts = {}
    for key, listed in values.items():
        texts[f"{key}_offset"], texts[f"{key}_utf8"] = pack_texts(listed)
    numbers = {
        "site_count": [19, 6, 13],
        "volume_A3": [265.0, 93.0, 160.0],
        "moment_muB": [40.0, 11.0, 26.0],
        "formation_energy_eV_per_atom": [-0.02, 0.01, 0.0],
        "formation_spread_eV_per_atom": [0.01, 0.1, 0.0],
        "above_hull_eV_per_atom": [0.0, 0.02, 0.0],
        "above_hull_spread_eV_per_atom": [0.0, 0.1, 0.0],
        "energy_eV_per_atom": [-8.0, -7.5, 0.0],
        "correction_eV_per_atom": [0.0] * 3,
        "index": [0, 1, 2],
    }
    return sample(
        "hull",
        **texts,
        **{key: np.array(value) for key, value in numbers.items()},
        status=[0, 0, int(Status.FAILED)],
        has_formation_energy=[1, 1, 0],
        model_formation_energy_eV_per_atom=np.zeros((3, 0)),
        models=[],
        element=elements,
        element_energy_eV_per_atom=np.zeros(len(elements)),
    )


@pytest.fixture
def compose(tmp_path):
    """Return a function: the study that the report makes of these artifacts, by input name."""

    def composed(**artifacts):
        paths = {}
        for name, artifact in artifacts.items():
            paths[name] = tmp_path / f"{name}.h5"
            artifact.write(paths[name])
        return electronic_structure.compose(Library(paths, LOG), {}, LOG)

    return composed


def test_nothing_run_is_nothing_to_say(compose):
    assert compose() is None


def test_all_sections_are_there_with_what_did_not_converge(compose, known):
    study = compose(
        structure_set=known,
        relax_calculations=calculations([Status.CONVERGED, Status.LOST_MOMENT]),
        stability=hull([26, 60]),
    )
    assert [section.anchor for section in study.sections] == ["crystals", "calculations", "stability"]
    failures = study.sections[1].blocks[1]
    assert [cell.text for cell in failures.rows[0]] == ["mp-11382", "relax", "moment lost", "no end in sight"]
    cards = {card.label: card for card in study.summary[0].cards}
    assert cards["crystals"].value == "2"
    assert cards["calculations converged (relax)"].note == "1 did not converge, see below"
    assert cards["crystals on the convex hull"].value == "1"


def test_crystals_without_moments_are_listed(compose):
    batch = calculations([Status.CONVERGED, Status.LOST_MOMENT])
    fields = {name: getattr(batch, name) for name in type(batch).specs()}
    extra = '{"nonmagnetic": true, "note": "from each start"}'
    offset, utf8 = pack_texts([extra] * len(batch))
    said = type(batch)(**{**fields, "extra_offset": offset, "extra_utf8": utf8}, provenance=PROVENANCE)
    table = compose(relax_calculations=said).sections[0].blocks[-1]
    assert [cell.text for cell in table.rows[0]] == ["mp-13", "relax", "from each start"]
    # What was lost is no answer.
    assert "mp-11382" not in [row[0].text for row in table.rows]


def test_a_fitted_model_is_never_called_dft(compose):
    batch = calculations([Status.CONVERGED, Status.CONVERGED])
    fields = {name: getattr(batch, name) for name in type(batch).specs()}
    study = compose(relax_calculations=type(batch)(**{**fields, "backend": "chgnet"}, provenance=PROVENANCE))
    assert "no DFT results" in study.summary[1].text
    assert len(compose(relax_calculations=batch).summary) == 1
    assert len(study.sections[0].blocks) == 1


def test_more_than_two_elements_are_ranked(compose):
    binary = compose(stability=hull([26, 60])).sections[0].blocks[0].svg
    ternary = compose(stability=hull([5, 26, 60])).sections[0].blocks[0].svg
    assert "share of Fe" in binary
    assert "energy above the hull" in ternary
    assert "Nd2Fe17" in ternary
    assert "NdFe12" not in ternary  # no energy
