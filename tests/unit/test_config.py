"""The config is strict: what is valid passes, everything else is refused with the path of its key."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from lodestone import config, config_table
from lodestone.config import ConfigError

ROOT = Path(__file__).parents[2]
DEFAULT = ROOT / "config" / "config.yaml"
SHIPPED = sorted((ROOT / "config").rglob("*.yaml"))


def nested(path, value):
    """``nested("a.b", 1)`` is ``{"a": {"b": 1}}``."""
    for key in reversed(path.split(".")):
        value = {key: value}
    return value


# Key, value, what the message says beside the key's path. Paths are below `hysteresis` unless they start at the top.
BAD = [
    ("sead", 1, "unknown key; did you mean seed?"),
    ("hysteresys", {}, "unknown key; did you mean hysteresis?"),
    ("structures.cell", 160, "unknown key; did you mean cells?"),
    ("loops.Count", 10, "unknown key; did you mean count?"),
    ("loops.partition", "gpu", "unknown key; allowed: count, test_count"),
    ("loops", None, "found nothing (an empty entry), allowed: a mapping with the keys count, test_count"),
    ("loops", 5, "found 5, allowed: a mapping"),
    ("loops", [], "found [], allowed: a mapping"),
    ("seed", "7", "found the text '7' (YAML takes it for text; as a number it is written 7), allowed: a whole number"),
    ("seed", -1, "found -1, allowed: a whole number from 0 to 9223372036854775807"),
    ("seed", 2**63, "found 9223372036854775808, allowed"),
    ("seed", 1.5, "found 1.5, allowed: a whole number"),
    ("seed", True, "found true, allowed: a whole number"),
    ("results_dir", 3, "found 3, allowed: text"),
    ("results_dir", "", "found the text '', allowed: text of letters, digits"),
    ("results_dir", "results/", "found the text 'results/'"),
    ("results_dir", "my {results}", "found the text 'my {results}'"),
    ("studies", [], "found [], allowed: a list of 1 or more different entries, each one of hysteresis"),
    ("studies", "hysteresis", "found the text 'hysteresis', allowed: a list"),
    ("studies", ["hysteresis", "hysteresis"], "found ['hysteresis', 'hysteresis'], allowed: a list"),
    ("material.K1_J_m3", "4.2e6", "found the text '4.2e6' (YAML takes it for text; as a number it is written 4.2e+06)"),
    ("material.K1_J_m3", 0, "found 0, allowed: a number above 0 up to 1e+08 (J / m3)"),
    ("material.mu0_Ms_T", -1.61, "found -1.61, allowed: a number above 0 up to 3 (T)"),
    ("material.mu0_Ms_T", float("nan"), "found nan, allowed: a number"),
    ("material.A_J_m", float("inf"), "found inf, allowed: a number"),
    ("material.A_J_m", 8.0, "found 8.0, allowed: a number above 0 up to 1e-09 (J / m)"),
    ("structures.cells", 100, "found 100, allowed: a whole number from 32 to 1024 that is a multiple of 32"),
    ("structures.cells", 160.0, "found 160.0, allowed: a whole number"),
    ("structures.cells", 2048, "found 2048, allowed"),
    ("structures.cell_size_nm", 0, "found 0, allowed: a number above 0 up to 100 (nm)"),
    ("structures.cell_size_nm", False, "found false, allowed: a number"),
    ("structures.grain_count_min", 0, "found 0, allowed: a whole number from 1"),
    ("structures.grain_count_max", 70000, "found 70000, allowed: a whole number from 1 to 65535"),
    ("structures.max_misorientation_deg", 181, "found 181, allowed: a number from 0 to 180 (deg)"),
    ("loops.field_step_HA", 0.0, "found 0.0, allowed: a number from 0.0005 to 0.5 (H_A)"),
    ("loops.torque_tolerance", 0.1, "found 0.1, allowed: a number from 1e-09 to 0.01"),
    ("loops.backend", "tpu", "found the text 'tpu', allowed: one of cpu, gpu"),
    ("loops.backend", ["cpu"], "found ['cpu'], allowed: one of cpu, gpu"),
    ("autoencoder.fresh_structures", "yes", "found the text 'yes', allowed: true or false"),
    ("autoencoder.fresh_structures", 1, "found 1, allowed: true or false"),
    ("autoencoder.device", "cuda", "found the text 'cuda', allowed: one of auto, cpu, gpu"),
    ("autoencoder.epochs", 0, "found 0, allowed: a whole number from 1"),
    ("encodings", {"x_component": True}, "found {'x_component': True}, allowed: a list"),
    ("regressor.coverage_level", 1.0, "found 1.0, allowed: a number from 0.5 to 0.999"),
    ("regressor.folds", 1, "found 1, allowed: a whole number from 2 to 50"),
    ("regressor.learning_rate", "1e-4", "found the text '1e-4' (YAML takes it for text; as a number it is written"),
    ("inverse.goals", [], "found [], allowed: a list of 1 to 50 different entries"),
    ("material.from", "../Fe{0}", "found the text '../Fe{0}', allowed: text that is empty, the name of a crystal, or"),
    ("material.from", None, "found nothing (an empty entry), allowed: text that is empty"),
    ("material.temperature_K", -1, "found -1, allowed: a number from 0 to 10000 (K)"),
    ("material.fallback_K1_J_m3", -1e6, "found -1000000.0, allowed: a number from 0 to 1e+08 (J / m3)"),
    # Keys that are each fine but not together.
    ("material.from", "hcp_Co", "found hcp_Co, allowed: a crystal with exchange couplings (bcc_Fe) or a path"),
    ("structures.grain_count_min", 300, "found 300, allowed: at most 256 (grain_count_max)"),
    ("structures.grain_count_max", 30000, "found 30000, allowed: at most 25600 (the number of cells"),
    ("structures.cell_size_nm", 5.0, "found 5.0, allowed: at most 4.33581 (nm, the width of a domain wall"),
    ("loops.field_step_HA", 0.03, "found 0.03, allowed: 1 over a whole number, such as 0.030303 (H_A)"),
    ("loops.test_count", 96, "found 96, allowed: at most 94 (count - 2"),
    ("loops.batch_size", 97, "found 97, allowed: at most 96 (count)"),
    ("regressor.batch_size", 55, "found 55, allowed: at most 54 (the training pairs of the smallest fold)"),
    ("baselines.cnn_batch_size", 73, "found 73, allowed: at most 72 (the training pairs"),
    ("autoencoder.batch_size", 4096, "found 4096, allowed: at most 2048 (autoencoder.structures)"),
    ("inverse.candidates", 41, "found 41, allowed: at most 40 (population)"),
]  # fmt: skip
TOP = {"sead", "hysteresys", "seed", "results_dir", "studies"}


@pytest.mark.parametrize(("key", "value", "message"), BAD)
def test_bad_values_are_refused_with_the_path_of_their_key(key, value, message):
    path = key if key in TOP else f"hysteresis.{key}"
    with pytest.raises(ConfigError) as caught:
        config.validate(nested(path, value), "my.yaml")
    assert [where for where, _ in caught.value.problems] == [path]
    assert str(caught.value).startswith(f"my.yaml: {path}: {message}")


OTHER_BAD = [
    ({"encodings": ["x_component", "fourier"]}, "hysteresis.encodings[1]", "found the text 'fourier', allowed: one of"),
    ({"inverse": {"goals": [{"M_r": 0.9, "H_c": 0.5}]}}, "hysteresis.inverse.goals[0].squareness", "found nothing"),
    (
        {"inverse": {"goals": [{"M_r": 1.9, "H_c": 0.5, "squareness": 0.5}]}},
        "hysteresis.inverse.goals[0].M_r",
        "found 1.9, allowed: a number above 0 up to 1 (M_s)",
    ),
    (
        {"inverse": {"goals": [{"M_r": 0.9, "H_c": 0.5, "squareness": 0.5, "BH": 1}]}},
        "hysteresis.inverse.goals[0].BH",
        "unknown key; allowed: M_r, H_c, squareness",
    ),
    (
        {"loops": {"count": 20, "test_count": 16, "batch_size": 4}, "regressor": {"folds": 5, "batch_size": 1}},
        "hysteresis.regressor.folds",
        "found 5, allowed: at most 4 (the training pairs, count - test_count)",
    ),
    (
        {"autoencoder": {"device": "cpu", "mixed_precision": True}},
        "hysteresis.autoencoder.mixed_precision",
        "found true with device cpu",
    ),
]


def test_a_material_of_a_crystal_or_an_artifact_is_fine():
    for name in ("bcc_Fe", "results/electronic_structure/material/bcc_Fe.h5", ""):
        made = config.validate({"hysteresis": {"material": {"from": name}, "structures": {"cell_size_nm": 2.0}}})
        assert made["hysteresis"]["material"]["from"] == name


def test_the_width_of_a_wall_is_not_known_before_the_crystal():
    section = {"material": {"from": "bcc_Fe"}, "structures": {"cell_size_nm": 5.0}}
    assert config.validate({"hysteresis": section})["hysteresis"]["structures"]["cell_size_nm"] == 5.0


@pytest.mark.parametrize(("study", "path", "message"), OTHER_BAD)
def test_bad_entries_of_lists_and_of_several_keys(study, path, message):
    with pytest.raises(ConfigError) as caught:
        config.validate({"hysteresis": study})
    assert (path, True) in [(where, text.startswith(message)) for where, text in caught.value.problems]


def test_all_problems_are_named_at_once():
    with pytest.raises(ConfigError) as caught:
        config.validate({"seed": "x", "hysteresis": {"loops": {"count": 0, "batchsize": 1}}}, "my.yaml")
    assert [where for where, _ in caught.value.problems] == [
        "hysteresis.loops.batchsize",
        "hysteresis.loops.count",
        "seed",
    ]
    assert str(caught.value).startswith("my.yaml: several problems\n  hysteresis.loops.batchsize: unknown key")


@pytest.mark.parametrize("value", [None, 3, "text", ["seed"]])
def test_a_config_is_a_mapping(value, tmp_path):
    with pytest.raises(ConfigError, match="allowed: a mapping of keys to values"):
        config.validate(value)
    if value is not None:
        (tmp_path / "a.yaml").write_text(yaml.safe_dump(value))
        with pytest.raises(ConfigError, match=r"a\.yaml: found .*, allowed: a mapping"):
            config.load(tmp_path / "a.yaml")


def test_files_that_are_no_config(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.yaml: found no such file"):
        config.load(tmp_path / "none.yaml")
    broken = {
        "tab.yaml": b"a:\n\t- 1",
        "open.yaml": b"a: [1",
        "bytes.yaml": b"\xff\xfe\xfa",
        "tag.yaml": b"!!python/x 1",
    }
    for name, content in broken.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ConfigError, match=f"{re.escape(name)}: not valid YAML"):
            config.load(tmp_path / name)


def test_a_key_given_twice_is_refused(tmp_path):
    (tmp_path / "a.yaml").write_text("seed: 1\nhysteresis:\n  loops:\n    count: 10\n    count: 20\n")
    with pytest.raises(ConfigError, match="key 'count' is given twice(.|\n)*line 5"):
        config.load(tmp_path / "a.yaml")


def test_later_files_lay_their_keys_over_earlier_ones(tmp_path):
    (tmp_path / "a.yaml").write_text("hysteresis:\n  encodings: [double_angle]\n  loops: {count: 80, batch_size: 20}\n")
    (tmp_path / "b.yaml").write_text("hysteresis: {loops: {count: 90}}\n")
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    study = config.load(tmp_path / "a.yaml", tmp_path / "b.yaml", tmp_path / "empty.yaml")["hysteresis"]
    assert study["loops"]["count"] == 90
    assert study["loops"]["batch_size"] == 20
    assert study["encodings"] == ["double_angle"]
    with pytest.raises(ConfigError, match=r"a\.yaml \+ .*b\.yaml: seed"):
        (tmp_path / "b.yaml").write_text("seed: x\n")
        config.load(tmp_path / "a.yaml", tmp_path / "b.yaml")


def test_defaults_are_filled_in_and_nobody_shares_them():
    first = config.validate({"hysteresis": {"loops": {"count": 100}}})
    assert first["hysteresis"]["loops"]["count"] == 100
    assert first["hysteresis"]["loops"]["test_count"] == 24
    first["hysteresis"]["inverse"]["goals"][0]["M_r"] = 0.1
    first["hysteresis"]["encodings"].clear()
    assert config.defaults() == config.load(DEFAULT)


def test_validation_changes_nothing_of_its_own_result():
    once = config.load(DEFAULT)
    assert config.validate(copy.deepcopy(once)) == once


def test_whole_numbers_may_stand_for_numbers():
    """Otherwise 2 and 2.0 would differ in hashes, and rerun jobs."""
    study = config.validate({"hysteresis": {"structures": {"cell_size_nm": 2}}})["hysteresis"]
    assert isinstance(study["structures"]["cell_size_nm"], float)
    assert isinstance(study["structures"]["cells"], int)


@pytest.mark.parametrize("path", SHIPPED, ids=[str(p.relative_to(ROOT)) for p in SHIPPED])
def test_shipped_configs_are_valid(path):
    """Alone, and over the default as Snakemake lays them."""
    config.load(path)
    assert config.load(DEFAULT, path)["hysteresis"]["material"] == config.defaults()["hysteresis"]["material"]


def test_the_default_config_shows_every_key_with_its_default():
    assert config.read(DEFAULT) == config.defaults()
    shown = DEFAULT.read_text()
    for name, _ in config_table.rows(config.schema()):
        assert f"{name.split('.')[-1].removesuffix('[]')}:" in shown


def test_sizes_of_the_paper_and_of_the_bench():
    study = config.load(DEFAULT, ROOT / "config/paper/hysteresis.yaml")["hysteresis"]
    assert study["loops"]["count"] - study["loops"]["test_count"] == 3607
    assert (study["autoencoder"]["structures"], study["autoencoder"]["epochs"]) == (320000, 400)
    assert (study["regressor"]["max_epochs"], study["regressor"]["folds"]) == (753, 4)
    assert not study["autoencoder"]["fresh_structures"]
    study = config.load(DEFAULT, ROOT / "config/bench/hysteresis.yaml")["hysteresis"]
    assert (study["autoencoder"]["structures"], study["loops"]["count"]) == (20000, 1000)


def sections(part, path="config"):
    """Every part of the schema with its path."""
    yield path, part
    for key, sub in part.get("properties", {}).items():
        yield from sections(sub, f"{path}.{key}")
    if "items" in part:
        yield from sections(part["items"], f"{path}[]")


def test_the_schema_is_valid_and_says_everything():
    schema = config.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for path, part in sections(schema):
        assert len(part["description"]) > 5, path
        if part["type"] == "object":
            assert part["additionalProperties"] is False, path
            continue
        assert part["unit"], path
        assert "default" in part or "[]" in path, path
        if part["type"] in ("integer", "number"):
            assert "maximum" in part, path
            assert "minimum" in part or "exclusiveMinimum" in part, path
        if part["type"] == "string":
            assert "enum" in part or "pattern" in part, path


def test_every_default_keeps_its_own_bounds():
    for path, part in sections(config.schema()):
        if "default" in part and part["type"] != "object":
            jsonschema.Draft202012Validator(part).validate(part["default"])
            assert config.fill(part, part["default"]) == part["default"], path


def test_the_table_of_keys_is_in_step_with_the_schema():
    text = (ROOT / "config" / "README.md").read_text()
    assert text == config_table.table(), "run: python -m lodestone.config_table > config/README.md"
    assert "| `hysteresis.loops.field_step_HA` | `0.01` | H_A | a number from 0.0005 to 0.5 (H_A) |" in text


def test_the_config_needs_light_modules_only():
    """Every cluster job reads the Snakefile again, and with it this."""
    code = (
        "import sys; from lodestone import config, paths; config.defaults();"
        "heavy = {'numpy', 'torch', 'h5py', 'numba', 'pandas', 'scipy', 'requests', 'snakemake'} & set(sys.modules);"
        "print(sorted(heavy)); sys.exit(bool(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
