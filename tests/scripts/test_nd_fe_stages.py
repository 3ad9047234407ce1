"""Scripts of the search and of its validation, called with a stand-in job: two generations at the test size."""

from pathlib import Path

import nd_fe_study
import numpy as np
import pytest
from nd_fe_study import PAIR, SEARCH, Counting, Killed, Study, relaxing
from unit.artifact_samples import sample
from unit.crystals import ca_cu5

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.candidates import Candidates
from lodestone.artifacts.hashing import file_sha256
from lodestone.artifacts.population import Population
from lodestone.artifacts.ragged import pack_texts
from lodestone.artifacts.relaxed_candidates import RelaxedCandidates
from lodestone.artifacts.structure_set import StructureSet
from lodestone.dft import packing
from lodestone.dft.backends import backend
from lodestone.dft.calculation import Calculation, Result
from lodestone.graph_models.errors import ModelError
from lodestone.search.settings import SearchSettings
from lodestone.structures import snapshot
from lodestone.structures.errors import StructureError

PARENTS = {"heredity": 2, "random": 0, "topology": 0}
THREE = ["formation_energy", "magnetisation", "anisotropy"]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return Study(tmp_path_factory.mktemp("results"))


def test_seeds_obey_the_limits_and_depend_on_the_seed_alone(study):
    path, again = study.breed(0), study.path("again.h5")
    made = Candidates.read(path)
    share = np.add.reduceat(made.atomic_number == 60, made.site_offset[:-1]) / made.site_counts()
    assert made.id.tolist() == list(range(SEARCH["population"])) and (made.parent == -1).all()
    assert made.site_counts().min() >= 6 and made.site_counts().max() <= 8
    assert share.min() >= 0.05 and share.max() <= 0.34 and set(made.atomic_number.tolist()) == {26, 60}
    assert set(made.origins()) <= {"random", "topology"} and made.provenance.seed == 7
    rule = SearchSettings.of(nd_fe_study.BREEDING).distances
    rows = [(made.lattice_A[k], made.fractional[made.sites(k)], made.atomic_number[made.sites(k)]) for k in range(6)]
    assert not any(rule.broken(*row) for row in rows)
    study.breed(0, output=again)
    assert Path(again).read_bytes() == Path(path).read_bytes()
    study.breed(0, output=again, seed=8)
    assert not np.array_equal(Candidates.read(again).lattice_A[0], made.lattice_A[0])


def test_own_seeds_come_first_and_others_are_refused_by_file(study, tmp_path):
    ca_cu5().to(str(tmp_path / "good.cif"))
    ca_cu5("Sm").to(str(tmp_path / "foreign.cif"))
    files = {**SEARCH["seeds"], "files": [str(tmp_path / "good.cif")]}
    made = Candidates.read(study.breed(0, output=study.path("own.h5"), seeds=files))
    assert made.origins()[0] == "file" and "file" not in made.origins()[1:]
    assert made.formula(0) == "NdFe5" and len(made) == SEARCH["population"]
    files["files"].append(str(tmp_path / "foreign.cif"))
    with pytest.raises(StructureError, match=r"foreign\.cif: elements Sm, allowed: Nd and Fe"):
        study.breed(0, output=study.path("never.h5"), seeds=files)
    assert "foreign.cif" in study.log("breed_candidates").read_text() and not Path(study.path("never.h5")).exists()


def test_files_of_the_user_and_known_crystals_are_parents_of_the_first_generation(study, tmp_path):
    ca_cu5().to(str(tmp_path / "mine.cif"))
    files = {**SEARCH["seeds"], "files": [str(tmp_path / "mine.cif")]}
    made = Candidates.read(study.breed(0, output=study.path("mine.h5"), seeds=files))
    names = {name.rpartition("/")[2] for name in made.provenance.parents}
    assert names == {"mine.cif", "snapshot.jsonl.gz"}


def test_a_finished_batch_leaves_no_ledger(study):
    out = study.relax(study.breed(0), study.path("clean/relaxed.h5"))
    assert [path.name for path in Path(out).parent.iterdir()] == ["relaxed.h5"]


