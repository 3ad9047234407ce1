"""Crystals on a real Slurm: ABINIT for real, VASP and AkaiKKR by stand-ins, one of them through a time limit."""

import json
import re
import shutil
import sys

import pytest
from pymatgen.core import Lattice, Structure
from slurm.workflow import submitted
from support import ROOT, need

from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.calculations import Calculations
from lodestone.artifacts.exchange import Exchange
from lodestone.artifacts.hull import Hull

sys.path.append(str(ROOT / "tests" / "unit"))
from vasp_runs import nio, potentials

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.timeout(1200)]
STAND_INS = ROOT / "tests" / "stand_ins"
IRON_A = 5.415957231701302 * 0.529177210544  # the edge of AkaiKKR's recorded run
BCC = [[-0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.5, 0.5, -0.5]]
EXECUTABLE = """#!/bin/sh
{first}
exec {python} -S -E {program} "$@"
"""
# Takes the place of mpirun: one process, whatever number of tasks it is told.
LAUNCHER = """#!/bin/sh
[ "$1 $2" = "-n 2" ] || exit 9
shift 2
exec "$@"
"""
# The second crystal's first run outlasts any limit.
ENDLESS = 'case "$PWD" in */000001/*) [ -e {mark} ] || {{ : > {mark}; exec sleep 900; }} ;; esac'


def executable(folder, program, first=""):
    """Make a stand-in a program that a config can name."""
    path = folder / program
    path.write_text(EXECUTABLE.format(first=first, python=sys.executable, program=STAND_INS / f"{program}.py"))
    path.chmod(0o755)
    return str(path)


def crystal_files(folder, **structures):
    """Write crystals as JSON, which keeps start moments; returns the section `structures` of a config."""
    files = []
    for name, structure in structures.items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(structure.as_dict()))
        files.append(str(path))
    return {"source": "files", "files": files, "cell": "as_given", "remove_duplicates": False}


def state_by_rule(printed):
    """Final states of the jobs that one run submitted, by rule, oldest first."""
    states = {}
    for _, state, _, comment in submitted(printed):
        states.setdefault(re.match(r"rule_(\w+?)(?:_wildcards_|$)", comment)[1], []).append(state)
    return states


@pytest.fixture(scope="module")
def vasp_in_background(slurm, tmp_path_factory):
    """A batch of VASP with a limit of a minute, which its second crystal will not keep; others run meanwhile."""
    folder = tmp_path_factory.mktemp("vasp")
    plays = folder / "plays.json"
    plays.write_text(json.dumps({"*": [{"replay": "nio"}]}))
    environment = {"PMG_VASP_PSP_DIR": str(potentials(folder / "psp")), "VASP_PLAYS": str(plays)}
    commands = {
        "std_command": executable(folder, "vasp_std", ENDLESS.format(mark=folder / "was_endless")),
        "ncl_command": executable(folder, "vasp_ncl"),
        "walltime_buffer_s": 1.0,
    }
    calculations = {"backend": "vasp", "steps": ["static"], "batches": 1, "vasp": commands}
    structures = crystal_files(folder, first=nio(), second=nio())
    options = slurm.config("vasp", "electronic_structure", structures=structures, calculations=calculations)
    launcher = folder / "launcher"
    launcher.write_text(LAUNCHER)
    launcher.chmod(0o755)
    wanted = {"runtime": "2**(attempt-1)", "mem_mb": 1000, "tasks": 2, "mpi": f"'{launcher}'"}
    limits = [f"run_calculations:{key}={value}" for key, value in wanted.items()]
    target = "results/vasp/electronic_structure/calculations/crystals/static/000.h5"
    process = slurm.start(*options, "--set-resources", *limits, "--", target, environment=environment)
    yield process, slurm.root / target, folder
    if process.poll() is None:
        process.terminate()


