"""Formation energies and hulls against numbers worked out by hand, and the published corrections."""

import dataclasses

import numpy as np
import pytest
from batch_worker import Counting
from crystals import bcc_iron, ca_cu5
from pymatgen.core import Lattice, Structure

from lodestone.artifacts.base import Provenance
from lodestone.dft import packing, stability
from lodestone.dft.calculation import Calculation, Result, Status
from lodestone.dft.corrections import mp2020
from lodestone.dft.presets import preset

PROVENANCE = Provenance.of("a stand-in", 7, {})
RELAX = Calculation(kind="relax")


class TwoModels(Counting):
    models = ["first", "second"]


def neodymium():
    return Structure(Lattice.cubic(4.0), ["Nd"], [[0, 0, 0]])


def batch(entries, calculation=RELAX, engine=None, run_type="GGA"):
    """Results of crystals with energies per atom, given by one or two models; None for one that failed."""
    items = []
    for number, (name, structure, energies) in enumerate(entries):
        if energies is None:
            result = Result(Status.FAILED, "it broke")
        else:
            total = np.atleast_1d(energies) * len(structure)
            by_model = dict(zip(["first", "second"], total.tolist(), strict=False))
            result = Result(
                Status.CONVERGED,
                structure=structure,
                energy_eV=float(total[0]),
                model_energies_eV=by_model,
                total_moment_muB=2.0,
                run_type=run_type,
            )
        items.append(packing.Item(number, name, structure, result))
    return packing.pack(items, calculation, engine or Counting(), "nd_fe", PROVENANCE)


ELEMENTS = [("Fe", bcc_iron(), -8.0), ("Nd", neodymium(), -5.0)]


def laves():
    """NdFe2 as a chain: only the composition counts here."""
    return Structure(Lattice.tetragonal(3.5, 9.0), ["Nd", "Fe", "Fe"], [[0, 0, 0], [0, 0, 1 / 3], [0, 0, 2 / 3]])


def test_formation_energy_and_hull_of_a_binary():
    crystals = batch([("stable", laves(), -7.3), ("above", ca_cu5(), -7.5), ("broken", ca_cu5(), None)])
    hull = stability.derive([crystals], [batch(ELEMENTS)], PROVENANCE)
    # NdFe2: -7.3 - (-5 - 2 * 8) / 3 = -0.3; NdFe5: -7.5 - (-5 - 5 * 8) / 6 = 0.
    assert hull.formation_energy_eV_per_atom[:2] == pytest.approx([-0.3, 0.0])
    # The hull at x_Nd = 1/6 lies half way to NdFe2 (x = 1/3): -0.15.
    assert hull.above_hull_eV_per_atom[:2] == pytest.approx([0.0, 0.15])
    assert hull.decays() == ["1 NdFe2", "0.5 Fe + 0.5 NdFe2", ""]
    assert hull.has_formation_energy.tolist() == [1, 1, 0]
    assert hull.reasons() == ["", "", "it broke"]
    assert hull.names() == ["stable", "above", "broken"]
    assert hull.formulas() == ["NdFe2", "NdFe5", "NdFe5"]
    assert hull.status.tolist() == [Status.CONVERGED, Status.CONVERGED, Status.FAILED]
    assert dict(zip(hull.element.tolist(), hull.element_energy_eV_per_atom.tolist(), strict=True)) == {26: -8, 60: -5}


def test_spread_is_that_of_formation_energies_not_of_totals():
    # Totals of the models differ by 6 eV, formation energies by 0.1 eV.
    elements = batch([("Fe", bcc_iron(), [-8.0, -14.0]), ("Nd", neodymium(), [-5.0, -11.0])], engine=TwoModels())
    crystals = batch([("a", laves(), [-7.3, -13.2])], engine=TwoModels())
    hull = stability.derive([crystals], [elements], PROVENANCE)
    assert hull.model_formation_energy_eV_per_atom[0] == pytest.approx([-0.3, -0.2])
    assert hull.formation_spread_eV_per_atom[0] == pytest.approx(0.1)
    assert hull.above_hull_spread_eV_per_atom[0] == pytest.approx(0.0)
    assert hull.models == ["first", "second"]


def test_lower_crystal_of_an_element_becomes_the_reference():
    crystals = batch([("a", laves(), -7.3), ("better", bcc_iron(), -8.1)])
    hull = stability.derive([crystals], [batch(ELEMENTS)], PROVENANCE)
    assert hull.formation_energy_eV_per_atom == pytest.approx([-7.3 + (5 + 2 * 8.1) / 3, 0.0])


def test_element_without_reference_leaves_no_formation_energy():
    hull = stability.derive([batch([("a", laves(), -7.3)])], [batch(ELEMENTS[:1])], PROVENANCE)
    assert hull.has_formation_energy.tolist() == [0]
    assert hull.decays() == [""]
    assert hull.reasons() == ["no reference energy of Nd"]