def test_batches_hold_every_candidate_once_and_the_calculator_is_named(study):
    assert Path(study.first).exists()
    parts = [RelaxedCandidates.read(path) for path in study.relaxed(0)]
    whole = RelaxedCandidates.read(study.relax(study.nf.candidates(0), study.path("whole.h5")))
    assert [k for part in parts for k in part.id.tolist()] == whole.id.tolist() == list(range(6))
    assert all(len(part) for part in parts)
    assert np.concatenate([part.lattice_A for part in parts]).tobytes() == whole.lattice_A.tobytes()
    assert (whole.evaluations <= 1 + SEARCH["relaxation"]["max_steps"]).all() and (whole.evaluations > 1).any()
    assert {Status.CONVERGED, Status.NOT_CONVERGED} == set(whole.status.tolist())
    assert whole.provenance.backend == "ASE calculator ase.calculators.lj:LennardJones"
    for path in study.relaxed(0):
        RelaxedCandidates.verify_parents(path, [study.nf.candidates(0)])


def relaxed_in(log):
    """Names of the crystals whose relaxation a log says has ended."""
    return {line.split()[3] for line in log.splitlines() if line.endswith("eV/atom")}


@pytest.mark.parametrize(("calls", "some"), [(1, False), (13, True), (25, True)])
def test_an_interrupted_relaxation_goes_on_where_it_stopped(study, calls, some, monkeypatch):
    counting, made = relaxing("nd_fe_study:Counting", force_tolerance_eV_A=0.05), study.breed(0)
    whole, out = (study.path(f"{calls}/{name}/relaxed.h5") for name in ("whole", "interrupted"))
    monkeypatch.setattr(Counting, "asked", [])
    study.relax(made, whole, settings=counting)
    needed = list(Counting.asked)
    Counting.asked.clear()
    monkeypatch.setattr(Counting, "left", calls)
    with pytest.raises(Killed):
        study.relax(made, out, settings=counting)
    assert len(Counting.asked) == calls < len(needed) and not Path(out).exists()
    finished = relaxed_in(study.log("relax_candidates").read_text())
    assert bool(finished) == some
    monkeypatch.setattr(Counting, "left", 10**9)
    study.relax(made, out, settings=counting)
    assert Path(out).read_bytes() == Path(whole).read_bytes()
    # Two crystals are computed together: the one that was known when the job ended may be asked again.
    assert len(needed) <= len(Counting.asked) <= len(needed) + 1 and set(Counting.asked) == set(needed)
    again = relaxed_in(study.log("relax_candidates").read_text())
    assert not finished & again and finished | again == set(Candidates.read(made).names())


def test_what_a_calculator_cannot_do_is_a_reason_and_never_a_parent(study):
    picky, path = relaxing("nd_fe_study:Picky"), study.path("picky.h5")
    found = RelaxedCandidates.read(study.relax(study.breed(0), path, settings=picky))
    twice = np.add.reduceat(found.atomic_number == 60, found.site_offset[:-1]) > 1
    assert 0 < twice.sum() < len(found) and (found.status[twice] == Status.FAILED).all()
    assert {found.messages()[k] for k in np.flatnonzero(twice)} == {"Picky: ValueError: two atoms of neodymium"}
    assert (found.status[~twice] != Status.FAILED).all() and not found.has_energy[twice].any()
    ranked = Population.read(study.rank([path], [study.model], study.path("ranked.h5")))
    assert (ranked.defect[twice] == 2).all() and not ranked.alive[twice].any() and ranked.alive[~twice].any()


def test_a_calculator_that_cannot_be_had_is_named(study):
    for path, reason in (
        ("no_such_module:Calculator", "a module no_such_module that can be imported"),
        ("ase.calculators.lj:Lennard", "no Lennard in ase.calculators.lj"),
        ("numpy:zeros", "arguments that it accepts"),
        ("builtins:dict", "found a dict, expected a calculator of ASE"),
    ):
        with pytest.raises(ModelError, match=f"calculator '{path}': .*{reason}"):
            study.relax(study.breed(0), study.path("never.h5"), settings=relaxing(path))
    assert not Path(study.path("never.h5")).exists()