@pytest.mark.abinit
def test_abinit_computes_a_hull(slurm, vasp_in_background, tmp_path):
    need("" if shutil.which("abinit") else "no executable abinit: apt-get install abinit")
    structures = crystal_files(
        tmp_path,
        Fe=Structure(Lattice([[2.836 * x for x in row] for row in BCC]), ["Fe"], [[0, 0, 0]]),
        FeAl=Structure(Lattice.cubic(2.87), ["Fe", "Al"], [[0, 0, 0], [0.5, 0.5, 0.5]]),
    )
    calculations = {
        "backend": "abinit",
        "steps": ["static"],
        "batches": 1,
        "cutoff_eV": 330.0,
        "kpoint_spacing_per_A": 0.6,
    }
    options = slurm.config(
        "abinit",
        "electronic_structure",
        structures=structures,
        calculations=calculations,
        exchange={"files": []},
    )
    memory = "run_calculations:mem_mb=1500"
    printed = slurm.run(*options, "--set-resources", memory, "--", "electronic_structure", timeout=400)
    states = state_by_rule(printed)
    assert set(states) == {"prepare_calculations", "run_calculations", "collect_calculations", "derive_stability"}
    assert {state for ended in states.values() for state in ended} == {"COMPLETED"}
    results = slurm.root / "results/abinit/electronic_structure"
    made = Calculations.read(results / "calculations/crystals/static/000.h5")
    assert made.provenance.backend.startswith("ABINIT")
    assert made.status.tolist() == [Status.CONVERGED] * 2
    # Coarse as the mesh is, iron is a ferromagnet and the alloy is bound.
    assert 1.8 < made.total_moment_muB[0] < 2.8
    hull = Hull.read(results / "stability.h5")
    energies = dict(zip(hull.formulas(), hull.formation_energy_eV_per_atom.tolist(), strict=True))
    assert -0.7 < energies["AlFe"] < -0.1


def test_akaikkr_goes_from_a_crystal_to_couplings(slurm, vasp_in_background, tmp_path):
    data = ROOT / "tests" / "data" / "akaikkr" / "Fe"
    real = (data / "inputcard_go").read_text().replace("\n1.0 0.0 2", "\n0.0 0.0 2")
    for step, task in (("go", "go"), ("tc", "tc"), ("j", "j3.02")):
        (tmp_path / f"{step}.log").write_text((data / f"out_{task.replace('3.02', '3.0')}.log").read_text())
        (tmp_path / f"{step}.in").write_text(real.replace("go pot.dat", f"{task} pot.dat"))
    (tmp_path / "plan.json").write_text(
        json.dumps({"go": [["kill", 0.5], ["replay"]], "tc": [["replay"]], "j": [["replay"]]})
    )
    iron = Structure(Lattice([[IRON_A * x for x in row] for row in BCC]), ["Fe"], [[0, 0, 0]])
    akaikkr = {"functional": "mjw", "kpoint_quality": 6, "energy_width_Ry": 1.0}
    akaikkr["command"] = executable(tmp_path, "specx")
    exchange = {"source": "akaikkr", "files": [], "crystals": ["Fe"], "akaikkr": akaikkr}
    options = slurm.config(
        "akaikkr", "electronic_structure", structures=crystal_files(tmp_path, Fe=iron), exchange=exchange
    )
    target = "results/akaikkr/electronic_structure/exchange/Fe.h5"
    resources = ["run_kkr:mem_mb=1000", "run_kkr:runtime=5"]
    printed = slurm.run(
        *options,
        "--set-threads",
        "run_kkr=1",
        "--set-resources",
        *resources,
        "--",
        target,
        timeout=400,
        environment={"SPECX_PLAN": str(tmp_path)},
    )
    rules = ("prepare_kkr", "run_kkr", "collect_kkr")
    assert state_by_rule(printed) == {rule: ["COMPLETED"] for rule in rules}
    found = Exchange.read(slurm.root / target)
    assert (found.status, found.printed_Tc_K) == (Status.CONVERGED, 1411.05)
    assert found.message.startswith("go_0.log: killed by signal 9")


def test_vasp_out_of_time_goes_on_at_the_unfinished_crystal(slurm, vasp_in_background):
    process, target, folder = vasp_in_background
    printed = slurm.finish(process, 500)
    assert process.returncode == 0, printed[-6000:]
    # The job stops itself when its time is up; whether it or Slurm comes first is a matter of the load.
    first, last = state_by_rule(printed)["run_calculations"]
    assert first in ("TIMEOUT", "FAILED")
    assert last == "COMPLETED"
    made = Calculations.read(target)
    assert made.status.tolist() == [Status.CONVERGED] * 2, made.messages()
    assert made.energy_eV.tolist() == [-4.52549041] * 2
    assert (folder / "000000.static.launches").read_text() == "1"
    assert (folder / "000001.static.launches").read_text() == "1"
