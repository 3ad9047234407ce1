"""The Nd-Fe search in the report: numbers of the artifacts, models called models, nothing loaded from elsewhere."""

import logging
import re
from dataclasses import replace

import numpy as np
import pytest
from artifact_samples import PROVENANCE, sample

from lodestone.artifacts.calculation_status import Status
from lodestone.artifacts.candidates import ORIGINS
from lodestone.artifacts.ragged import pack_texts
from lodestone.report import build, figures_search, nd_fe_search
from lodestone.report.inputs import Library

LOG = logging.getLogger(__name__)
CHGNET, VASP = "CHGNet 0.3.0 (fitted model)", "VASP 6.4 (PBE)"
ALIGNN = replace(PROVENANCE, backend="ALIGNN")
ENERGY, MOMENT = "formation_energy_eV_per_atom", "moment_muB_per_atom"
UNITS = {ENERGY: "eV", MOMENT: "mu_B", "anisotropy_MJ_m3": "MJ / m3", "energy_eV_per_atom": "eV"}
STAGES = (("before", -3.46, 2.0), ("referenced", 0.12, 1.0), ("after", 0.87, 0.25))


def texts(**columns):
    """Fields of columns of texts."""
    named = {name: zip(("offset", "utf8"), pack_texts(lines), strict=True) for name, lines in columns.items()}
    return {f"{name}_{part}": values for name, packed in named.items() for part, values in packed}


def population(**changes):
    """Five crystals of two generations: one not relaxed to the end, one that cannot be used, two on the front."""
    tried, succeeded = np.zeros(len(ORIGINS)), np.zeros(len(ORIGINS))
    tried[[0, 3]], succeeded[[0, 3]] = [4, 2], [1, 1]
    fields = {
        "atomic_number": [26, 60, *[26] * 5, 60, 60, *[26] * 17, 60, 26, 26], "space_group": [1, 191, 12, 166, 1],
        "formation_energy_eV_per_atom": [0.321, 0.012, 0.2, -0.043, 9.0], "mu0_Ms_T": [1.5, 2.34, 1.1, 1.87, 0.0],
        "uncertainty_eV_per_atom": [0.1, 0.017, 0.1, 0.029, 0.1], "anisotropy_MJ_m3": [0.5, 3.25, 0.0, -1.75, 0.0],
        "defect": [0, 0, 1, 0, 2], "duplicate_of": [-1] * 5, "rank": [1, 0, 2, 0, -1], "on_front": [0, 1, 0, 1, 0],
        "evaluations": [700, 20, 30, 40, 444], "generation": 1, "tried": tried, "succeeded": succeeded,
        "provenance": ALIGNN, "objectives": ["formation_energy", "magnetisation"],
    }  # fmt: skip
    made = {**fields, **changes}
    return sample("population", objective=np.zeros((5, len(made["objectives"]))), **made)


def screening(backend=CHGNET, signed=0, **changes):
    """A find, the paper's reference, and a find without an energy."""
    fields = {
        "kind": [0, 1, 0], "has_energy": [1, 1, 0], "has_mu0_Ms": [1, 1, 0], "has_prediction": [1, 0, 1],
        "has_Tc": [0, 0, 0], "Tc_K": [0.0, 0.0, 0.0], "status": [0, 0, int(Status.FAILED)],
        "formation_eV": [0.057, 0.123, 0.0], "formation_spread_eV": [0.01, 0.0, 0.0],
        "above_hull_eV": [0.061, 0.124, 0.0], "predicted_formation_eV": [0.033, 0.0, -0.7],
        "predicted_mu0_Ms_T": [2.22, 0.0, 2.5], "mu0_Ms_T": [2.05, 1.98, 0.0], "moment_muB": [14.32, 38.54, 0.0],
        "space_group": [191, 221, 0], "threshold_mu0_Ms_T": 1.99, "moments_signed": signed, "backend": backend,
        "provenance": replace(PROVENANCE, backend=backend),
    }  # fmt: skip
    named = texts(
        name=["g001-00003", "NdFe15", "g000-00009"], formula=["NdFe5", "NdFe15", "Nd2Fe17"],
        group=["P6/mmm", "Pm-3m", ""], reason=["", "", "it broke"],
    )  # fmt: skip
    return sample("screening", **{**fields, **named, **changes})


