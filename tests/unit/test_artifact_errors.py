"""Files that are not what they should be are refused by name."""

from __future__ import annotations

import hashlib
import re

import h5py
import numpy as np
import pytest
from artifact_samples import fields, same, sample

from lodestone.artifacts import io
from lodestone.artifacts.base import ArtifactError, Provenance
from lodestone.artifacts.codes import LatentCodes
from lodestone.artifacts.file_checks import SEAL, seal
from lodestone.artifacts.grains import Grains
from lodestone.artifacts.hashing import file_sha256
from lodestone.artifacts.loops import Loops
from lodestone.artifacts.registry import read_any


@pytest.fixture
def path(tmp_path):
    sample("loops").write(tmp_path / "loops.h5")
    return tmp_path / "loops.h5"


def change(path, edit, reseal=True):
    """Edit a file as somebody could by hand who keeps its hashes right."""
    with h5py.File(path, "r+") as file:
        edit(file)
        if reseal:
            file.attrs[SEAL] = seal(file)


def replace(name, data, **attributes):
    def edit(file):
        old = dict(file[name].attrs)
        del file[name]
        file.create_dataset(name, data=data)
        file[name].attrs.update({**old, **attributes})

    return edit


def attribute(name, value):
    return lambda file: file.attrs.__setitem__(name, value)


def unit(name, value):
    return lambda file: file[name].attrs.__setitem__("unit", value)


def without(name):
    return lambda file: file.attrs.__delitem__(name)


def group(file):
    del file["status"]
    file.create_group("status")


