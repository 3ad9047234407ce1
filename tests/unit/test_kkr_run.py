"""AkaiKKR from a crystal to couplings: inputs as in the real runs, restarts, and every way to fail, with a stand-in."""

import json
import logging
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.structure_set import StructureSet
from lodestone.kkr import curie, deck, run, stages
from lodestone.kkr.monte_carlo import Points
from lodestone.kkr.symmetry import quiet_spglib
from lodestone.magnetism.units import BOHR_A

TESTS = Path(__file__).parents[1]
DATA = TESTS / "data" / "akaikkr"
COMMAND = f"{sys.executable} -S -E {TESTS / 'stand_ins' / 'specx.py'}"
LOG = logging.getLogger("test")
PROVENANCE = Provenance(backend="AkaiKKR", seed=0, config_sha256="0" * 64)
SETTINGS = {
    "command": COMMAND, "cell": "aux", "functional": "mjw", "relativity": "sra", "kpoint_quality": 6,
    "energy_width_Ry": 1.0, "energy_step_Ry": 0.001, "lmax": 2, "max_iterations": 200, "mixing": 0.02, "restarts": 4,
    "open_core": True, "cutoff_A": 7.447, "alloys": [],
}  # fmt: skip
IRON = Structure(
    Lattice(np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]) * 5.415957231701302 * BOHR_A / 2),
    ["Fe"],
    [[0, 0, 0]],
)
SMCO5 = Structure(
    Lattice(np.array([[1.0, 0, 0], [-0.5, np.sqrt(0.75), 0], [0, 0, 0.7978723404255319]]) * 9.414619305071838 * BOHR_A),
    ["Sm"] + ["Co"] * 5,
    [[0, 0, 0], [0.5, 0, 0.5], [0, 0.5, 0.5], [0.5, 0.5, 0.5], [1 / 3, 2 / 3, 0], [2 / 3, 1 / 3, 0]],
)  # fmt: skip


def charged():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Structure charge")
        return Structure(Lattice.cubic(3), ["Fe"], [[0, 0, 0]], charge=1)


