"""Magnetic potentials in the report: numbers of the artifacts beside the paper's."""

import logging
import re
from dataclasses import replace

import numpy as np
import pytest
from artifact_samples import PROVENANCE, sample

from lodestone.artifacts.ragged import pack_texts
from lodestone.report import build, spin_paper, spin_potential, spin_use_sections
from lodestone.report.inputs import Library

LOG = logging.getLogger(__name__)
ABINIT = replace(PROVENANCE, backend="ABINIT 9.10 (PBE)")


def labels(**changes):
    offset, utf8 = pack_texts(["Fe2", "Fe2+h1", "AlFe+h2"])
    fields = {
        "name_offset": offset, "name_utf8": utf8, "atom_offset": np.array([0, 2, 4, 6]), "kind": np.zeros(6, np.uint8),
        "position_A": np.zeros((6, 3)), "moment_muB": np.zeros(6), "force_eV_A": np.full((6, 3), 0.25),
        "magnetic_force_eV_muB": np.full(6, -0.5), "energy_eV": np.array([-2.0, -2.4, -5.0]),
        "stress_eV_A3": np.full((3, 3, 3), 0.01), "equilibrium": np.array([1, 0, 0], np.uint8),
        "relaxed": np.array([1, 0, 0], np.uint8), "ordering": np.array([0, 0, 1]), "labels_from": "ABINIT, a test",
        "left_out": ["AlFe+h3: not converged"], "provenance": ABINIT,
    }  # fmt: skip
    return sample("spin_data", **{**fields, **changes})


def fits(weight, errors, **changes):
    """An ensemble or folds of two members with these errors."""
    fields = {
        "parameter": np.zeros((2, 3)), "trained": np.ones((2, 3), np.uint8), "train_rmse": np.array(errors),
        "test_rmse": np.array(errors), "step_offset": np.zeros(3, np.int64), "loss": np.zeros(0),
        "converged": np.ones(2, np.uint8), "magnetic_weight": weight, "magnetic_size": 2,
    }  # fmt: skip
    return sample("spin_fits", **{**fields, **changes})


def checks(weight, **changes):
    offset, utf8 = pack_texts(["Fe2", "AlFe"])
    fields = {
        "row": np.array([0, 2]), "atom_offset": np.array([0, 2, 4]), "is_host": np.array([1, 1, 0, 1], np.uint8),
        "label_moment_muB": np.array([2.2, -2.2, 0.0, 1.0]), "name_offset": offset, "name_utf8": utf8,
        "moment_muB": np.array([[2.3, 2.3, 0.0, 1.1], [2.1, 2.1, 0.0, 0.9]]),
        "equilibrated": np.array([[1, 1], [1, 0]], np.uint8), "atom_count": np.array([2, 2]),
        "solute_fraction": np.array([0.0, 0.5]), "label_formation_eV": np.array([0.0, -0.3]),
        "label_lattice_A": np.array([2.83, 2.88]), "label_moment_per_host_muB": np.array([2.2, 1.0]),
        "formation_eV": np.array([[0.0, -0.31], [0.0, -0.29]]), "lattice_A": np.array([[2.84, 2.89], [2.82, 2.87]]),
        "moment_per_host_muB": np.array([[2.3, 1.1], [2.1, 0.9]]), "relaxed": np.ones((2, 2), np.uint8),
        "magnetic_weight": weight, "magnetic_size": 2, "species": ["Fe", "Al"],
    }  # fmt: skip
    return sample("spin_checks", **{**fields, **changes})


def dynamics(fraction, member, reason=""):
    """A run of 21 samples: 2.0 ps at a lattice parameter of 2.9 A, which begins at 2.8."""
    lattice = np.where(np.arange(21) < 5, 2.8, 2.9 + 0.001 * member)
    fields = {
        "step": 50 * np.arange(21), "volume_A3": 27 * lattice**3, "temperature_K": np.full(21, 300.0),
        "potential_eV": np.zeros(21), "conserved_eV": 0.054 * np.arange(21) * 0.1, "host_moment_muB": np.full(21, 2.2),
        "converged": np.ones(21, np.uint8), "species": ["Fe", "Al"], "solute_fraction": fraction, "atom_count": 54,
        "steps": 1000, "steps_done": 1000, "time_step_fs": 2.0, "temperature_target_K": 300.0, "reason": reason,
        "member": member,
    }  # fmt: skip
    return sample("spin_dynamics", **fields)