def interstitials():
    """Nitrogen that stabilises a host, and boron without an energy."""
    fields = {
        "element": [7, 5], "status": [0, int(Status.FAILED)], "has_energy": [1, 0], "change_eV": [-0.0341, 0.0],
        "formation_eV": [0.0229, 0.0], "insertion_eV": [-1.234, 0.0], "above_hull_eV": [0.05, 0.0],
        "volume_ratio": [1.067, 0.0], "mu0_Ms_T": [1.91, 0.0], "host_mu0_Ms_T": [2.05, 0.0],
        "provenance": replace(PROVENANCE, backend=CHGNET),
    }  # fmt: skip
    formulas, reasons = ["NdFe5N", "NdFe5B"], ["", "no energy of the host"]
    named = texts(name=["h.N1", "h.B1"], host=["h", "h"], formula=formulas, reason=reasons)
    return sample("interstitials", **fields, **named)


def transfer(*targets, size=5, labels_from=CHGNET, task="regression", **changes):
    """Predictions that are 2 too high before and 0.25 too low after; the last two crystals are the test set."""
    true = np.arange(size * len(targets), dtype=float).reshape(size, len(targets)) / 10
    split = np.r_[np.zeros(size - 2, int), 1, 1]
    errors = {stage: {"test": {"r2": r2, "mae": mae, "rmse": mae, "count": 2}} for stage, r2, mae in STAGES}
    errors["out_of_fold"] = {"train": {"r2": 0.5, "mae": 0.125, "rmse": 0.125, "count": size - 2}}
    metrics = dict.fromkeys(targets, errors)
    fields = {
        "true": true, "exists": np.ones_like(true, int), "sigma": np.zeros_like(true), "before": true + 2,
        "referenced": true + 1, "after": true - 0.25, "out_of_fold": true, "lower": true - 0.5,
        "upper": true + 0.125, "split": split, "group": np.arange(size), "fold": np.where(split, -1, 0),
        "has_forces": np.zeros(size, int), "site_offset": np.zeros(size + 1, int),
        **{f"force_{stage}_eV_A": np.zeros((0, 3)) for stage in ("true", "before", "after")},
        **{f"stress_{stage}_eV_A3": np.zeros((size, 3, 3)) for stage in ("true", "before", "after")},
        **texts(name=[f"c{k}" for k in range(size)]),
    }  # fmt: skip
    attributes = {"targets": [[name, UNITS[name]] for name in targets], "metrics": metrics, "scope": "last_layers"}
    attributes |= {"task": task, "labels_from": labels_from, "settings": {"coverage_level": 0.8}, "provenance": ALIGNN}
    return sample("transfer", **{**fields, **attributes, **changes})


@pytest.fixture
def paths(tmp_path):
    def written(**artifacts):
        found = {}
        for name, listed in artifacts.items():
            found[name] = [tmp_path / "nd_fe_search" / f"{name}-{k}.h5" for k in range(len(listed))]
            for path, artifact in zip(found[name], listed, strict=True):
                path.parent.mkdir(exist_ok=True)
                artifact.write(path)
        return found

    return written


@pytest.fixture
def compose(paths):
    return lambda **artifacts: nd_fe_search.compose(Library(paths(**artifacts), LOG), {}, LOG)


@pytest.fixture
def section(compose):
    return lambda anchor, **artifacts: {part.anchor: part for part in compose(**artifacts).sections}[anchor]


def rows_of(table):
    return [[cell.text for cell in row] for row in table.rows]


def words_of(section):
    """Everything that a section says in words, without the labels that link figures to the paper."""
    said = [getattr(block, name, "") for block in section.blocks for name in ("title", "caption", "text")]
    return " ".join([section.title, section.lead, *said])


