"""Files of other programs: the same numbers there and back, and the same energies as motep's engines."""

import dataclasses
import re
import shutil

import numpy as np
import pytest
from motep.io.mlip.cfg import read_cfg as motep_read_cfg
from motep.io.mlip.mtp import read_mtp as motep_read_mtp
from motep.io.mlip.mtp import write_mtp as motep_write_mtp
from motep.potentials.mmtp.cext.engine import CExtMagMTPEngine
from motep.potentials.mmtp.numba.engine import NumbaMagMTPEngine
from spin_crystals import SAMPLES, SPECIES, configurations, images, potential

from lodestone.spin_potential import configuration_files as files
from lodestone.spin_potential.configurations import Configurations
from lodestone.spin_potential.evaluation import evaluate
from lodestone.spin_potential.loss import Labels
from lodestone.spin_potential.potential_files import PotentialFileError, read_mtp, write_mtp

VOIGT = [0, 4, 8, 5, 2, 1]
# The .cfg sample of the paper's data has forces to 1e-6 and stresses to 1e-5.
CFG = SAMPLES / "FeAl_cDFT_mMTP_2cfg_sample.cfg"


@pytest.mark.parametrize("engine", [CExtMagMTPEngine, NumbaMagMTPEngine], ids=["C", "numba"])
@pytest.mark.parametrize("level", [4, 8, 12])
def test_motep_finds_the_same_with_two_species(engine, level, tmp_path):
    made = dataclasses.replace(potential(magnetic_size=3, level=level), symmetrised=False)
    write_mtp(tmp_path / "own.mtp", made)
    data = motep_read_mtp(tmp_path / "own.mtp")
    data.species = [26, 13]
    (image,) = images(1)
    theirs = engine(data).calculate(image)
    ours = evaluate(made, Configurations.from_atoms([image], SPECIES))
    close = {"rtol": 1e-10, "atol": 1e-10}
    np.testing.assert_allclose(ours.energy_eV[0], theirs["energy"], **close)
    np.testing.assert_allclose(ours.force_eV_A, theirs["forces"], **close)
    np.testing.assert_allclose(ours.stress_eV_A3[0].flat[VOIGT], theirs["stress"], **close)
    np.testing.assert_allclose(ours.magnetic_force_eV_muB, -theirs["mgrad"], **close)


def test_a_published_potential_is_read_as_motep_reads_it():
    made = read_mtp(SAMPLES / "motep_12.mmtp", ["Fe"])
    assert made.level.number == 12 and not made.symmetrised
    data = motep_read_mtp(SAMPLES / "motep_12.mmtp")
    data.species = [26]
    image = images(1)[0]
    image.symbols[:] = "Fe"
    ours = evaluate(made, Configurations.from_atoms([image], ["Fe"]))
    assert ours.energy_eV[0] == pytest.approx(CExtMagMTPEngine(data).calculate(image)["energy"], abs=1e-10)


def test_a_potential_goes_to_motep_and_back_unchanged(tmp_path):
    made = dataclasses.replace(potential(magnetic_size=2, level=12), symmetrised=False)
    write_mtp(tmp_path / "own.mtp", made)
    motep_write_mtp(tmp_path / "theirs.mtp", motep_read_mtp(tmp_path / "own.mtp"))
    own, theirs = (read_mtp(tmp_path / name, SPECIES) for name in ("own.mtp", "theirs.mtp"))
    np.testing.assert_array_equal(own.parameters(), made.parameters())
    # motep writes fifteen digits.
    np.testing.assert_allclose(theirs.parameters(), made.parameters(), rtol=1e-14)
    assert own.level.number == theirs.level.number == 12
    assert (theirs.r_min_A, theirs.r_cut_A, theirs.m_max_muB) == (2.0, 5.0, 3.0)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda text: text.replace("MTP", "PTM", 1), "expected the line MTP first"),
        (lambda text: re.sub(r"moment_coeffs = .*", "", text), "no moment_coeffs"),
        (lambda text: text.replace("max_mag", "max_mug"), "no max of the magnetic basis"),
        (lambda text: text.replace("min_mag = -3.5", "min_mag = -3.0"), "interval around zero"),
        (lambda text: text.replace("{-4.5", "{4.5x", 1), "line 17"),
        (lambda text: re.sub(r"species_coeffs = .*", "species_coeffs = {1.0, 2.0}", text), "species_coeffs: found 2"),
    ],
)
def test_a_damaged_potential_is_refused_by_file_and_key(change, message, tmp_path):
    path = tmp_path / "damaged.mtp"
    path.write_text(change((SAMPLES / "motep_02.mmtp").read_text()))
    with pytest.raises(PotentialFileError, match=re.escape("damaged.mtp")) as caught:
        read_mtp(path, ["Fe"])
    assert message in str(caught.value)


