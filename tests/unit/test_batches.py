"""Batches: prepared once, run to the end whatever happens, collected as often as one likes."""

import dataclasses
import hashlib
import logging
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
from batch_worker import Counting
from crystals import bcc_iron, ca_cu5
from pymatgen.core import Lattice, Structure

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculations import Calculations
from lodestone.artifacts.structure_set import StructureSet
from lodestone.dft import batches, packing, stages
from lodestone.dft.backend import OutOfTime
from lodestone.dft.calculation import Calculation, Problem, Resources, Result, Status
from lodestone.dft.moments import FOUND

LOG = logging.getLogger("batch")
PROVENANCE = Provenance.of("a stand-in", 7, {})
STATIC = Calculation(kind="static")


def crystal_set(*structures):
    names = [f"crystal-{k}" for k in range(len(structures))]
    return StructureSet.from_structures(structures, names, PROVENANCE)


def prepared(folder, count=4, calculation=STATIC):
    crystals = crystal_set(*[bcc_iron([2.0, 2.0]) for _ in range(count)])
    starts = stages.starts(crystals, range(count), {}, calculation.kind, None)
    batches.prepare(starts, calculation, Counting(), folder / "in.tar")
    return folder / "in.tar", folder / "raw.tar.gz"


def run(inputs, raw, key="a key", **options):
    return batches.run(inputs, raw, Counting(options), Resources(), key, LOG)


def collected(raw):
    return list(batches.collect(raw, STATIC, Counting()))


def digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@pytest.mark.parametrize(("count", "number"), [(10, 3), (3, 5), (0, 2), (3000, 300)])
def test_every_crystal_is_in_one_batch(count, number):
    shares = [batches.share(count, f"{k:03d}", number) for k in range(number)]
    assert [item for share in shares for item in share] == list(range(count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    with pytest.raises(ValueError, match="allowed: 0 to"):
        batches.share(count, str(number), number)


def test_archives_depend_on_contents_alone(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        inputs, raw = prepared(tmp_path / name)
        run(inputs, raw)
        time.sleep(0.01)
    assert digest(tmp_path / "a/in.tar") == digest(tmp_path / "b/in.tar")
    assert digest(tmp_path / "a/raw.tar.gz") == digest(tmp_path / "b/raw.tar.gz")
    with tarfile.open(tmp_path / "a/in.tar") as archive:
        assert "000000/input" in archive.getnames()


def test_results_come_back_by_number(tmp_path):
    inputs, raw = prepared(tmp_path)
    assert run(inputs, raw) == 4
    items = collected(raw)
    assert [(item.index, item.name) for item in items] == [(k, f"crystal-{k}") for k in range(4)]
    assert all(item.result.energy_eV == pytest.approx(2.87**3) for item in items)
    batches.clean(raw)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.tar", "raw.tar.gz"]


def test_one_that_fails_leaves_the_others(tmp_path):
    inputs, raw = prepared(tmp_path)
    run(inputs, raw, fails="000001")
    results = [item.result for item in collected(raw)]
    assert [result.status for result in results] == [Status.CONVERGED, Status.FAILED] + [Status.CONVERGED] * 2
    assert results[1].message == "it broke"


def test_one_out_of_time_is_tried_again_with_the_whole_time(tmp_path):
    inputs, raw = prepared(tmp_path)
    diary = tmp_path / "diary"
    options = {"fails": "000002", "status": Status.WALLTIME, "diary": str(diary)}
    with pytest.raises(OutOfTime, match="000002: it broke; 2 calculations before it are done"):
        run(inputs, raw, **options)
    assert not raw.exists()
    run(inputs, raw, **options)
    # It came first in the second job, had all of its time, and is given up there.
    assert diary.read_text().split() == ["000000", "000001", "000002", "000002", "000003"]
    assert [item.result.status.name for item in collected(raw)] == ["CONVERGED", "CONVERGED", "WALLTIME", "CONVERGED"]


def test_killed_job_repeats_nothing_that_is_finished(tmp_path):
    finished = 2
    inputs, raw = prepared(tmp_path)
    diary, ledger = tmp_path / "diary", tmp_path / "raw.tar.gz.ledger"
    worker = [sys.executable, Path(__file__).with_name("batch_worker.py"), inputs, raw, diary, "0.3"]
    process = subprocess.Popen(worker, env={**os.environ, "PYTHONPATH": str(Path(stages.__file__).parents[2])})
    deadline = time.monotonic() + 60
    while not diary.exists() or len(diary.read_text().split()) <= finished:
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert ledger.exists() and not raw.exists()
    left = run(inputs, raw, diary=str(diary))
    assert left == 4 - finished
    seen = diary.read_text().split()
    # The one that was being run when the signal came is run twice, no other.
    assert {name: seen.count(name) for name in set(seen)} == {f"{k:06d}": 2 if k == finished else 1 for k in range(4)}
    undisturbed = tmp_path / "undisturbed"
    undisturbed.mkdir()
    run(inputs, undisturbed / "raw.tar.gz")
    assert digest(raw) == digest(undisturbed / "raw.tar.gz")


def test_archive_lost_after_the_last_calculation_costs_none(tmp_path):
    inputs, raw = prepared(tmp_path)
    run(inputs, raw)
    raw.unlink()  # what Snakemake does with the output of a job that was killed before its end
    assert run(inputs, raw) == 0
    assert len(collected(raw)) == 4


def test_other_inputs_start_afresh(tmp_path):
    inputs, raw = prepared(tmp_path)
    diary = tmp_path / "diary"
    run(inputs, raw, key="one", diary=str(diary))
    run(inputs, raw, key="two", diary=str(diary))
    assert len(diary.read_text().split()) == 8


def test_refused_and_skipped_are_statuses(tmp_path):
    crystals = crystal_set(bcc_iron(), bcc_iron(), ca_cu5())
    starts = stages.starts(crystals, range(3), {"crystal-1": "overlapping atoms"}, "relax", None)
    batches.prepare(starts, Calculation(kind="relax"), Counting(), tmp_path / "in.tar")
    run(tmp_path / "in.tar", tmp_path / "raw.tar.gz", fails="000002")
    first = list(batches.collect(tmp_path / "raw.tar.gz", Calculation(kind="relax"), Counting()))
    relaxed = packing.pack(first, Calculation(kind="relax"), Counting(), "nd_fe", PROVENANCE)
    assert relaxed.status.tolist() == [Status.CONVERGED, Status.REFUSED, Status.FAILED]
    assert relaxed.messages() == ["", "overlapping atoms", "it broke"]
    again = stages.starts(crystals, range(3), {"crystal-1": "overlapping atoms"}, "static", relaxed)
    assert [start.status for start in again] == [None, Status.REFUSED, Status.SKIPPED]
    assert again[2].message == "relax: failed: it broke"


def after(structure, moments, signed=True):
    """Results of a first step for one crystal."""

    class Other(Counting):
        moments_are_signed = signed

    result = Result(Status.CONVERGED, structure=structure, energy_eV=-1.0, moments_muB=moments)
    item = packing.Item(0, "crystal-0", structure, result)
    return packing.pack([item], Calculation(kind="relax"), Other(), "nd_fe", PROVENANCE)


def test_moments_are_carried_from_step_to_step():
    given, relaxed = bcc_iron([3.0, 3.0]), bcc_iron()
    relaxed.apply_strain(0.01)
    crystals = crystal_set(given)

    def next_moments(kind, before):
        (start,) = stages.starts(crystals, range(1), {}, kind, before)
        assert start.structure.lattice.a == pytest.approx(2.87 * 1.01)
        return start.structure.site_properties["magmom"]

    assert next_moments("static", after(relaxed, [2.2, -2.1])) == [2.2, -2.1]
    # Sizes without signs would turn an antiferromagnet into a ferromagnet.
    assert next_moments("static", after(relaxed, [2.2, 2.1], signed=False)) == [3.0, 3.0]
    assert next_moments("constrained", after(relaxed, [2.2, 2.1])) == [3.0, 3.0]


def test_moments_that_a_step_found_are_told_from_guesses():
    crystals = crystal_set(bcc_iron([3.0, 3.0]))

    def found(before, kind="static"):
        (start,) = stages.starts(crystals, range(1), {}, kind, before)
        return bool(start.structure.properties.get(FOUND))

    assert found(after(bcc_iron(), [2.2, 2.1]))
    assert not found(None)
    assert not found(after(bcc_iron(), [2.2, 2.1], signed=False))
    held = dataclasses.replace(after(bcc_iron(), [2.2, 2.1]), kind="constrained")
    assert not found(held)


def test_vector_moments_are_kept_along_their_sum():
    packed = after(bcc_iron(), [[0.0, 2.0, 0.0], [0.0, -1.0, 0.1]])
    assert packed.moment_muB[0] == pytest.approx(2.0, abs=0.02)
    assert packed.moment_muB[1] == pytest.approx(-1.0, abs=0.25)


def test_problems_are_found_before_anything_runs():
    crowded = Structure(Lattice.cubic(2.9), ["Fe", "Fe"], [[0, 0, 0], [0.1, 0, 0]])
    crystals = crystal_set(bcc_iron(), crowded, Structure(Lattice.cubic(4), ["Og"], [[0, 0, 0]]))
    found = stages.find_problems(crystals, [STATIC], Counting())
    assert {problem.name for problem in found} == {"crystal-1", "crystal-2"}
    assert any("overlapping atoms" in problem.reason for problem in found)
    with pytest.raises(stages.CalculationsRefused, match="no executable"):
        stages.find_problems(crystals, [STATIC], Counting({"absent": True}), runs_here=True)
    untargeted = stages.find_problems(crystal_set(bcc_iron()), [Calculation(kind="constrained")], Counting())
    assert "found no moments" in untargeted[0].reason


def test_checks_are_written_by_name(tmp_path):
    stages.write_checks(tmp_path / "checks.json", [Problem("a", "one"), Problem("a", "two"), Problem("b", "one")])
    assert '"a": "one; two"' in (tmp_path / "checks.json").read_text()


def test_empty_batch_is_an_artifact(tmp_path):
    batches.prepare([], STATIC, Counting(), tmp_path / "in.tar")
    assert run(tmp_path / "in.tar", tmp_path / "raw.tar.gz") == 0
    items = list(batches.collect(tmp_path / "raw.tar.gz", STATIC, Counting()))
    packed = packing.pack(items, STATIC, Counting(), "nd_fe", PROVENANCE)
    packed.write(tmp_path / "empty.h5")
    assert len(Calculations.read(tmp_path / "empty.h5")) == 0
