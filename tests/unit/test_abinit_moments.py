"""ABINIT's ladder for moments that are lost or turned round, with a stand-in that replays recorded output."""

import gzip
import sys

import pytest
from pymatgen.core import Lattice, Structure
from test_abinit import PAW, RECORDED, words

from lodestone.dft.abinit.backend import Abinit
from lodestone.dft.calculation import Calculation, Resources, Status, write_item
from lodestone.dft.moments import FOUND

STATIC = Calculation(kind="static")
# Writes the output that lies ready for this deck, and a line for every launch.
STAND_IN = """#!{python} -S
import pathlib, sys
deck = pathlib.Path(sys.argv[1])
with open("launches", "a") as log:
    log.write(deck.stem + "\\n")
text = pathlib.Path({plays!r}, deck.stem + ".abo")
if text.is_file():
    deck.with_suffix(".abo").write_text(text.read_text())
"""
ENERGY = "-126.55175410458"


def output(iron_muB=1.200003, aluminium_muB=-0.010197, energy_Ha=ENERGY):
    """Recorded output of B2 FeAl with other moments and another energy at its end."""
    text = gzip.decompress((RECORDED / "constrained.abo.gz").read_bytes()).decode()
    for old, new in (("1.200003 ", f"{iron_muB:.6f} "), ("-0.010197 ", f"{aluminium_muB:.6f} "), (ENERGY, energy_Ha)):
        assert old in text
        text = text.replace(old, new)
    return text


class Bench:
    """Prepares, runs and collects one crystal."""

    def __init__(self, folder):
        self.plays, self.item = folder / "plays", folder / "item"
        self.plays.mkdir()
        potentials = folder / "potentials"
        potentials.mkdir()
        for symbol, z, valence in (("Fe", 26, 16), ("Al", 13, 3)):
            (potentials / f"{symbol}.xml").write_text(PAW.format(symbol=symbol, z=z, valence=valence, functional="PBE"))
        program = folder / "abinit"
        program.write_text(STAND_IN.format(python=sys.executable, plays=str(self.plays)))
        program.chmod(0o755)
        self.backend = Abinit({"command": str(program), "potential_folder": str(potentials)})

    def run(self, *outputs, crystal=None, calculation=STATIC):
        for attempt, text in enumerate(outputs):
            (self.plays / f"run{f'_{attempt}' if attempt else ''}.abo").write_text(text)
        crystal = crystal or fe_al()
        write_item(crystal, calculation, self.item)
        self.backend.prepare(crystal, calculation, self.item)
        self.backend.run(self.item, Resources())
        return self.backend.collect(self.item, calculation)

    def launches(self):
        return (self.item / "launches").read_text().split()


def fe_al(first="Fe", moments=(2.0, 0.1)):
    return Structure(
        Lattice.cubic(2.87), [first, "Al"], [[0, 0, 0], [0.5, 0.5, 0.5]], site_properties={"magmom": list(moments)}
    )


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


LOST, GONE = output(0.1, 0.06), output(0.004, -0.002)


def test_a_kept_moment_needs_one_run(bench):
    assert bench.run(output()).status is Status.CONVERGED
    assert bench.launches() == ["run"]


def test_a_lost_moment_is_found_again_from_a_higher_start(bench):
    result = bench.run(LOST, output())
    assert (result.status, result.message) == (Status.CONVERGED, "")
    assert result.moments_muB[0] == 1.200003
    assert bench.launches() == ["run", "run_1"]
    text = (bench.item / "run_1.abi").read_text()
    assert "spinat\n0.00000000 0.00000000 3.00000000\n0.00000000 0.00000000 0.15000000\n" in text
    # Numbers of three columns that are no spins stay as they are.
    prepared = (bench.item / "run.abi").read_text()
    assert text.partition("spinat")[0] == prepared.partition("spinat")[0]
    assert {path.name for path in bench.backend.keep(bench.item)} >= {"run_1.abi", "run_1.abo", "run_1.log"}


def test_the_last_rung_mixes_linearly(bench):
    bench.run(LOST, LOST, output())
    assert bench.launches() == ["run", "run_1", "run_2"]
    found = words((bench.item / "run_2.abi").read_text())
    assert (found["iscf"], found["diemix"], found["diemixmag"]) == (["12"], ["0.4"], ["0.8"])


def test_a_moment_that_no_start_keeps_is_lost_or_flipped(bench):
    result = bench.run(LOST, output(0.1, 0.06, "-126.60000000000"), LOST)
    assert result.status is Status.LOST_MOMENT
    assert result.message == (
        "moments lost: site 1 (Fe) from 2.00 to 0.10 mu_B "
        "(3 starts; the values are those of the lowest energy, higher start moments)"
    )
    assert result.energy_eV == pytest.approx(-126.6 * 27.211386245988)


def test_a_turned_moment_has_its_own_status(bench):
    crystal = fe_al(moments=(2.0, 1.5))
    turned = output(1.2, -0.9)
    assert bench.run(turned, turned, turned, crystal=crystal).status is Status.FLIPPED_MOMENT


def test_a_crystal_that_is_not_magnetic_from_any_start_has_converged(bench):
    result = bench.run(GONE, GONE, output(0.004, -0.002, "-126.55180000000"))
    assert (result.status, result.message) == (Status.CONVERGED, "")
    assert result.extras["nonmagnetic"] is True
    assert result.extras["note"] == "not magnetic: the moments vanish from each of 3 starts, which end at one energy"


def test_states_of_other_energies_are_a_lost_moment(bench):
    assert bench.run(GONE, GONE, output(0.004, -0.002, "-126.56000000000")).status is Status.LOST_MOMENT


def test_a_moment_that_an_earlier_step_found_can_be_lost_only(bench):
    crystal = fe_al()
    crystal.properties[FOUND] = True
    assert bench.run(GONE, GONE, GONE, crystal=crystal).status is Status.LOST_MOMENT


def test_crystals_of_elements_without_usual_moments_are_run_once(bench):
    result = bench.run(GONE, crystal=fe_al("Al"))
    assert (result.status, result.extras["nonmagnetic"]) == (Status.CONVERGED, True)
    assert bench.launches() == ["run"]


def test_held_moments_are_not_judged(bench):
    result = bench.run(LOST, calculation=Calculation(kind="constrained", free_elements=("Al",)))
    assert result.status is Status.CONVERGED
    assert bench.launches() == ["run"]


def test_a_killed_job_goes_on_with_the_rung_that_it_left(bench):
    assert bench.run(LOST).message == "ABINIT: no run_1.abo"
    assert bench.launches() == ["run", "run_1"]
    (bench.plays / "run_1.abo").write_text(output())
    bench.backend.run(bench.item, Resources())
    assert bench.launches() == ["run", "run_1", "run_1"]
    assert bench.backend.collect(bench.item, STATIC).status is Status.CONVERGED
