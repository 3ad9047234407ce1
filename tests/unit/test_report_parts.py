"""Parts of the report: errors and coverage against numbers worked out by hand, cost, drawing style, rule graph."""

import logging
import math
import re
from pathlib import Path

import numpy as np
import pytest
from report_factory import Factory

from lodestone.artifacts.base import Provenance
from lodestone.artifacts.predictions import Predictions
from lodestone.report import hysteresis_paper as paper
from lodestone.report import provenance, sections, style
from lodestone.report.cost import RuleCost, cost_section, duration, hours, memory, read_benchmarks, rule_of
from lodestone.report.figures_curves import anchor_coordinates
from lodestone.report.hysteresis import RULES
from lodestone.report.hysteresis_checks import walls_table
from lodestone.report.hysteresis_data import Run, coverage_on_test, errors_on_test
from lodestone.report.hysteresis_tables import errors_table
from lodestone.report.inputs import Library
from lodestone.report.page import symbols
from lodestone.report.rulegraph import Rule, draw, essential_edges, merged

LOG = logging.getLogger("test_report")


def predictions(predicted: float = 0.0) -> Predictions:
    """Two training and four test samples; targets 1, 2, 3, 4 in the test set, the 4 absent for the last anchor."""
    target = np.repeat([[9.0], [9.0], [1.0], [2.0], [3.0], [4.0]], 6, axis=1)
    exists = np.ones((6, 6), np.uint8)
    exists[5, 5], target[5, 5] = 0, 0.0
    centre = np.full((6, 6), predicted)
    return Predictions(
        index=np.arange(6), split=np.array([0, 0, 1, 1, 1, 1], np.uint8), target=target, target_exists=exists,
        predicted=centre, spread=np.ones((6, 6)), lower=centre - 2.5, upper=centre + 2.5, model="m", encoding="",
        coverage_level=0.9, provenance=Provenance(backend="none", seed=1, config_sha256="0" * 64),
    )  # fmt: skip


def test_errors_are_means_over_test_samples_that_exist() -> None:
    errors = errors_on_test(predictions())
    assert errors.mean == pytest.approx([2.5] * 5 + [2.0])
    assert list(errors.count) == [4] * 5 + [3]
    # Sample standard deviation of 1, 2, 3, 4 over the root of 4; and of 1, 2, 3 over the root of 3.
    assert errors.standard_error == pytest.approx([math.sqrt(5 / 3 / 4)] * 5 + [math.sqrt(1 / 3)])


def test_errors_without_any_sample_are_not_a_number() -> None:
    whole = predictions()
    exists = whole.target_exists.copy()
    exists[2:, 0] = 0
    target = np.where(exists == 0, 0.0, whole.target)
    fields = {name: getattr(whole, name) for name in whole.specs()}
    partial = Predictions(**fields | {"target": target, "target_exists": exists}, provenance=whole.provenance)
    errors = errors_on_test(partial)
    assert np.isnan(errors.mean[0])
    assert errors.mean[1] == pytest.approx(2.5)


def test_coverage_counts_test_values_inside() -> None:
    cover = coverage_on_test(predictions(predicted=1.0))  # interval -1.5 to 3.5: holds 1, 2, 3, not 4
    assert cover.share == pytest.approx([0.75] * 5 + [1.0])
    assert cover.half_width == pytest.approx([2.5] * 6)
    # Wilson's interval for 3 of 4 at 95 %, from the formula with z = 1.96, known as 0.301 to 0.954.
    assert (cover.low[0], cover.high[0]) == pytest.approx((0.3006, 0.9544), abs=2e-4)
    assert cover.high[5] == 1.0


def test_best_of_our_models_is_marked_and_paper_is_shown() -> None:
    library = Library({}, LOG)
    run = Run(library, {}, models={"far": predictions(0.0), "near": predictions(2.5)}, encodings=["near"])
    table = errors_table(run)
    assert [cell.text for cell in table.rows[5][:2]] == ["H_{c}", "0.0206"]
    for row in table.rows:
        assert [cell.tone for cell in row[2:]] == ["", "best"]
    assert list(table.columns) == ["anchor", "paper, Table 3", "baseline: far", "autoencoder: near"]