def learning():
    rmse = np.full((2, 3, 4), 100.0)
    rmse[0, :, 3], rmse[1, :, 3] = [400.0, 100.0, 50.0], [400.0, 200.0, 100.0]
    counts, rounds = np.array([[10, 20, 40]] * 2), np.zeros((2, 5), np.int64)
    return sample("spin_learning", label_count=counts, test_rmse=rmse, round_of=rounds)


def point():
    """The first configuration again: 1 meV an atom off, and everything else as it was."""
    return calculations(
        name_offset=pack_texts(["Fe2"])[0], name_utf8=pack_texts(["Fe2"])[1], energy_eV=np.array([-1.998]),
        force_eV_A=np.full((2, 3), 0.25), stress_eV_A3=np.full((1, 3, 3), 0.01),
        magnetic_force_eV_muB=np.full(2, -0.5),
    )  # fmt: skip


def calculations(**changes):
    whole = sample("calculations")
    names = [name for name, spec in type(whole).specs().items() if getattr(spec, "dims", ())]
    cut = {}
    for name in names:
        dims = type(whole).specs()[name].dims
        length = {"calculation": 1, "calculation_plus_one": 2, "site": 2}.get(dims[0])
        cut[name] = getattr(whole, name) if length is None else getattr(whole, name)[:length]
    texts = {name: cut[name] for name in cut if name.endswith(("_offset", "_utf8"))}
    for name in texts:
        if name.endswith("_offset") and name != "site_offset":
            cut[name], cut[name.replace("_offset", "_utf8")] = pack_texts([""])
    ones = {name: np.ones(1, np.uint8) for name in ("has_energy", "has_structure", "has_forces", "has_stress")}
    fields = {**cut, **ones, "status": np.zeros(1, np.uint8), "site_offset": np.array([0, 2]), **changes}
    return replace(whole, **fields)


ERRORS = {0.0: [[4.0, 60.0, 0.4, 200.0], [6.0, 80.0, 0.6, 280.0]], 0.1: [[3.0, 90.0, 0.5, 30.0]] * 2}


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spin")
    artifacts = {
        "spin_data": [labels()],
        "spin_folds": [fits(w, e) for w, e in ERRORS.items()],
        "spin_ensembles": [fits(w, e) for w, e in ERRORS.items()],
        "spin_checks": [checks(0.0, relaxed=np.array([[1, 0], [1, 1]], np.uint8)), checks(0.1)],
        "spin_points": [point()],
        "spin_dynamics": [dynamics(0.0, 0), dynamics(0.0, 1), dynamics(0.25, 0, "after step 7: too hot")],
        "spin_learning": [learning()],
        "spin_exchange": [sample("exchange", name="Fe, potential 0")],
    }
    found = {}
    for name, some in artifacts.items():
        found[name] = [str(folder / f"{name}{number}.h5") for number in range(len(some))]
        for path, one in zip(found[name], some, strict=True):
            one.write(path)
    return found


@pytest.fixture(scope="module")
def study(paths):
    return spin_potential.compose(Library(paths, LOG), {}, LOG)


def table(study, title):
    """Rows of a table, each cell with its note."""
    (found,) = [b for s in study.sections for b in s.blocks if b.kind == "table" and b.title == title]
    return [[f"{cell.text} {cell.note}".strip() for cell in row] for row in found.rows]


def words(study):
    return " ".join(getattr(block, "text", "") for section in study.sections for block in section.blocks)


def test_errors_stand_beside_those_of_the_paper(study):
    found = table(study, "Errors of the ensembles")
    assert found[0][2:] == ["here", "5.000 ± 2.000", "70.0 ± 20.0", "0.500 ± 0.200", "240.0 ± 80.0"]
    assert found[1][2:] == ["paper", "4.7 ± 0.0", "70.5 ± 0.1", "0.48 ± 0.00", "239.4 ± 3.5"]
    assert found[2][2:] == ["here", "3.000 ± 0.000", "90.0 ± 0.0", "0.500 ± 0.000", "30.0 ± 0.0"]