def words(text):
    """Numbers and words of an input, without comments; radii left out, which 0 and 1 both leave to the program."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return [
        float(word) if word[0] in "-.0123456789" and word[-1].isdigit() else word for word in " ".join(lines).split()
    ]


def test_input_of_smco5_is_the_real_one():
    settings = {**SETTINGS, "functional": "mjwasa", "relativity": "srals", "energy_width_Ry": 1.7}
    made = words(deck.chain(deck.from_structure(SMCO5, settings), 3 * 9.414619305071838 * BOHR_A)["j"].text())
    real = words((DATA / "SmCo5_oc" / "inputcard_j3.0").read_text())
    assert len(made) == len(real)
    for ours, theirs in zip(made, real, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-9) if isinstance(ours, float) else ours == theirs


def test_input_of_iron_is_the_real_one_but_for_the_radius():
    made = words(deck.from_structure(IRON, SETTINGS).text())
    real = words((DATA / "Fe" / "inputcard_go").read_text())
    different = [
        i
        for i, (a, b) in enumerate(zip(made, real, strict=True))
        if a != (pytest.approx(b, abs=1e-9) if isinstance(b, float) else b)
    ]
    assert [(made[i], real[i]) for i in different] == [(0.0, 1.0)]


def test_the_4f_shell_may_be_valence():
    text = deck.from_structure(SMCO5, {**SETTINGS, "open_core": False, "energy_width_Ry": 1.7}).text()
    assert "\n0.001 1.7noc sra" in text


def test_alloys_on_any_site():
    alloy = deck.from_structure(SMCO5, SETTINGS, "alloy", {"Co": {"Co": 0.9, "Fe": 0.1}, "Sm": {"Sm": 0.95}})
    assert [kind.name for kind in alloy.kinds] == ["Vc0.05Sm0.95_0", "Fe0.1Co0.9_1", "Fe0.1Co0.9_2"]
    assert alloy.kinds[0].components == ((0, 5.0), (62, 95.0))
    assert alloy.kinds[1].components == ((26, 10.0), (27, 90.0))
    disordered = Structure(IRON.lattice, [{"Fe": 0.5, "Co": 0.5}], [[0, 0, 0]])
    assert deck.from_structure(disordered, SETTINGS).kinds[0].components == ((26, 50.0), (27, 50.0))


@pytest.mark.parametrize(
    ("structure", "name"),
    [
        (Structure.from_spacegroup("Im-3m", Lattice.cubic(2.87), ["Fe"], [[0, 0, 0]]), "bcc"),
        (Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.5), ["Ni"], [[0, 0, 0]]), "fcc"),
        (Structure.from_spacegroup("Pm-3m", Lattice.cubic(2.9), ["Fe", "Al"], [[0, 0, 0], [0.5, 0.5, 0.5]]), "sc"),
        (Structure.from_spacegroup("P6_3/mmc", Lattice.hexagonal(2.5, 4.07), ["Co"], [[1 / 3, 2 / 3, 0.25]]), "hcp"),
        (Structure.from_spacegroup("P4/mmm", Lattice.tetragonal(2.7, 3.7), ["Fe"], [[0, 0, 0]]), "st"),
    ],
)  # fmt: skip
def test_lattices_by_name(structure, name):
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    with quiet_spglib():
        primitive = SpacegroupAnalyzer(structure).get_primitive_standard_structure()
    made = deck.from_structure(primitive, {**SETTINGS, "cell": "bravais"})
    kind, a, c_over_a, *_ = made.lattice[0].split()
    assert kind == name
    assert float(a) * BOHR_A == pytest.approx(structure.lattice.a, rel=1e-6)
    assert float(c_over_a) == pytest.approx(structure.lattice.c / structure.lattice.a, rel=1e-6)


def test_a_lattice_without_a_name_is_given_by_its_vectors():
    odd = Structure(Lattice.from_parameters(3, 4, 5, 80, 95, 100), ["Fe"], [[0, 0, 0]])
    assert deck.from_structure(odd, {**SETTINGS, "cell": "bravais"}).lattice[0] == "aux"


@pytest.mark.parametrize(
    ("structure", "reason"),
    [
        (Structure(Lattice.cubic(3), ["Fe", "Fe"], [[0, 0, 0], [0.1, 0, 0]]), r"bad: sites 0 and 1 are 0.300 A apart"),
        (Structure(Lattice.cubic(3), ["Fe3+"], [[0, 0, 0]]), r"bad: found the ion Fe3\+"),
        (charged(), r"bad: found a charge of 1"),
        (Structure(Lattice.cubic(3), ["Rf"], [[0, 0, 0]]), r"bad: found Rf, allowed are elements up to"),
    ],
)
def test_what_cannot_be_computed_is_refused(structure, reason):
    with pytest.raises(deck.DeckError, match=reason):
        deck.from_structure(structure, SETTINGS, "bad")


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """Iron prepared, and a stand-in that replays the real runs unless told otherwise."""
    plan = tmp_path / "plan"
    plan.mkdir()
    for step, task in (("go", "go"), ("tc", "tc"), ("j", "j3.0")):
        (plan / f"{step}.log").write_text((DATA / "Fe" / f"out_{task}.log").read_text())
        real = (DATA / "Fe" / "inputcard_go").read_text().replace("\n1.0 0.0 2", "\n0.0 0.0 2")
        (plan / f"{step}.in").write_text(real.replace("go pot.dat", f"{task} pot.dat"))
    monkeypatch.setenv("SPECX_PLAN", str(plan))
    crystals = StructureSet.from_structures([IRON], ["Fe"], PROVENANCE)
    stages.prepare(crystals, "Fe", SETTINGS, tmp_path / "Fe.tar")

    def go(limit_s=0.0, **actions):
        (plan / "plan.json").write_text(json.dumps({step: actions.get(step, [["replay"]]) for step in run.STEPS}))
        stages.execute(tmp_path / "Fe.tar", tmp_path / "Fe.tar.gz", SETTINGS, "key", (1, limit_s), LOG)
        called = plan / "calls.jsonl"
        calls = [json.loads(line) for line in called.read_text().splitlines()] if called.exists() else []
        return stages.collect(tmp_path / "Fe.tar.gz", "Fe", PROVENANCE), [tuple(call.values()) for call in calls]

    return go


def test_a_chain_on_one_potential(bench):
    exchange, calls = bench()
    assert calls == [("go", "init", 0.02), ("tc", "2nd", 0.02), ("j", "2nd", 0.02)]
    assert (exchange.status, exchange.complete, len(exchange.bond_meV)) == (Status.CONVERGED, 1, 168)
    assert (exchange.printed_Tc_K, exchange.printed_field_Tc_K) == (1411.050, 1235.243)
    assert exchange.total_energy_eV == pytest.approx(-2541.020741005 * 13.605693122990, rel=1e-12)
    assert exchange.moment_muB == pytest.approx([2.3192], abs=1e-12)  # of the cell, not of the sphere


def test_restarts_until_it_converges(bench):
    exchange, calls = bench(go=[["no_convergence"], ["no_convergence"], ["replay"]])
    assert calls[:3] == [("go", "init", 0.02), ("go", "2nd", 0.02), ("go", "2nd", 0.01)]
    assert exchange.status == Status.CONVERGED
    assert exchange.message.startswith("go_0.log: not converged 47 iterations, error 10^-6.34")


def test_after_a_divergence_it_starts_anew(bench):
    exchange, calls = bench(go=[["diverge"], ["replay"]])
    assert calls[:2] == [("go", "init", 0.02), ("go", "init", 0.02)]
    assert exchange.status == Status.CONVERGED


def test_what_never_converges_has_a_status(bench):
    exchange, calls = bench(go=[["no_convergence"]])
    assert [call[2] for call in calls] == [0.02, 0.02, 0.01, 0.005, 0.005]
    assert [call[1] for call in calls] == ["init", "2nd", "2nd", "init", "2nd"]
    assert (exchange.status, len(exchange.bond_meV)) == (Status.NOT_CONVERGED, 0)
    assert exchange.lattice_A == pytest.approx(IRON.lattice.matrix)


@pytest.mark.parametrize(
    ("action", "told"),
    [
        (["kill", 0.5], "go_0.log: killed by signal 9"),
        (["truncate", 0.7], "go_0.log: cut off"),
        (["truncate", 0.0], "go_0.log: unreadable"),
        (["error"], "go_0.log: error ***err in corcnf"),
        (["refuse"], "go_0.log: unreadable"),
    ],
)  # fmt: skip
def test_a_failure_is_tried_again(bench, action, told):
    exchange, calls = bench(go=[action, ["replay"]])
    assert exchange.status == Status.CONVERGED
    assert exchange.message.startswith(told)
    assert [call[0] for call in calls] == ["go", "go", "tc", "j"]


def test_a_failure_that_stays_has_a_status_that_says_what_happened(bench):
    exchange, calls = bench(go=[["refuse"]])
    assert (exchange.status, len(calls)) == (Status.FAILED, 5)
    assert "unknown token: mse=5" in exchange.message
    assert exchange.has_energy == 0


def test_couplings_that_are_cut_off_are_computed_again(bench):
    exchange, calls = bench(j=[["truncate", 0.8], ["replay"]])
    assert [call[0] for call in calls] == ["go", "tc", "j", "j"]
    assert exchange.status == Status.CONVERGED


@pytest.mark.parametrize("step", ["tc", "j"])
def test_molecular_fields_and_couplings_must_converge(bench, step):
    exchange, calls = bench(**{step: [["no_convergence"]]})
    assert [call[0] for call in calls].count(step) == 2
    assert exchange.status == Status.NOT_CONVERGED
    assert f"{step}_1.log: not converged 1 iterations, error 10^-6.34" in exchange.message


@pytest.mark.parametrize("step", ["go", "tc", "j"])
def test_a_run_must_come_to_its_end(bench, step):
    exchange, calls = bench(**{step: [["no_end"], ["replay"]]})
    assert exchange.status == Status.CONVERGED
    assert exchange.message == f"{step}_0.log: cut off the run did not come to its end"
    assert [call[0] for call in calls].count(step) == 2


def test_without_couplings_energy_and_status_remain(bench):
    exchange, _ = bench(j=[["truncate", 0.8]])
    assert (exchange.status, exchange.has_energy) == (Status.FAILED, 1)
    assert "j_1.log: cut off no result was printed" in exchange.message
    fields = curie.compute(
        Points(exchange), {"methods": ["mean_field", "rpa", "monte_carlo"], "temperatures": [0.5], "spins": 64,
                           "sweeps": 16, "thermalisation": 0, "over_relaxations": 0}, LOG,
    )  # fmt: skip
    assert fields["status"].tolist() == [2, 2, 2]
    assert "not complete" in fields["message"]


def test_out_of_time_and_on_again(bench):
    exchange, calls = bench(limit_s=8.0, tc=[["hang"]])
    assert exchange.status == Status.WALLTIME
    exchange, calls = bench()
    assert exchange.status == Status.CONVERGED
    assert [call[0] for call in calls] == ["go", "tc", "tc", "j"]  # what converged was not computed again


def test_a_missing_program_is_named(tmp_path):
    with pytest.raises(run.ProgramError, match="akaikkr.command: found 'no_such_specx'"):
        run.run_chain(tmp_path, "no_such_specx", 0.02, 1, 1, 0.0, LOG)


def test_an_unknown_crystal_is_named(tmp_path):
    crystals = StructureSet.from_structures([IRON], ["Fe"], PROVENANCE)
    with pytest.raises(ValueError, match=r"exchange.crystals: found Co, allowed are Fe"):
        stages.prepare(crystals, "Co", SETTINGS, tmp_path / "Co.tar")