EVERYTHING = {"transfers": [transfer(ENERGY, MOMENT)], "populations": [population()]}
EVERYTHING |= {"screening": [screening()], "interstitials": [interstitials()]}
ANCHORS = dict(zip(EVERYTHING, ("models", "search", "screening", "interstitials"), strict=True))


@pytest.mark.parametrize("absent", EVERYTHING)
def test_what_was_not_run_has_no_section_and_the_others_stay(absent, compose):
    assert compose() is None
    rest = {name: given for name, given in EVERYTHING.items() if name != absent}
    found = [part.anchor for part in compose(**rest).sections]
    assert found == [anchor for name, anchor in ANCHORS.items() if name != absent]
    assert [part.anchor for part in compose(**{absent: EVERYTHING[absent]}).sections] == [ANCHORS[absent]]


def test_the_summary_counts_what_was_found_and_says_who_computed_it(compose):
    cards, notice = compose(**EVERYTHING).summary
    first, strong, lowest = cards.cards
    assert (first.value, first.note) == ("5", "2 on the front, 2 generations")
    assert (strong.value, strong.note) == ("1", f"of 1 computed by {CHGNET}") and "1.99 T or more" in strong.label
    assert (lowest.value, lowest.note) == ("57 meV", "NdFe5")
    assert notice.tone == "warn" and CHGNET in notice.text and "fitted model and no DFT" in notice.text
    first_principles = compose(**{**EVERYTHING, "screening": [screening(VASP, 1)]}).summary[1]
    assert first_principles.tone == "info" and VASP in first_principles.text
    assert "no DFT" not in first_principles.text and "*predictions*" in first_principles.text


def test_the_front_is_listed_by_energy_as_predictions_of_models(section):
    shown = section("search", populations=[population()])
    figure, front, _ = shown.blocks
    names = population().names()
    assert [row[:4] for row in rows_of(front)] == [[names[3], "NdFe", "2", "166"], [names[1], "NdFe5", "6", "191"]]
    assert [row[4:6] for row in rows_of(front)] == [["-43", "1.87"], ["12", "2.34"]]
    assert [row[4].note for row in front.rows] == ["± 29", "± 17"] and rows_of(front)[0][6] == "heredity"
    assert front.caption == "Predicted by models, not computed." and "models see it" in figure.caption
    assert "predicted formation energy" in figure.svg and figure.origins[0].backends == ("ALIGNN",)
    assert shown.lead.startswith("5 crystals were relaxed with 1,234 evaluations") and "last generation" in shown.lead
    assert "stayed the same" in section("search", populations=[population(converged=1)]).lead


def test_each_generation_has_a_row_with_its_own_crystals(section):
    before = population(generation=0, succeeded=np.zeros(len(ORIGINS)), on_front=[0, 1, 1, 0, 0])
    history = section("search", populations=[population(), before]).blocks[-1]
    assert rows_of(history) == [
        # Of generation 0 three are seen; one was not relaxed to the end, two are on the front.
        ["0", "3", "2", "2", "12", "2.34", "none"],
        ["1", "2", "1", "1", "-43", "2.34", "heredity (50%)"],
    ]


def test_a_search_without_a_sound_crystal_has_tables_and_no_figure(section):
    shown = section("search", populations=[population(defect=[2] * 5, rank=[-1] * 5, on_front=[0] * 5)])
    assert [block.kind for block in shown.blocks] == ["table", "table"] and not shown.blocks[0].rows
    assert rows_of(shown.blocks[1])[0][:4] == ["1", "2", "0", "0"]