def test_the_gain_on_left_out_data_is_said(study):
    assert "is 8.0 times that with" in words(study)
    assert [row[0] for row in table(study, "Cross-validation")] == ["0", "0.1"]


def test_reliability_is_a_percentage_of_each_member(study):
    found = table(study, "Equilibrium moments")
    assert found[0][3:] == ["0.100 ± 0.000", "75.0 ± 50.0"]
    relaxed = table(study, "Relaxed crystals")
    assert relaxed[0][-1] == "75.0 ± 50.0"
    assert [row[-1] for row in relaxed if row[2] == "here"][1] == "100.0 ± 0.0"
    assert relaxed[2][4:6] == ["0.0100 ± 0.0000", "0.100 ± 0.000"]


def test_what_was_left_out_and_what_computed_the_labels_is_said(study):
    said = words(study)
    assert "1 left out: AlFe+h3: not converged" in said
    assert "labelled by ABINIT, a test" in said
    # Roots of mean squares of what `labels` has; energies about the mean of each crystal: 0.1, 0.1 and 0 eV per atom.
    assert "energy 81.6 meV/atom" in said and "forces 250 meV/Å" in said
    assert "stresses 1.6 GPa" in said and "magnetic forces 500 meV/µ" in said


ANCHORS = (
    "spin-data", "spin-points", "spin-folds", "spin-ensembles", "spin-checks", "spin-dynamics", "spin-learning",
    "spin-exchange",
)  # fmt: skip


def test_runs_that_stopped_say_why_and_have_no_means(study):
    found = table(study, "Molecular dynamics")
    # 0.1 meV an atom every 0.1 ps.
    assert [row[:4] for row in found[:2]] == [
        ["0.0", "0", "2.9000 ± 0.0000", "300"],
        ["0.0", "1", "2.9010 ± 0.0000", "300"],
    ]
    assert [row[5:] for row in found[:2]] == [["1.000", "ran through"]] * 2
    assert found[2] == ["25.0", "0", "-", "-", "-", "-", "after step 7: too hot"]
    assert "1 of 3 runs stopped" in words(study)


def test_labels_computed_anew_stand_beside_the_label(study):
    found = table(study, "Labels computed anew")
    assert [row[2] for row in found] == ["-1.0000", "-0.9990", "0.0010"]
    assert [row[5] for row in found] == ["-0.5000", "-0.5000", "0.0000"]


def test_savings_of_asking_are_ratios_of_labels(study):
    assert [row[1] for row in table(study, "Labels at random over labels asked for")] == [
        "1.00",
        "1.00",
        "1.00",
        "2.00",
    ]


def test_potentials_that_disagree_on_couplings_are_not_to_be_used():
    one = sample("exchange")
    other = replace(one, bond_meV=4 * one.bond_meV)

    def said(found):
        section = spin_use_sections.exchange_section(Library({}, LOG), found)
        return any(block.kind == "notice" and "do not agree" in block.text for block in section.blocks)

    # Mean-field temperatures are linear in the couplings: four times as high.
    assert said([one, other]) and not said([one, one])


def test_the_page_holds_the_sections_and_loads_nothing(paths, tmp_path):
    output = tmp_path / "report.html"
    build.render(paths, tmp_path / "none", {"studies": ["spin_potential"], "seed": 7}, output, LOG)
    page = output.read_text()
    assert all(f'id="{name}"' in page for name in ANCHORS)
    assert not re.findall(r'(?:src|href)="https?://', page)
    # A drawing that shows a value which is no number would say so.
    assert "nan" not in re.sub(r"<[^>]+>", " ", page).lower().split()


def test_nothing_of_the_study_makes_no_section():
    assert spin_potential.compose(Library({}, LOG), {}, LOG) is None


def test_tables_of_the_paper_have_every_form_that_it_has():
    # Table 2 has four sizes, Tables 3 and 4 three, all with two weights.
    assert [len(table) for table in (spin_paper.TABLE_2, spin_paper.TABLE_3, spin_paper.TABLE_4)] == [8, 6, 6]
    ratios = [spin_paper.TABLE_2[n, 0.0][3][0] / spin_paper.TABLE_2[n, 0.1][3][0] for n in (2, 3, 4, 5)]
    # "By a factor of ten", it says.
    assert min(ratios) > 7.9
