"""The whole page from made-up artifacts: complete, self-contained, reproducible, strict about damage."""

import logging
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from artifact_samples import sample
from report_factory import MADE_UP, Factory

from lodestone.artifacts.base import ArtifactError
from lodestone.artifacts.hashing import file_sha256
from lodestone.report import build

LOG = logging.getLogger("test_report")
VOID = {"meta", "link", "br", "img", "hr", "input"}


@pytest.fixture(scope="module", autouse=True)
def fixed_commit():
    """Somebody may commit between two renderings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "git_commit", lambda: "0123456789ab")
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Factory:
    return Factory(tmp_path_factory.mktemp("run")).everything()


@pytest.fixture(scope="module")
def page(made: Factory) -> str:
    return rendered(made, made.paths)


def rendered(made: Factory, paths: dict) -> str:
    output = made.root / "page" / "report.html"
    build.render(paths, made.benchmarks(), made.config, output, LOG)
    return output.read_text(encoding="utf-8")


class Structure(HTMLParser):
    """Collects identifiers and links, and checks that elements are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.ids, self.links = [], [], []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.note(attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self.note(attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> at {self.getpos()} closes something else"

    def note(self, attrs: list) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            if name in ("href", "xlink:href") and value.startswith("#"):
                self.links.append(value[1:])


def test_page_is_well_formed_and_every_link_has_a_target(page: str) -> None:
    structure = Structure(page)
    assert structure.open == []
    assert len(structure.ids) == len(set(structure.ids)), "an identifier is used twice"
    assert len(structure.links) > 20
    assert set(structure.links) <= set(structure.ids)


def test_page_loads_nothing_from_elsewhere(page: str) -> None:
    # Name spaces of SVG are addresses by form only; nothing loads them.
    text = re.sub(r'xmlns(:xlink)?="[^"]*"', "", page)
    assert not re.search(r"https?://|@import|<link|<iframe|url\((?!#)", text)
    assert not re.search(r'src="(?!data:)|href="(?!#|data:)', text)


def test_every_stage_has_its_section(page: str) -> None:
    anchors = re.findall(r'<section id="([^"]+)"', page)
    assert anchors == [
        "curves", "predictions", "intervals", "encoder", "training", "morphing", "designs", "health",
        "cost", "workflow", "provenance",
    ]  # fmt: skip
    for label in ("Fig. 4", "Fig. 5", "Fig. 6", "Fig. 7", "Fig. 8", "Table 3"):
        assert f"Paper, {label}</b>" in page
    assert page.count("<svg") > 20


def test_page_says_what_is_what(page: str) -> None:
    assert "This is a small run" in page
    assert "config/paper/hysteresis.yaml" in page
    assert "they are not simulations" in page
    assert "Nothing on this page was measured" in page
    assert "What cells of 2 nm do to a domain wall" in page


def test_cost_of_a_loop_is_said(page: str) -> None:
    # 88 s and 108 s of CPU time in the made-up benchmarks of the two batches, 40 loops.
    assert re.search(r"CPU time per loop, everything included</th><td>4\.90 s", page)


def test_a_material_from_electronic_structure_is_said_to_be(made: Factory, tmp_path: Path) -> None:
    path = tmp_path / "results" / "electronic_structure" / "material" / "iron.h5"
    path.parent.mkdir(parents=True)
    zero = {"message": "no K_1: cubic", "has_K1": 0, "K1_J_m3": [0.0, 0.0], "K1_0_J_m3": 0.0}
    numbers = {"mu0_Ms_0_T": 1.61, "A_0_J_m": 8e-12, "Tc_K": 900.0, "shape": 0.3, "temperature_K": [0.0, 300.0]}
    values = {"mu0_Ms_T": [1.61, 1.5], "A_J_m": [8e-12, 7e-12], "name": "iron", "A_source": "J_ij of AkaiKKR"}
    sample("material", **zero, **numbers, **values).write(path)
    section = {"from": "iron", "temperature_K": 0.0, "fallback_K1_J_m3": 4.2e6}
    config = {**made.config, "hysteresis": {**made.config["hysteresis"], "material": section}}
    output = tmp_path / "report.html"
    paths = {**made.paths, "hysteresis_material": [str(path)], "material": [str(path)]}
    build.render(paths, made.benchmarks(), config, output, LOG)
    text = re.sub(r"<[^>]+>", "", output.read_text(encoding="utf-8"))
    assert "Material. That of iron at 0 K, from electronic structure" in text
    assert "K1 = 4.2 MJ/m³ (given in the configuration)" in text
    assert "(J_ij of AkaiKKR)" in text
    Structure(output.read_text(encoding="utf-8"))


def test_large_run_is_not_called_small(made: Factory) -> None:
    section = made.config["hysteresis"]
    full = {**section, "loops": {"count": 3977}, "autoencoder": {"structures": 320_000, "epochs": 400}}
    output = made.root / "page" / "full.html"
    config = {**made.config, "hysteresis": full}
    build.render({"loops": made.paths["loops"]}, made.benchmarks(), config, output, LOG)
    assert "This is a small run" not in output.read_text(encoding="utf-8")


def test_every_artifact_is_listed_with_its_hash_and_back_end(made: Factory, page: str) -> None:
    for given in made.paths.values():
        for path in [given] if isinstance(given, str) else given:
            row = re.search(rf"<tr>(?:(?!</tr>).)*<code>{re.escape(path)}</code>.*?</tr>", page, re.S)
            assert row, f"{path} is not listed"
            assert file_sha256(path)[:12] in row[0]
            assert MADE_UP in row[0]


def test_ancestors_that_the_report_does_not_read_are_listed(made: Factory, page: str) -> None:
    assert str(made.root / "structures" / "000.h5") in page
    assert str(made.root / "x_component" / "codes.h5") in page
    assert "none broken." in page


def test_figures_name_their_inputs_and_back_ends(page: str) -> None:
    origins = re.findall(r'<p class="origin">(.*?)</p>', page, re.S)
    assert len(origins) > 10
    assert all(f"back end: {MADE_UP}" in origin for origin in origins)


def test_same_inputs_give_the_same_bytes(made: Factory, page: str) -> None:
    assert rendered(made, made.paths) == page


def test_page_stays_small(page: str) -> None:
    # The budget is 8 MB at 160 x 160 cells; a hundredth of the cells must leave most of it for pictures.
    assert len(page.encode()) < 3e6


def test_loops_alone_are_reported(made: Factory) -> None:
    text = rendered(made, {name: made.paths[name] for name in ("dataset", "loops")})
    assert re.findall(r'<section id="([^"]+)"', text) == ["curves", "health", "cost", "workflow", "provenance"]
    assert "Fig. 5" not in text


def test_one_encoding_without_baselines_is_reported(made: Factory) -> None:
    text = rendered(made, {"predictions": made.paths["predictions"][:1]})
    assert 'id="predictions"' in text
    assert "What a sceptic would ask" not in text


def test_no_results_give_a_page_that_says_so(made: Factory) -> None:
    text = rendered(made, {"loops": []})
    assert "No study has results yet" in text
    assert "hysteresis" in text
    assert Structure(text).open == []


def test_truncated_artifact_is_refused_by_name(made: Factory, tmp_path: Path) -> None:
    whole = Path(made.paths["dataset"]).read_bytes()
    broken = tmp_path / "broken.h5"
    broken.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArtifactError, match=re.escape(str(broken))):
        rendered(made, made.paths | {"dataset": str(broken)})


def test_artifact_under_the_wrong_name_is_refused(made: Factory) -> None:
    with pytest.raises(ArtifactError, match=r"dataset\.h5: schema: found 'hysteresis_dataset', expected 'loops'"):
        rendered(made, {"loops": made.paths["dataset"]})


def test_failed_rendering_leaves_the_last_page(made: Factory, tmp_path: Path) -> None:
    output = tmp_path / "report.html"
    output.write_text("last one")
    with pytest.raises(ArtifactError):
        build.render({"loops": [str(tmp_path / "absent.h5")]}, made.benchmarks(), made.config, output, LOG)
    assert output.read_text() == "last one"


def test_two_files_where_one_belongs_are_refused(made: Factory) -> None:
    with pytest.raises(ValueError, match="report input dataset: found 2 files, expected one"):
        rendered(made, {"dataset": [made.paths["dataset"]] * 2})


def test_unknown_study_is_refused(made: Factory, tmp_path: Path) -> None:
    config = {**made.config, "studies": ["alchemy"]}
    with pytest.raises(ValueError, match="studies: found alchemy, the report knows electronic_structure, hysteresis"):
        build.render(made.paths, tmp_path, config, tmp_path / "report.html", LOG)


def test_artifact_made_from_another_version_is_pointed_out(tmp_path: Path) -> None:
    made = Factory(tmp_path, loops=8)
    made.computed()
    made.write(made.batch(slice(0, 4), made.grains[0]), "loops", "000.h5")  # new random numbers, other bytes
    text = rendered(made, made.paths)
    assert "1 of 6 links to parents are broken" in text
    assert "<code>dataset.h5</code> from an earlier <code>loops/000.h5</code>" in text