def test_published_configurations_are_read_as_motep_reads_them():
    crystals, labels = files.read_cfg(CFG, ("Al", "Fe"))
    theirs = motep_read_cfg(CFG, index=":", species=["Al", "Fe"])
    assert len(crystals) == len(theirs) == 2
    for k, atoms in enumerate(theirs):
        rows = slice(16 * k, 16 * (k + 1))
        np.testing.assert_allclose(crystals.position_A[rows], atoms.positions)
        np.testing.assert_allclose(crystals.moment_muB[rows], atoms.calc.results["magmoms"])
        np.testing.assert_allclose(labels.force_eV_A[rows], atoms.calc.results["forces"])
        np.testing.assert_allclose(labels.stress_eV_A3[k].flat[VOIGT], atoms.calc.results["stress"])
        np.testing.assert_allclose(labels.magnetic_force_eV_muB[rows], atoms.calc.results["en_der_mx"])
        assert labels.energy_eV[k] == atoms.calc.results["energy"]


def labelled():
    crystals = configurations(3)
    found = evaluate(potential(), crystals)
    names = ("one", "two", "three")
    labels = Labels(found.energy_eV, found.force_eV_A, found.stress_eV_A3, found.magnetic_force_eV_muB)
    return dataclasses.replace(crystals, names=names), labels


@pytest.mark.parametrize("ending, digits", [("cfg", 1e-13), ("xyz", 1e-7)])
def test_configurations_come_back_as_they_were(ending, digits, tmp_path):
    write, read = (files.write_cfg, files.read_cfg) if ending == "cfg" else (files.write_extxyz, files.read_extxyz)
    crystals, labels = labelled()
    # No magnetic forces in the second: its moments were free.
    labels.magnetic_force_eV_muB[4:8] = np.nan
    write(tmp_path / f"some.{ending}", crystals, labels)
    again, same = read(tmp_path / f"some.{ending}", SPECIES)
    assert again.names == crystals.names
    for name in ("cell_A", "position_A", "kind", "moment_muB"):
        np.testing.assert_allclose(getattr(again, name), getattr(crystals, name), rtol=digits, atol=digits)
    for name in ("energy_eV", "force_eV_A", "stress_eV_A3", "magnetic_force_eV_muB"):
        np.testing.assert_allclose(getattr(same, name), getattr(labels, name), rtol=digits, atol=digits)