def test_anchors_lie_on_their_levels() -> None:
    field, magnetisation = anchor_coordinates(np.array([0.98, 0.8, 0.3, 0.32, 0.34, 0.4]))
    assert list(field) == [1.0, 0.0, -0.3, -0.32, -0.34, -0.4]
    assert magnetisation == pytest.approx([0.98, 0.8, 0.72, 0.64, 0.56, 0.0])


def test_wall_on_coarse_cells_is_said_to_be_pinned() -> None:
    material = {"mu0_Ms_T": 1.61, "K1_J_m3": 4.2e6, "A_J_m": 8e-12}
    run = Run(Library({}, LOG), {"material": material, "structures": {"cell_size_nm": 1.5}})
    table = walls_table(run)
    assert [row[0].text for row in table.rows] == ["0.25 nm", "0.5 nm", "1 nm", "1.5 nm", "2 nm"]
    assert [row[0].note for row in table.rows] == ["", "", "", "this run", ""]
    # pi sqrt(A / K1) is 4.34 nm: cells of 0.25 nm resolve it within 2 %, cells of 2 nm do not.
    assert [row[2].tone for row in table.rows[:1] + table.rows[-1:]] == ["good", "warn"]
    assert "0.12 H_{A} is needed to move it" in table.caption


def test_benchmarks_are_summed_by_rule(tmp_path: Path) -> None:
    costs = {cost.rule: cost for cost in read_benchmarks(Factory(tmp_path, loops=4).benchmarks(), LOG)}
    assert set(costs) == {"compute_loops", "train_autoencoder", "collect_dataset"}
    loops = costs["compute_loops"]
    assert (loops.jobs, loops.wall_s, loops.cpu_s, loops.peak_MB) == (2, 200.0, 196.0, 310.5)
    # Too short to be sampled: at most its wall time, and no memory figure.
    assert costs["collect_dataset"].cpu_s == 0.4
    assert math.isnan(costs["collect_dataset"].peak_MB)


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("hysteresis/benchmarks/compute_loops/000.tsv", "compute_loops"),
        ("benchmarks/render_report.tsv", "render_report"),
        ("train_autoencoder/x_component.tsv", "train_autoencoder"),
    ],
)
def test_rule_of_a_benchmark_file(path: str, rule: str) -> None:
    assert rule_of(Path(path)) == rule


def test_file_that_is_no_benchmark_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "benchmarks" / "compute_loops.tsv"
    path.parent.mkdir()
    path.write_text("s\tmax_rss\tcpu_time\nfast\t1\t1\n")
    with pytest.raises(ValueError, match=r"compute_loops\.tsv: not a Snakemake benchmark file"):
        read_benchmarks(str(tmp_path), LOG)


def test_gpu_hours_are_those_of_rules_whose_artifacts_name_a_gpu() -> None:
    costs = [RuleCost("a", 1, 7200.0, 100.0, 10.0), RuleCost("b", 2, 3600.0, 3600.0, 2048.0)]
    section = cost_section(costs, lambda rule: {"a": ("lodestone planar GPU",)}.get(rule, ()), ["b", "a"])
    rows = [[cell.text for cell in row] for row in section.blocks[0].rows]
    assert rows[0] == ["`b`", "2", "1 h 00 min", "1", "–", "2.00 GB"]
    assert rows[1] == ["`a`", "1", "2 h 00 min", "0.028", "2", "10 MB"]
    assert rows[2] == ["all rules", "3", "3 h 00 min", "1", "2", "2.00 GB"]


def test_quantities_are_written_for_people() -> None:
    assert [duration(s) for s in (0.44, 61, 3599.7, 7325)] == ["0.4 s", "1 min 01 s", "1 h 00 min", "2 h 02 min"]
    assert [hours(s) for s in (0, 360, 36_000, 360_000)] == ["< 0.001", "0.1", "10", "100"]
    assert [memory(m) for m in (math.nan, 900, 2048)] == ["not measured", "900 MB", "2.00 GB"]


