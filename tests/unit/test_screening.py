"""Screening table, choice of crystals and interstitial elements, against numbers worked out by hand."""

import logging

import numpy as np
import pytest
from artifact_samples import sample
from batch_worker import Counting
from crystals import PROVENANCE, bcc_iron, ca_cu5
from pymatgen.core import Lattice, Structure

from lodestone.dft import packing
from lodestone.dft.calculation import Calculation, Result, Status
from lodestone.dft.labels import collect, reference_energies
from lodestone.search import choice, interstitials, references, screening
from lodestone.search.screening import Prediction
from lodestone.structures import snapshot
from lodestone.structures.cells import symmetry
from lodestone.structures.perturbation import parent_name
from lodestone.structures.voids import filled, voids

STATIC = Calculation(kind="static")
LOG = logging.getLogger("test")
MU0_MUB_PER_A3_T = 11.654  # mu_0 mu_B per cubic angstrom


def neodymium():
    return Structure(Lattice.cubic(4.0), ["Nd"], [[0, 0, 0]])


def nitrogen():
    return Structure(Lattice.cubic(4.0), ["N"], [[0, 0, 0]])


def batch(entries):
    """Results of crystals: name, structure, energy per atom (None failed), moment of each site."""
    items = []
    for number, (name, structure, energy, moment) in enumerate(entries):
        if energy is None:
            items.append(packing.Item(number, name, structure, Result(Status.FAILED, "it broke")))
            continue
        moments = np.array([moment if site.specie.symbol == "Fe" else 0.0 for site in structure])
        result = Result(
            Status.CONVERGED,
            structure=structure,
            energy_eV=energy * len(structure),
            forces_eV_A=np.full((len(structure), 3), 0.1),
            stress_eV_A3=np.eye(3),
            moments_muB=moments,
            total_moment_muB=float(moments.sum()),
        )
        items.append(packing.Item(number, name, structure, result))
    return packing.pack(items, STATIC, Counting(), "nd_fe", PROVENANCE)


ELEMENTS = [("Fe", bcc_iron(), -8.0, 2.2), ("Nd", neodymium(), -5.0, 0.0), ("N", nitrogen(), -4.0, 0.0)]


def test_table_of_a_find_and_a_reference():
    found = batch(
        [("g001-00002", ca_cu5(), -7.4, 2.0), ("NdFe15", ca_cu5(a=5.0), -7.3, 2.0), ("bad", ca_cu5(), None, 0)]
    )
    predictions = {"g001-00002": Prediction(1_000_002, 0.05, 0.01, 1.5)}
    table = screening.derive([found], [batch(ELEMENTS)], predictions, {"NdFe15": 900.0}, 1.4, PROVENANCE)
    assert table.kind.tolist() == [0, 1, 1] and table.search_id.tolist() == [1_000_002, -1, -1]
    # Elements: (5 * -8 - 5) / 6 = -7.5 eV per atom; nothing lies below them, so that the hull is at 0.
    assert table.formation_eV[:2] == pytest.approx([0.1, 0.2])
    assert table.above_hull_eV[:2] == pytest.approx([0.1, 0.2])
    # Five iron atoms of 2 mu_B and the 4f moment g_J J of Nd.
    assert table.moment_muB[0] == pytest.approx(5 * 2.0 + 3.2727, abs=1e-4)
    volume = float(ca_cu5().volume)
    assert table.mu0_Ms_T[0] == pytest.approx(MU0_MUB_PER_A3_T * 13.2727 / volume, rel=1e-4)
    assert table.space_group[:2].tolist() == [191, 191] and table.groups()[0] == "P6/mmm"
    assert table.has_Tc.tolist() == [0, 1, 0] and table.Tc_K[1] == 900.0
    assert table.has_energy.tolist() == [1, 1, 0] and table.reasons()[2] == "it broke"


def test_moments_along_the_other_direction_count_the_same():
    up, down = (screening.magnetisation(batch([("c", ca_cu5(), -7.4, moment)]), 0) for moment in (2.0, -2.0))
    assert down.moment_muB == pytest.approx(up.moment_muB)


def test_paper_moments_of_ndfe15_give_its_magnetisation():
    # Table I: 38.54 mu_B in a cube of 5.852 angstrom are 2.24 T.
    crystal = next(entry for entry in references.entries("Nd", "Fe", snapshot.SNAPSHOT) if entry.name == "NdFe15")
    valence = 38.54 - 3.2727
    result = batch([("NdFe15", crystal.structure, -8.0, valence / 15)])
    found = screening.magnetisation(result, 0)
    assert found.moment_muB == pytest.approx(38.54, abs=0.01)
    assert found.mu0_Ms_T == pytest.approx(2.24, abs=0.005)


def test_references_are_those_of_the_paper():
    made = {entry.name: entry.structure for entry in references.entries("Nd", "Fe", snapshot.SNAPSHOT)}
    assert made["Nd2Fe14B0"].composition.reduced_formula == "NdFe7" and len(made["Nd2Fe14B0"]) in (32, 64)
    cube = made["NdFe15"]
    assert symmetry(cube).number == 221 and cube.lattice.abc == pytest.approx([5.852] * 3)
    others = {entry.name for entry in references.entries("Pr", "Co", snapshot.SNAPSHOT)}
    assert others == {"Pr2Co14B0", "PrCo15"}