def test_what_the_back_end_computed_stands_beside_what_models_predicted(section):
    shown = section("screening", screening=[screening()])
    table = next(block for block in shown.blocks if block.kind == "table")
    assert rows_of(table) == [
        ["g001-00003", "NdFe5", "P6/mmm", "33", "57", "61", "2.22", "2.05", "14.32", "not computed"],
        ["NdFe15", "NdFe15", "Pm-3m", "-", "123", "124", "-", "1.98", "38.54", "not computed"],
        ["g000-00009", "Nd2Fe17", "-", "-700", "-", "-", "2.50", "-", "-", "not computed"],
    ]
    assert [row[0].note for row in table.rows] == ["", "reference", ""]
    assert {"E_{f} predicted", "µ_{0}M_{s} predicted"} <= set(table.columns)
    said = [block.text for block in shown.blocks if block.kind == "notice"]
    assert said[0] == "Without an energy: `g000-00009`: it broke."
    assert CHGNET in said[1] and "upper bound" in said[1] and len(said) == 2
    hot = section("screening", screening=[screening(has_Tc=[1, 0, 0], Tc_K=[812.4, 0, 0])])
    cells = rows_of(next(block for block in hot.blocks if block.kind == "table"))
    assert cells[0][-1] == "812" and cells[1][-1] == "not computed"


def test_the_map_shows_crystals_with_numbers_and_no_others(section):
    figure = section("screening", screening=[screening()]).blocks[0]
    assert "NdFe5" in figure.svg and "NdFe15" in figure.svg and "Nd2Fe17" not in figure.svg
    assert figure.caption.startswith(f"Computed by {CHGNET}") and "Bars" in figure.caption
    nothing = section("screening", screening=[screening(has_energy=[0] * 3)])
    assert [block.kind for block in nothing.blocks] == ["table", "notice", "notice"]


@pytest.mark.parametrize("name", EVERYTHING)
def test_a_fitted_model_is_never_called_dft_nor_a_dft_code_a_model(name, section):
    assert "DFT" not in words_of(section(ANCHORS[name], **{name: EVERYTHING[name]}))
    said = words_of(section("screening", screening=[screening(VASP, 1)]))
    assert VASP in said and "upper bound" not in said and "CHGNet" not in said


def test_light_elements_are_listed_with_what_they_change(section):
    (table,) = section("interstitials", interstitials=[interstitials()]).blocks
    assert rows_of(table) == [
        ["h.N1", "NdFe5N", "N", "h", "-34", "23", "-1.23", "+6.7", "1.91"],
        ["h.B1", "NdFe5B", "B", "h", "no energy of the host", "-", "-", "-", "-"],
    ]
    assert table.rows[0][4].tone == "good" and table.rows[0][8].note == "host 2.05"


def test_errors_and_intervals_of_the_models_are_those_of_the_artifact(section):
    shown = section("models", transfers=[transfer(ENERGY, MOMENT)])
    assert [block.kind for block in shown.blocks] == ["figure", "figure", "table", "table"]
    errors, intervals = shown.blocks[2:]
    assert rows_of(errors) == [
        [words, "3", "2", "-3.46", "0.12", "0.87", "0.50"] for words in ("formation energy", "moment")
    ]
    assert [cell.note for cell in errors.rows[0][3:]] == ["MAE 2.000", "MAE 1.000", "MAE 0.250", "MAE 0.125"]
    assert rows_of(intervals)[0] == ["formation energy", "80%", "100%", "0.625"]
    energy = shown.blocks[0]
    assert f"Labels by {CHGNET}. Moved: last layers." in energy.caption and energy.paper_label == "Fig. 1"
    assert "training (3)" in energy.svg and "test (2)" in energy.svg
    for end in ({"upper": np.c_[[1, 1, 1, 0.29, 1]]}, {"lower": np.c_[[-1, -1, -1, 0.31, -1]]}):
        assert rows_of(section("models", transfers=[transfer(ENERGY, **end)]).blocks[-1])[0][2] == "50%"


def test_the_newest_version_is_drawn_and_every_version_has_its_row(section):
    shown = section("models", transfers=[transfer(ENERGY), transfer(ENERGY, size=9)])
    assert [block.kind for block in shown.blocks] == ["figure", "table", "table"]
    assert "training (7)" in shown.blocks[0].svg
    assert [row[1:3] for row in rows_of(shown.blocks[1])] == [["3", "2"], ["7", "2"]]