def test_motep_reads_what_we_write(tmp_path):
    crystals, labels = labelled()
    files.write_cfg(tmp_path / "some.cfg", crystals, labels)
    theirs = motep_read_cfg(tmp_path / "some.cfg", index=":", species=list(SPECIES))
    np.testing.assert_allclose(theirs[1].calc.results["forces"], labels.force_eV_A[4:8])
    np.testing.assert_allclose(theirs[1].calc.results["magmoms"], crystals.moment_muB[4:8])
    np.testing.assert_allclose(theirs[2].calc.results["stress"], labels.stress_eV_A3[2].flat[VOIGT])


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda text: text.replace("END_CFG", "END"), "BEGIN_CFG without END_CFG"),
        (lambda text: text.replace("BEGIN_CFG", "BEGIN"), "no BEGIN_CFG"),
        (lambda text: text.replace("5.601141", "5.6o1141", 1), "configuration 1"),
        (lambda text: text.replace("magmom_x", "moment_x", 1), "no columns magmom_x"),
        (lambda text: text.replace("-0.044986     0.000000", "-0.044986     0.100000", 1), "moments along 2 axes"),
        (lambda text: text.replace(" Supercell", " Cell", 1), "no Supercell"),
    ],
)
def test_damaged_configurations_are_refused_by_file_and_number(change, message, tmp_path):
    path = tmp_path / "damaged.cfg"
    text = change(CFG.read_text())
    assert text != CFG.read_text()
    path.write_text(text)
    with pytest.raises(files.ConfigurationFileError, match="damaged") as caught:
        files.read_cfg(path, ("Al", "Fe"))
    assert message in str(caught.value)


def test_a_type_without_a_symbol_is_refused(tmp_path):
    shutil.copy(CFG, tmp_path / "some.cfg")
    with pytest.raises(files.ConfigurationFileError, match="found type 1, given are Fe"):
        files.read_cfg(tmp_path / "some.cfg", ("Fe",))


def test_the_columns_en_der_are_magnetic_forces():
    """A positive moment above equilibrium is driven down: the sample's Al, all but without a moment of its own."""
    crystals, labels = files.read_cfg(CFG, ("Al", "Fe"))
    aluminium = crystals.kind == 0
    slope, _ = np.polyfit(crystals.moment_muB[aluminium], labels.magnetic_force_eV_muB[aluminium], 1)
    assert slope == pytest.approx(-16.6, abs=0.1)


def test_small_numbers_are_written_as_motep_reads_them(tmp_path):
    crystals, labels = labelled()
    crystals = crystals.with_moments(np.where(np.arange(12) == 3, 1e-7, crystals.moment_muB))
    files.write_cfg(tmp_path / "small.cfg", crystals, labels)
    theirs = motep_read_cfg(tmp_path / "small.cfg", index=":", species=list(SPECIES))
    assert theirs[0].calc.results["magmoms"][3] == 1e-7


def test_a_symmetrised_potential_has_the_same_energy_in_a_program_without_the_symmetry(tmp_path):
    made = dataclasses.replace(potential(magnetic_size=3, level=8), scaling=0.7)
    write_mtp(tmp_path / "own.mtp", made)
    read = read_mtp(tmp_path / "own.mtp", SPECIES)
    before, after = evaluate(made, configurations()), evaluate(read, configurations())
    np.testing.assert_allclose(after.energy_eV, before.energy_eV, rtol=1e-12)
    np.testing.assert_allclose(after.magnetic_force_eV_muB, before.magnetic_force_eV_muB, rtol=1e-9, atol=1e-10)
    data = motep_read_mtp(tmp_path / "own.mtp")
    data.species = [26, 13]
    theirs = CExtMagMTPEngine(data).calculate(images(1)[0])
    assert theirs["energy"] == pytest.approx(before.energy_eV[0], abs=1e-10)


def test_what_follows_the_potential_in_an_almtp_is_left_out(tmp_path):
    path = tmp_path / "some.almtp"
    path.write_bytes((SAMPLES / "motep_02.mmtp").read_bytes() + b"\n#MVS_v1.1\n" + bytes(range(128, 256)))
    assert read_mtp(path, ["Fe"]).level.number == 2


def test_an_index_beyond_its_table_is_refused(tmp_path):
    path = tmp_path / "beyond.mtp"
    path.write_text((SAMPLES / "motep_02.mmtp").read_text().replace("mapping = {0}", "mapping = {400}"))
    with pytest.raises(PotentialFileError, match="alpha_moment_mapping: found indices 400 to 400, allowed: 0 to 0"):
        read_mtp(path, ["Fe"])