def population(energy, saturation, **changes):
    """Population of five crystals; all usable unless said otherwise."""
    fields = {
        "formation_energy_eV_per_atom": energy,
        "mu0_Ms_T": saturation,
        "uncertainty_eV_per_atom": [0.1, 0.5, 0.2, 0.4, 0.3],
        "defect": [0] * 5,
        "rank": [0, 1, 0, 1, 0],
        "place": [0, 3, 1, 4, 2],
        "on_front": [1, 0, 1, 0, 1],
        "alive": [1, 1, 1, 0, 1],
    }
    return sample("population", **{key: np.array(value) for key, value in {**fields, **changes}.items()})


def test_low_energies_with_enough_magnetisation_are_chosen():
    one = population([0.3, 0.1, 0.2, 0.0, 0.4], [2.1, 2.0, 1.0, 2.2, 2.3], defect=[0, 0, 0, 2, 0])
    names = one.names()
    assert [entry.name for entry in choice.best(one, 2, 1.99, LOG)] == [names[1], names[0]]


def test_the_front_fills_up_what_too_few_reach(caplog):
    one = population([0.3, 0.1, 0.2, 0.0, 0.4], [2.1, 1.0, 1.0, 1.0, 1.0])
    names = one.names()
    with caplog.at_level(logging.WARNING):
        chosen = [entry.name for entry in choice.best(one, 3, 1.99, LOG)]
    assert chosen == [names[0], names[2], names[4]]
    assert "front fills up" in caplog.text


def test_the_most_uncertain_parents_are_chosen():
    one = population([0.0] * 5, [2.0] * 5)
    names = one.names()
    assert [entry.name for entry in choice.most_uncertain(one, 2)] == [names[1], names[4]]


def test_filled_hosts_are_ranked_by_the_change_of_their_energy():
    host = ca_cu5()
    made = interstitials.fill({"host": host}, ["N"], 2, 1.2)
    assert [entry.name for entry in made] == ["host.N1", "host.N2"]
    good, bad = (entry.structure for entry in made)
    assert good.composition.reduced_formula == "NdFe5N"
    hosts = batch([("host", host, -7.4, 2.0)])
    filled_ones = batch([("host.N2", bad, -6.9, 2.0), ("host.N1", good, -7.2, 2.0), ("host.N3", good, None, 0)])
    table = interstitials.derive([filled_ones], [hosts], [batch(ELEMENTS)], PROVENANCE)
    assert table.texts("name") == ["host.N1", "host.N2", "host.N3"]
    # Elements of NdFe5N: (-45 - 4) / 7 = -7 eV per atom; the host lies 0.1 above its elements.
    assert table.formation_eV[:2] == pytest.approx([-0.2, 0.1])
    assert table.change_eV[:2] == pytest.approx([-0.3, 0.0], abs=1e-9)
    # 7 * -7.2 - 6 * -7.4 - (-4) for one atom of nitrogen.
    assert table.insertion_eV[0] == pytest.approx(7 * -7.2 + 6 * 7.4 + 4.0)
    assert table.has_energy.tolist() == [1, 1, 0] and table.texts("reason")[2] == "it broke"


def test_two_hosts_in_one_filled_cell_are_counted():
    host = bcc_iron()
    crystal = filled(host, voids(host, 1.4)[0], "N")
    table = interstitials.derive(
        [batch([("Fe.N1", crystal, -7.0, 2.0)])], [batch([("Fe", host, -8.0, 2.2)])], [batch(ELEMENTS)], PROVENANCE
    )
    assert table.insertion_eV[0] == pytest.approx(3 * -7.0 + 2 * 8.0 + 4.0)


def test_labels_leave_out_what_is_pressed_too_hard_or_lies_too_high():
    crystals = [("a", ca_cu5(), -7.4, 2.0), ("a+1", ca_cu5(), -7.3, 2.0), ("high", ca_cu5(), -5.0, 2.0)]
    made = batch([*crystals, ("bad", ca_cu5(), None, 0)])
    known = reference_energies([batch(ELEMENTS)])
    assert known == pytest.approx({"Fe": -8.0, "Nd": -5.0, "N": -4.0})
    limits = {"strongest_force_eV_A": 1.0, "highest_formation_eV": 1.0}
    labels, left_out = collect([made], known, lambda name, _: parent_name(name), PROVENANCE, **limits)
    assert labels.names() == ["a", "a+1"] and labels.group.tolist() == [0, 0]
    assert labels.formation_energy_eV_per_atom == pytest.approx([0.1, 0.2])
    assert labels.moment_muB_per_atom == pytest.approx([10 / 6] * 2)
    assert [line.partition(":")[0] for line in left_out] == ["high", "bad"]
    limits["strongest_force_eV_A"] = 0.1
    nothing, all_out = collect([made], known, lambda name, _: name, PROVENANCE, **limits)
    assert len(nothing) == 0 and "a force of 0.2" in all_out[0]
