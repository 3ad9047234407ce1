"""Couplings from GPAW: recorded real runs in our convention, and what is refused before anything is run."""

import json
import warnings

import numpy as np
import pytest
from gpaw_runs import IRON, PROVENANCE, SETTINGS, recorded
from pymatgen.core import Lattice, Structure

from lodestone.artifacts.calculation_status import Status
from lodestone.kkr import gpaw_exchange, mean_field
from lodestone.kkr.deck import DeckError
from lodestone.magnetism.units import K_B_MEV


def cubic(*elements, edge=3.2, **more):
    places = [[0, 0, 0], [0.5, 0.5, 0.5]][: len(elements)]
    return Structure(Lattice.cubic(edge), elements, places, **more)


def charged():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Structure charge")
        return Structure(Lattice.cubic(3), ["Fe"], [[0, 0, 0]], charge=1)


def shells(exchange, source=0, target=0):
    """Distances, numbers and couplings of the shells of neighbours."""
    chosen = (exchange.bond_source == source) & (exchange.bond_target == target)
    distance = np.round(np.linalg.norm(exchange.bond_vector_A, axis=1), 3)
    return [
        (float(r), int((near := chosen & (distance == r)).sum()), float(exchange.bond_meV[near].mean()))
        for r in np.unique(distance[chosen])
    ]


def test_bcc_iron():
    exchange = gpaw_exchange.exchange(*recorded("bcc_Fe"), "Fe", PROVENANCE)
    exchange.check("Fe")
    assert (exchange.status, exchange.complete, exchange.atomic_number.tolist()) == (Status.CONVERGED, 1, [26])
    assert exchange.moment_muB.tolist() == pytest.approx([2.2499], abs=1e-4)
    found = shells(exchange)
    assert [(r, count) for r, count, _ in found] == [(2.483, 8), (2.867, 6), (4.055, 12), (4.754, 24)]
    assert [J for *_, J in found] == pytest.approx([16.672, 5.989, -2.787, -0.950], abs=1e-3)
    assert exchange.message == "cut below 4.966 A: further pairs are aliases on a mesh of 4 x 4 x 4 wave vectors"
    assert mean_field.curie_temperature_K(exchange) == pytest.approx(874.69, abs=0.01)


def test_couplings_are_half_of_those_of_gpaw():
    # GPAW: H = -1/2 sum J e.e, k_B T_C = 1/3 sum J; here: H = - sum J e.e, k_B T_C = 2/3 sum J. One coupling, 8 pairs.
    given, ground, waves, end = recorded("bcc_Fe")
    edge, J_eV = 2.867, 0.040
    reciprocal = 2 * np.pi * np.linalg.inv(np.array(given["lattice_A"])).T
    for one in waves:
        wave = np.array(one["wave"]) / 4 @ reciprocal
        one["real"], one["imaginary"] = [[8 * J_eV * float(np.prod(np.cos(wave * edge / 2)))]], [[0.0]]
    exchange = gpaw_exchange.exchange(given, ground, waves, end, "Fe", PROVENANCE)
    assert shells(exchange)[0][2] == pytest.approx(20.0, rel=1e-9)
    assert mean_field.curie_temperature_K(exchange) == pytest.approx(8 * 40.0 / 3 / K_B_MEV, rel=1e-9)


def test_opposite_moments_hold_their_state_with_positive_couplings():
    # Chromium keeps its opposite moments: with e along each site's own direction J is positive, moments are signed.
    exchange = gpaw_exchange.exchange(*recorded("B2_Cr"), "Cr", PROVENANCE)
    assert exchange.moment_muB.tolist() == pytest.approx([1.2935, -1.2935], abs=1e-4)
    assert shells(exchange, 0, 1) == [(2.598, 8, pytest.approx(15.626, abs=1e-3))]


def test_input_is_that_of_the_recorded_run():
    made = json.loads(json.dumps(gpaw_exchange.inputs(IRON, SETTINGS, "Fe")))
    assert made == recorded("bcc_Fe")[0]


def test_radii_and_moments_by_element():
    settings = {**SETTINGS, "site_radii": [{"element": "Al", "radius_A": 1.4}]}
    made = gpaw_exchange.inputs(cubic("Fe", "Al"), settings, "FeAl")
    assert (made["radius_A"], made["start_moment_muB"], made["bands"]) == ([1.2, 1.4], [2.5, 0.0], 28)
    given = cubic("Al", "Al", site_properties={"magmom": [1.0, -1.0]})
    assert gpaw_exchange.inputs(given, SETTINGS, "Al")["start_moment_muB"] == [1.0, -1.0]


@pytest.mark.parametrize(
    ("structure", "told"),
    [
        (cubic("Nd", "Fe"), "X: found Nd, a lanthanide: GPAW has no open core for 4f; use akaikkr"),
        (cubic("La", "Fe"), "X: found La, a lanthanide"),
        (cubic("U", "Fe"), "X: found U, for which GPAW has no setup; allowed are H He Li"),
        (cubic("Fe3+", "Fe"), "X: found the ion Fe3\\+, allowed are neutral atoms"),
        (cubic({"Fe": 0.5, "Co": 0.5}), "X: found the alloy Fe:0.5.*, allowed with GPAW are ordered crystals"),
        (charged(), "X: found a charge of 1"),
        (cubic("Fe", "Fe", edge=2.5), "X: sites 0 and 1 are 2.165 A apart, expected at least 2.4 A: spheres overlap"),
        (cubic("Al", "Al"), "X: found no moment to start from, expected Cr, Mn, Fe, Co or Ni, or the property magmom"),
    ],
)
def test_refused_before_anything_is_run(structure, told):
    with pytest.raises(DeckError, match=told):
        gpaw_exchange.inputs(structure, SETTINGS, "X")


def test_missing_wave_vectors_are_a_failure_not_a_table():
    given, ground, waves, end = recorded("bcc_Fe")
    exchange = gpaw_exchange.exchange(given, ground, waves[:-1], end, "Fe", PROVENANCE)
    assert (exchange.status, len(exchange.bond_meV)) == (Status.FAILED, 0)
    assert exchange.message == "1 of 8 wave vectors are missing"