BAD = {
    "wrong schema": (attribute("schema", "grains"), "schema: found 'grains', expected 'loops'"),
    "no schema": (without("schema"), "root attribute 'schema': found none"),
    "wrong version": (attribute("schema_version", 2), r"version of schema 'loops': found 2 \(.*\), expected 1"),
    "missing parents": (without("parents"), "root attribute 'parents': found none"),
    "parents are no JSON": (attribute("parents", "{"), "root attribute 'parents'.*JSON"),
    "no seed": (without("seed"), "root attribute 'seed': found none, expected int"),
    "seed is text": (attribute("seed", "7"), "root attribute 'seed': found '7', expected int"),
    "no config hash": (without("config_sha256"), "root attribute 'config_sha256'"),
    "wrong unit": (unit("field_T", "mT"), "field 'field_T': unit: found 'mT', expected 'T'"),
    "no unit": (lambda f: f["field_T"].attrs.__delitem__("unit"), "field 'field_T': unit: found None, expected 'T'"),
    "wrong unit in a group": (unit("material/A_J_m", "pJ / m"), "A_J_m': unit: found 'pJ / m', expected 'J / m'"),
    "no hash": (lambda f: f["status"].attrs.__delitem__("sha256"), "field 'status': attribute 'sha256'"),
    "missing field": (lambda f: f.__delitem__("status"), "fields: found no status, expected .*step_status"),
    "unknown field": (lambda f: f.create_dataset("note", data=1), "fields: found unknown note"),
    "group for a field": (group, "field 'status': found a group, expected a dataset"),
    "other dtype": (replace("status", np.zeros(4, "u2")), "field 'status': dtype: found uint16, expected uint8"),
    "dataset for a group": (replace("material", 3), "field 'material': found a dataset, expected a group"),
    "missing entry": (lambda f: f["material"].__delitem__("A_J_m"), "entries of 'material': found no A_J_m"),
    "unknown entry": (lambda f: f["material"].create_group("T_C"), "entries of 'material': found unknown T_C"),
    "damaged entry": (lambda f: f["material/A_J_m"].__setitem__((), 7e-12), "'material/A_J_m': sha256 of the data"),
    "text for a number": (replace("tolerance", "small"), "field 'tolerance': dtype: .*expected number"),
    "list for a number": (replace("tolerance", np.ones(2)), r"field 'tolerance': shape: found \(2,\)"),
    "too few dimensions": (replace("magnetisation", np.zeros(4)), r"shape: found \(4,\), .*\(loop, field\)"),
    "other length": (replace("status", np.zeros(3, "u1")), r"shape: found \(3,\) .*expected 4 along loop as .*'index'"),
    "other data": (replace("status", np.array([2, 0, 1, 0], "u1")), "field 'status': sha256 of the data.*damaged"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_refused_by_name(case, path):
    edit, message = BAD[case]
    change(path, edit)
    with pytest.raises(ArtifactError, match=f"^{re.escape(str(path))}: .*{message}"):
        Loops.read(path)
    with pytest.raises(ArtifactError, match=f"^{re.escape(str(path))}: "):
        list(Loops.stream(path, 2))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_finite(value, path):
    """Such a file cannot be written by us; one that was made elsewhere is refused."""
    data = fields(Loops)["magnetisation"].copy()
    data[2, 3] = value
    change(path, replace("magnetisation", data, sha256=_sha256(data)))
    expected = rf"field 'magnetisation': found {value} at \[2, 3\] \(1 such values\), expected finite numbers"
    with pytest.raises(ArtifactError, match=expected):
        Loops.read(path)
    with pytest.raises(ArtifactError, match="field 'magnetisation': found .* expected finite"):
        list(Loops.stream(path, 1))


def _sha256(data):
    return hashlib.sha256(data.tobytes()).hexdigest()


TEXT = {
    "number for text": (replace("encoding", 3), "field 'encoding': dtype: found int64, expected text"),
    "unit on text": (unit("encoding", "T"), "field 'encoding': unit: found 'T', expected None"),
    "other text": (replace("encoding", "other words"), "field 'encoding': sha256 of the data"),
}


@pytest.mark.parametrize("case", TEXT)
def test_text_refused_by_name(case, tmp_path):
    edit, message = TEXT[case]
    sample("latent_codes").write(tmp_path / "a.h5")
    change(tmp_path / "a.h5", edit)
    with pytest.raises(ArtifactError, match=message):
        LatentCodes.read(tmp_path / "a.h5")


def test_edited_attributes(path):
    change(path, lambda file: file.attrs.__setitem__("backend", "another"), reseal=False)
    for read in (Loops.read, io.read_provenance, read_any):
        with pytest.raises(ArtifactError, match=f"{SEAL}.*damaged or was edited"):
            read(path)


def test_absent_empty_and_foreign_files(tmp_path):
    with pytest.raises(ArtifactError, match=r"none\.h5: file: found none"):
        Loops.read(tmp_path / "none.h5")
    for name, content in (("empty.h5", b""), ("text.h5", b"no HDF5 at all\n" * 100)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ArtifactError, match=rf"{name}: file: found {len(content)} bytes, truncated"):
            Loops.read(tmp_path / name)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(ArtifactError, match="is this an artifact"):
        read_any(tmp_path / "other.h5")


def test_unknown_type(path):
    change(path, attribute("schema", "songs"))
    with pytest.raises(ArtifactError, match="found 'songs', expected one of .*grains.*loops"):
        read_any(path)


def test_truncated_anywhere(path):
    data = path.read_bytes()
    for size in [*range(0, len(data), 509), len(data) - 1]:
        path.write_bytes(data[:size])
        with pytest.raises(ArtifactError, match=r"loops\.h5: file: found \d+ bytes, truncated"):
            Loops.read(path)


@pytest.mark.parametrize("schema", ["grains", "loops"])
def test_a_damaged_byte_is_found_or_harmless(schema, tmp_path):
    whole, path = sample(schema), tmp_path / "a.h5"
    whole.write(path)
    data, refused = path.read_bytes(), 0
    for position in range(11, len(data), 97):
        path.write_bytes(data[:position] + bytes([data[position] ^ 0xFF]) + data[position + 1 :])
        try:
            assert same(type(whole).read(path), whole)
        except ArtifactError as error:
            assert str(path) in str(error)
            refused += 1
    assert refused > 10  # much of a small file is unused space


def test_damage_is_found_by_a_stream(tmp_path):
    """Compressed data are read part by part; the hash of the whole is compared at the end."""
    grains = sample("grains")
    grains.write(tmp_path / "a.h5")
    turned = grains.grain_angle_rad.copy()
    turned[-1] += 1e-12
    change(tmp_path / "a.h5", lambda file: file["grain_angle_rad"].__setitem__(..., turned))
    with pytest.raises(ArtifactError, match="field 'grain_angle_rad': sha256 of the data"):
        list(Grains.stream(tmp_path / "a.h5", 2))


@pytest.mark.parametrize(
    ("schema", "changes", "message"),
    [
        ("grains", {"grain_count": [1, 2, 3, 2, 2]}, "field 'grain_count'.*differences of grain_offset"),
        ("grains", {"grain_offset": [1, 2, 3, 6, 7, 10]}, "field 'grain_offset': found from 1 to 10, expected 0 to 10"),
        ("grains", {"grain_label": np.full((5, 6, 6), 3)}, "field 'grain_label': found label 3 in structure 0"),
        ("grains", {"cell_size_nm": [2.0, 0.0, 1.0]}, "field 'cell_size_nm': found .* expected lengths above 0"),
        ("loops", {"status": [0, 0, 0, 3]}, "field 'status': found code 3, expected 0 converged"),
        ("hysteresis_dataset", {"index": [0, 1, 2, 2]}, "field 'index': found a structure twice"),
        ("hysteresis_dataset", {"split": [0, 1, 2, 0]}, "field 'split': found 2, expected 0 or 1"),
        ("hysteresis_dataset", {"anchor_exists": np.zeros((4, 6))}, "dtype: found float64"),
        (
            "hysteresis_dataset",
            {"anchor_exists": np.zeros((4, 6), int), "anchor": np.ones((4, 6))},
            "absent, expected 0",
        ),
        ("hysteresis_dataset", {"anchor": np.zeros((4, 5))}, r"\(4, 5\) .*expected 6 along anchor as the schema has"),
        ("network", {"parameter": np.zeros(4)}, "field 'parameter': found 4 values, expected 3"),
        ("network", {"validation_loss": np.zeros(2)}, "field 'validation_loss': found 2 epochs, expected none or all"),
        ("network", {"architecture": {"name": "x"}}, "attribute 'architecture'.*expected shapes"),
        ("predictions", {"lower": np.full((4, 6), 9.0)}, "crossed intervals"),
        ("predictions", {"coverage_level": 1.0}, "attribute 'coverage_level': found 1.0, expected between 0 and 1"),
    ],
)
def test_contradictions_are_refused(schema, changes, message):
    with pytest.raises(ArtifactError, match=f"^{schema} artifact: .*{message}"):
        sample(schema, **changes)


def test_parents_must_be_the_files_it_was_made_from(tmp_path):
    grains, other = tmp_path / "structures" / "000.h5", tmp_path / "structures" / "001.h5"
    sample("grains").write(grains)
    sample("grains", provenance=Provenance(backend="b", seed=2, config_sha256="0" * 64)).write(other)
    loops = tmp_path / "loops" / "000.h5"
    sample("loops", provenance=Provenance.of("a test", 1, {}, [grains])).write(loops)
    Loops.verify_parents(loops, [grains])
    with pytest.raises(ArtifactError, match=r"loops/000\.h5: missing parent: .*structures/001\.h5 among them"):
        Loops.verify_parents(loops, [grains, other])
    with pytest.raises(ArtifactError, match=r"structures/000\.h5, which is not an input"):
        Loops.verify_parents(loops, [])
    with pytest.raises(ArtifactError, match=f"found sha256 {file_sha256(other)} in .*expected sha256 "):
        Loops.verify_parents(loops, {"structures/000.h5": other})
    grains.unlink()
    with pytest.raises(ArtifactError, match=r"parent structures/000\.h5: found no file"):
        Loops.verify_parents(loops, [grains])


def test_the_error_keeps_its_parts():
    with pytest.raises(ArtifactError) as caught:
        sample("loops", status=[0, 0, 0, 3])
    error = caught.value
    assert (error.where, error.what) == ("loops artifact", "field 'status'")
    assert (error.found, error.expected) == ("code 3", "0 converged, 1 iteration limit, 2 stalled")