def test_the_first_population_is_ranked_by_its_objectives(study):
    found = Population.read(study.first)
    values = np.stack([found.formation_energy_eV_per_atom, -found.mu0_Ms_T], axis=1)
    usable = found.defect < 2
    assert found.objectives == ["formation_energy", "magnetisation"] and found.provenance.backend == "ALIGNN"
    assert usable.any() and np.array_equal(found.objective, values * usable[:, None])
    good = np.flatnonzero(found.defect == 0)
    beaten = [any((values[j] <= values[k]).all() and (values[j] < values[k]).any() for j in good) for k in good]
    assert found.on_front[good].tolist() == [int(not lost) for lost in beaten] and 0 < found.on_front.sum() < len(good)
    assert 0 < len(found.parents()) <= 2 * SEARCH["elite"] and (found.uncertainty_eV_per_atom[usable] > 0).all()
    Population.verify_parents(study.first, [*study.relaxed(0), study.model])
    again = study.rank(study.relaxed(0), [study.model], study.path("again.h5"))
    assert Path(again).read_bytes() == Path(study.first).read_bytes()


def test_objectives_and_properties_without_a_model_are_named(study):
    made, out = [study.path(f"k/{name}.h5") for name in ("labels", "anisotropy", "transfer")], study.path("three.h5")
    assert Path(study.first).exists()
    with pytest.raises(ValueError, match="objectives: found .*anisotropy, which need anisotropy_MJ_m3, but none"):
        study.rank(study.relaxed(0), [study.model], out, objectives=THREE)
    study.anisotropy(*made, count=12, scope="head")
    lacking = r"models: found \S*anisotropy\.h5, none of which predicts formation_energy_eV_per_atom, moment"
    with pytest.raises(ValueError, match=lacking):
        study.rank(study.relaxed(0), [made[1]], out, objectives=THREE)
    study.rank(study.relaxed(0), [study.model, made[1]], out, objectives=THREE)
    found = Population.read(out)
    usable, cubic = found.defect < 2, found.space_group >= 195
    assert found.objectives == THREE and np.array_equal(found.objective[:, 2], -found.anisotropy_MJ_m3 * usable)
    assert (found.anisotropy_MJ_m3[usable & ~cubic] != 0).all() and not found.anisotropy_MJ_m3[cubic].any()


def test_offspring_come_from_living_parents_and_compete_with_them(study):
    before, after = Population.read(study.first), Population.read(study.second)
    path, again = study.nf.candidates(1), study.path("again.h5")
    made = Candidates.read(path)
    assert made.id.tolist() == [1_000_000 + k for k in range(6)]
    assert {p for p in made.parent.ravel().tolist() if p >= 0} <= set(before.id[before.alive == 1].tolist())
    counts = [int((parents >= 0).sum()) for parents in made.parent]
    assert counts == [PARENTS.get(origin, 1) for origin in made.origins()] and any(counts)
    assert made.provenance.parents["generations/0/population.h5"] == file_sha256(study.first)
    study.breed(1, study.first, output=again)
    assert Path(again).read_bytes() == Path(path).read_bytes()
    assert after.generation == 1 and after.id.tolist() == [*before.id.tolist(), *made.id.tolist()]
    assert np.array_equal(after.formation_energy_eV_per_atom[:6], before.formation_energy_eV_per_atom)
    Population.verify_parents(study.second, [study.first, *study.relaxed(1), study.model])


def test_other_models_judge_the_old_crystals_anew(study):
    old = Population.read(study.second)
    newer = study.specialise(study.start, study.labels, version=1)
    found = Population.read(study.rank(study.relaxed(1), [newer], study.path("newer.h5"), before=study.first))
    usable = old.defect[:6] < 2
    energies = [one.formation_energy_eV_per_atom[:6][usable] for one in (old, found)]
    assert (energies[0] != energies[1]).all() and np.array_equal(found.id, old.id)
    assert found.generation == 1 and found.tried.tolist() == old.tried.tolist()


def test_a_search_that_has_converged_goes_on_at_no_cost(study, monkeypatch):
    known, later = Population.read(study.first), Population.read(study.second)
    assert len(later) > len(known)
    fields, path = {name: getattr(known, name) for name in Population.specs()}, study.path("ended.h5")
    Population(**{**fields, "converged": 1}, provenance=known.provenance).write(path)
    made = study.breed(1, path, output=study.path("none.h5"))
    monkeypatch.setattr(Counting, "left", 0)
    part = study.relax(made, study.path("nothing.h5"), settings=relaxing("nd_fe_study:Counting"))
    assert len(Candidates.read(made)) == len(RelaxedCandidates.read(part)) == 0
    for relaxed in ([part], study.relaxed(1)):
        passed = study.rank(relaxed, [study.model], study.path("passed.h5"), before=path)
        assert Path(passed).read_bytes() == Path(path).read_bytes()