def test_energies_of_other_settings_are_not_compared():
    other = dataclasses.replace(RELAX, cutoff_eV=400.0)
    with pytest.raises(ValueError, match=r"calculations: settings: found .*expected the same"):
        stability.derive([batch([("a", laves(), -7.3)])], [batch(ELEMENTS, other)], PROVENANCE)


def rock_salt(metal="Fe"):
    return Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.3), [metal, "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])


# The MagGen supplement: errors of the metals with U (Table S3), corrections of the anions (text), eV per atom.
@pytest.mark.parametrize(("metal", "u", "error"), [("Mn", 3.9, 1.668), ("Fe", 5.3, 2.256)])
def test_corrections_are_the_published_ones(metal, u, error):
    assert preset("maggen")["relax"].hubbard([metal, "O"]) == {metal: u}
    found = mp2020(rock_salt(metal), -100.0, {"hubbard_U_eV": {metal: u}, "potentials": {"O": "O"}})
    assert found == pytest.approx(-4 * (error + 0.687))


def test_fluorides_are_corrected_and_metals_are_not():
    sites = [[0, 0, 0], [0.3, 0.3, 0]]
    fluoride = Structure.from_spacegroup("P4_2/mnm", Lattice.tetragonal(4.65, 3.08), ["Ni", "F"], sites)
    assert mp2020(fluoride, -50.0, {"hubbard_U_eV": {"Ni": 6.2}}) == pytest.approx(-2 * 2.541 - 4 * 0.462)
    assert mp2020(bcc_iron(), -16.0, {}) == 0.0


def test_oxide_without_u_is_not_comparable():
    assert mp2020(rock_salt(), -100.0, {}) is None
    corrected = preset("maggen")["relax"]
    crystals = batch([("FeO", rock_salt(), -8.0), ("Fe", bcc_iron(), -8.0)], corrected)
    hull = stability.derive([crystals], [batch([("Fe", bcc_iron(), -8.2)], corrected)], PROVENANCE)
    assert hull.has_formation_energy.tolist() == [0, 1]
    assert hull.formation_energy_eV_per_atom[1] == pytest.approx(0.2)
    assert hull.corrections == "mp2020"
    assert hull.reasons() == ["mp2020 does not allow GGA (U: none) for this composition", ""]


def test_models_fitted_to_corrected_energies_are_not_corrected_again():
    corrected = preset("maggen")["relax"]
    given = {"calculation": corrected, "engine": TwoModels(), "run_type": ""}
    # Oxygen of the solid: what counts is that its correction of -0.687 eV per atom is not applied.
    elements = batch([("Fe", bcc_iron(), [-8.0, -8.0]), ("O", rock_salt("O"), [-5.0, -5.0])], **given)
    hull = stability.derive([batch([("FeO", rock_salt(), [-8.0, -8.1])], **given)], [elements], PROVENANCE)
    assert hull.model_formation_energy_eV_per_atom[0] == pytest.approx([-1.5, -1.6])
    assert hull.correction_eV_per_atom.tolist() == [0.0]
    assert hull.corrections == "none (in the model)"


def test_dft_that_does_not_say_what_it_is_cannot_be_corrected():
    corrected = preset("maggen")["relax"]
    crystals = batch([("Fe", bcc_iron(), -8.0)], corrected, run_type="")
    hull = stability.derive([crystals], [batch([("Fe", bcc_iron(), -8.2)], corrected)], PROVENANCE)
    assert hull.reasons() == ["mp2020: the back end does not say whether this is GGA or GGA+U"]


class Named(Counting):
    """A back end of another name."""

    def __init__(self, name):
        super().__init__()
        self.name = name


@pytest.mark.parametrize(("name", "formed"), [("vasp", 1), ("abinit", 0)])
def test_corrections_of_gga_u_hold_for_the_code_that_they_were_fitted_to(name, formed):
    corrected = preset("maggen")["relax"]
    oxide = packing.Item(
        0,
        "FeO",
        rock_salt(),
        Result(
            Status.CONVERGED,
            structure=rock_salt(),
            energy_eV=-60.0,
            run_type="GGA+U",
            hubbard_U_eV={"Fe": 5.3},
            potentials={"Fe": "Fe_pv", "O": "O"},
        ),
    )
    crystals = packing.pack([oxide], corrected, Named(name), "maggen", PROVENANCE)
    elements = [("Fe", bcc_iron(), -8.0), ("O", rock_salt("O"), -5.0)]
    hull = stability.derive([crystals], [batch(elements, corrected, Named(name))], PROVENANCE)
    assert hull.has_formation_energy.tolist() == [formed]
    assert ("fitted to vasp, not to abinit" in hull.reasons()[0]) is not bool(formed)