def plain_drawing() -> str:
    with style.settings():
        figure = style.drawing(3, 2)
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1.23456789], color=style.BLUE)
        axes.set_xlabel("H_{c} / H_{A}")
        return style.svg(figure, "trial", 'a "label" & more')


def test_drawing_follows_the_theme_and_the_page_font() -> None:
    text = plain_drawing()
    assert "stroke: var(--blue)" in text
    assert not any(colour in text for colour in style.THEME)
    assert "font-family" not in text
    assert 'aria-label="a &quot;label&quot; &amp; more"' in text
    assert '<tspan font-style="italic">H</tspan><tspan dy="0.3em" font-size="75%">c</tspan>' in text
    assert all(name.startswith("trial-") for name in re.findall(r'\bid="([^"]+)"', text))
    assert all(name.startswith("trial-") for name in re.findall(r'(?:href="#|url\(#)([^")]+)', text))


def test_drawing_has_the_same_bytes_every_time() -> None:
    assert plain_drawing() == plain_drawing()


def test_text_is_escaped_before_symbols_are_set() -> None:
    assert symbols("<b> M_{r} & `a<b` **so** *it*") == (
        '&lt;b&gt; <span class="sym"><i>M</i><sub>r</sub></span> &amp; <code>a&lt;b</code> <b>so</b> <i>it</i>'
    )


def test_dependencies_that_follow_from_others_are_left_out() -> None:
    rules = (Rule("a"), Rule("b", ("a",)), Rule("c", ("a", "b")), Rule("d", ("a", "c", "b")))
    assert essential_edges(rules) == [("a", "b"), ("b", "c"), ("c", "d")]


def test_rule_listed_before_what_it_needs_is_refused() -> None:
    with pytest.raises(ValueError, match="rule b comes after a, which is not listed before it"):
        essential_edges((Rule("b", ("a",)), Rule("a")))


def test_rule_graph_shows_every_rule_once_and_boxes_do_not_overlap() -> None:
    text = draw(RULES, {"compute_loops": "4 jobs"})
    assert all(text.count(f">{rule.name}<") == 1 for rule in RULES)
    assert ">4 jobs<" in text
    boxes = [(float(x), float(y)) for x, y in re.findall(r'<rect x="([\d.]+)" y="([\d.]+)"', text)]
    assert len(boxes) == len(RULES)
    # One row is 58 and one column 178 wide; boxes are 42 high and 144 wide.
    assert all(abs(a[0] - b[0]) >= 144 or abs(a[1] - b[1]) >= 42 for i, a in enumerate(boxes) for b in boxes[:i])


def test_rule_graph_lists_the_rules_of_the_workflow() -> None:
    root = Path(__file__).parents[2]
    found = set(re.findall(r"^rule (\w+):", "\n".join(p.read_text() for p in (root / "rules").glob("*.smk")), re.M))
    studies = [sections.study_module(name).RULES for name in sections.STUDIES]
    targets = {*sections.STUDIES, "spin_potential_asked", "spin_potential_data"}
    assert {rule.name for rules in studies for rule in rules} == found - targets


def test_rules_of_several_studies_are_joined_in_an_order_in_which_they_can_run() -> None:
    first = (Rule("a"), Rule("b", ("a",), "x"), Rule("end", ("b",)))
    second = (Rule("c"), Rule("a", ("c",)), Rule("end", ("a",)))
    joined = merged([*first, *second])
    assert joined == [Rule("c"), Rule("a", ("c",)), Rule("b", ("a",), "x"), Rule("end", ("b", "a"))]
    assert merged(RULES) == list(RULES)


def test_paper_table_is_the_paper_s() -> None:
    # Table 3 of the paper, in the order M_1, M_r, H_k90, H_k80, H_k70, H_c.
    assert list(paper.TABLE_3) == [0.0030, 0.0152, 0.0184, 0.0245, 0.0234, 0.0206]


def test_commit_is_named_in_a_checkout_and_its_absence_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert provenance.git_commit() == "not a git checkout"
    monkeypatch.setenv("PATH", "")
    assert provenance.git_commit() == "not a git checkout"