def test_the_most_uncertain_parents_go_to_the_back_end(study):
    found, out = Population.read(study.second), study.es.structure_set("learned1")
    given, settings = {"population": study.second}, {"crystals": 3}
    study.run("pick_uncertain", given, {"crystals": out}, {"round": "1"}, settings=settings)
    chosen, rows = StructureSet.read(out), found.parents()
    best = rows[np.argsort(-found.uncertainty_eV_per_atom[rows], kind="stable")][:3]
    assert chosen.names() == [found.name(int(row)) for row in best] and not chosen.has_moment.any()
    for k, row in enumerate(best.tolist()):
        assert np.array_equal(chosen.lattice_A[k], found.lattice_A[row])
    StructureSet.verify_parents(out, [study.second])


def test_the_best_are_validated_beside_the_references_of_the_paper(study):
    found, out = Population.read(study.second), study.es.structure_set("candidates")
    given = {"population": study.second, "snapshot": str(snapshot.SNAPSHOT)}
    usable = np.flatnonzero((found.defect == 0) & (found.rank >= 0))
    strong = usable[np.argsort(-found.mu0_Ms_T[usable])][:3]
    least = float(found.mu0_Ms_T[strong].min())
    names = [found.name(int(row)) for row in strong[np.argsort(found.formation_energy_eV_per_atom[strong])]][:2]
    settings = {**PAIR, "candidates": 2, "min_mu0_Ms_T": least, "references": True}
    log = study.run("select_candidates", given, {"crystals": out}, settings=settings)
    assert StructureSet.read(out).names() == [*names, "Nd2Fe14B0", "NdFe15"]
    assert f"3 of {len(usable)} usable crystals reach" in log
    study.run("select_candidates", given, {"crystals": out}, settings={**settings, "references": False})
    assert StructureSet.read(out).names() == names
    StructureSet.verify_parents(out, [study.second])


def test_light_elements_go_into_the_voids_of_the_best_host_that_the_search_found(study):
    hosts = {"g001-00001": ca_cu5(a=5.1), "g001-00002": ca_cu5(), "NdFe15": ca_cu5(a=5.0)}
    made_by = Provenance.of("a test", 7, {})
    items = [
        packing.Item(k, name, host, Result(Status.CONVERGED, structure=host, energy_eV=-40.0))
        for k, (name, host) in enumerate(hosts.items())
    ]
    relaxed, table, out = study.path("relax.h5"), study.nf.screening(), study.es.structure_set("interstitials")
    packing.pack(items, Calculation(kind="relax"), backend("abinit"), "maggen", made_by).write(relaxed)
    offset, utf8 = pack_texts(list(hosts))
    flags = {name: np.ones(3, int) for name in ("has_energy", "has_mu0_Ms")}
    energies = {"formation_eV": [0.2, 0.1, -0.5], "kind": [0, 0, 1], "status": [0, 0, 0]}
    sample("screening", **energies, **flags, name_offset=offset, name_utf8=utf8).write(table)
    settings = {"elements": ["N", "C"], "hosts": 1, "voids": 2, "min_radius_A": 1.2}
    given = {"screening": table, "crystals": [relaxed]}
    log = study.run("build_interstitials", given, {"crystals": out}, settings=settings)
    found = StructureSet.read(out)
    # The reference has less energy, but the finds come first.
    assert found.names() == ["g001-00002.N1", "g001-00002.C1", "g001-00002.N2", "g001-00002.C2"]
    assert "4 crystals with N, C in voids of g001-00002" in log
    for k, crystal in enumerate(found.structures()):
        light = [site for site in crystal if site.specie.symbol in "NC"]
        assert len(crystal) == len(ca_cu5()) + 1 and [s.specie.symbol for s in light] == [["N", "C"][k % 2]]
        near = min(light[0].distance(site) for site in crystal if site is not light[0])
        assert near >= 1.2 and f"{near:.2f} angstrom" in found.sources()[k]
    StructureSet.verify_parents(out, [table, relaxed])
    settings["min_radius_A"] = 3.9
    study.run("build_interstitials", given, {"crystals": out}, settings=settings)
    assert len(StructureSet.read(out)) == 0