def test_forces_of_the_force_field_are_said_in_words(section):
    arrays = {"force_true_eV_A": 0.5, "force_before_eV_A": 0.9, "force_after_eV_A": 0.375}
    fields = {name: np.full((3, 3), value) for name, value in arrays.items()}
    own = transfer(
        "energy_eV_per_atom", task="force_field", has_forces=[1] * 5, site_offset=[0, 1, 1, 1, 2, 3], **fields
    )
    said = section("models", transfers=[own]).blocks[-1].text
    assert "0.400 eV/Å before, 0.125 after, at a mean size of 0.500" in said


def test_objectives_of_the_search_are_those_that_are_shown(section):
    """Anisotropy is an objective here and magnetisation is none."""
    own = population(objectives=["formation_energy", "uncertainty", "anisotropy"])
    figure, front, _ = section("search", populations=[own]).blocks
    assert "magnetisation large" not in figure.caption and any("K_{1}" in column for column in front.columns)
    assert [["-1.75" in row, "3.25" in row] for row in rows_of(front)] == [[True, False], [False, True]]


def test_a_model_of_anisotropy_is_shown_with_its_errors_and_no_figure_of_the_paper(section):
    own = transfer("anisotropy_MJ_m3", labels_from="DFT with spin-orbit coupling of Novamag")
    figure, errors, intervals = section("models", transfers=[own]).blocks
    assert "anisotropy constant" in figure.title.lower() and "Labels by DFT with spin-orbit" in figure.caption
    assert figure.paper_label == figure.paper == "" and "MJ/m³" in figure.svg
    assert rows_of(errors) == [["anisotropy constant K_{1}", "3", "2", "-3.46", "0.12", "0.87", "0.50"]]
    assert errors.rows[0][0].note == "MJ/m³" and intervals.rows[0][3].note == "MJ/m³"


def test_the_figures_are_the_same_each_time_and_hold_a_marker_for_each_crystal():
    energy, moment = np.array([0.1, 0.2, 5.0]), np.array([1.5, 2.0, 1.0])
    drawn = [figures_search.generations(energy, moment, np.array([0, 1, 1]), np.array([0]), "g") for _ in range(2)]
    assert drawn[0] == drawn[1] and drawn[0].count("<use") > 3
    spread, kind = np.array([0.02, 0.0, 0.0]), np.array([False, True, False])
    mapped = figures_search.screening_map(energy, spread, moment, kind, ["A2B", "AB", "B"], 1.9, "m")
    assert all(f">{word}<" in mapped for word in ("A2B", "AB", "B", "found by the search", "reference"))
    alone = figures_search.screening_map(energy, spread, moment, ~kind & kind, ["A2B", "AB", "B"], 1.9, "m")
    assert ">reference<" not in alone


def test_the_page_loads_nothing_from_elsewhere_and_holds_the_numbers(paths, tmp_path):
    settings = {"studies": ["nd_fe_search"], "seed": 7, "nd_fe_search": {"minority": "Nd"}}
    output = tmp_path / "report.html"
    build.render(paths(**EVERYTHING), tmp_path / "none", settings, output, LOG)
    page = output.read_text(encoding="utf-8")
    # Name spaces of SVG are addresses by form only; nothing loads them.
    bare = re.sub(r'xmlns(:xlink)?="[^"]*"', "", page)
    assert not re.search(r"https?://|@import|<link|<iframe|url\((?!#)|<script[^>]*src", bare)
    assert not re.search(r'src="(?!data:)|href="(?!#|data:)', bare)
    assert re.findall(r'<section id="([^"]+)"', page)[:4] == list(ANCHORS.values())
    assert all(number in page for number in ("38.54", "14.32", "g001-00003", "h.N1", "it broke", CHGNET))
    assert "nan" not in re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL).split()
