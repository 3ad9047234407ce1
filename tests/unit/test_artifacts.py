"""Writing and reading of artifacts: what goes in comes out, in the same bytes."""

from __future__ import annotations

import os
import time
import tracemalloc
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest
from artifact_samples import PROVENANCE, fields, same, sample
from hypothesis import given, settings
from hypothesis import strategies as st

from lodestone.artifacts import io, table
from lodestone.artifacts.base import Artifact, ArtifactError, Provenance, array
from lodestone.artifacts.codes import LatentCodes
from lodestone.artifacts.grains import Grains
from lodestone.artifacts.hashing import file_sha256
from lodestone.artifacts.loops import Loops
from lodestone.artifacts.registry import TYPES, read_any
from lodestone.artifacts.spec import ArraySpec, GroupSpec

ROOT = Path(__file__).parents[2]
ALL = sorted(TYPES)


@pytest.mark.parametrize("schema", ALL)
def test_round_trip(schema, tmp_path):
    artifact = sample(schema)
    artifact.write(tmp_path / "deep" / "folder" / "a.h5")
    assert same(TYPES[schema].read(tmp_path / "deep" / "folder" / "a.h5"), artifact)
    assert same(read_any(tmp_path / "deep" / "folder" / "a.h5"), artifact)
    assert io.read_provenance(tmp_path / "deep" / "folder" / "a.h5") == PROVENANCE


@pytest.mark.parametrize("schema", ALL)
def test_identical_bytes(schema, tmp_path):
    sample(schema).write(tmp_path / "a.h5")
    (tmp_path / "other").mkdir()
    sample(schema).write(tmp_path / "other" / "b.h5")
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "other" / "b.h5").read_bytes()


def test_identical_bytes_at_another_time(tmp_path):
    for schema in ALL:
        sample(schema).write(tmp_path / f"{schema}.h5")
    time.sleep(1.1)  # HDF5 keeps times in whole seconds
    for schema in ALL:
        read_any(tmp_path / f"{schema}.h5").write(tmp_path / "again.h5")
        assert (tmp_path / f"{schema}.h5").read_bytes() == (tmp_path / "again.h5").read_bytes()


def test_other_contents_other_bytes(tmp_path):
    sample("latent_codes").write(tmp_path / "a.h5")
    codes = fields(LatentCodes)["code"].copy()
    codes[-1, -1, -1] = np.nextafter(codes[-1, -1, -1], 9)
    sample("latent_codes", code=codes).write(tmp_path / "b.h5")
    assert file_sha256(tmp_path / "a.h5") != file_sha256(tmp_path / "b.h5")


@pytest.mark.parametrize("schema", ALL)
def test_every_dataset_explains_itself(schema, tmp_path):
    """What h5dump, h5py and mammos_entity.from_hdf5 need: `unit` on numbers only, `description` everywhere."""
    sample(schema).write(tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert file.attrs["schema"] == schema
        assert len(file.attrs["description"]) > 10
        for name, spec in datasets(TYPES[schema]):
            attributes = dict(file[name].attrs)
            assert attributes["description"] == spec.description
            assert len(spec.description) > 5
            assert attributes.get("ontology_label") == spec.ontology_label
            # Labels that demand another unit than ours would make MaMMoS tools refuse the file.
            assert LABELS.get(spec.ontology_label, spec.unit) == spec.unit
            if isinstance(spec, ArraySpec):
                assert attributes["dimensions"].split() == list(spec.dims)
            if h5py.check_string_dtype(file[name].dtype):
                assert "unit" not in attributes
            else:
                assert attributes["unit"] == spec.unit


# Units that the magnetic materials ontology gives these quantities, as mammos-entity 0.14 reads it.
LABELS = {
    "MagneticFluxDensity": "T",
    "SpontaneousMagneticPolarization": "T",
    "UniaxialAnisotropyConstant": "J / m3",
    "ExchangeStiffnessConstant": "J / m",
    "CurieTemperature": "K",
    "ThermodynamicTemperature": "K",
}


def datasets(cls):
    """Path and declaration of every dataset."""
    for name, spec in cls.specs().items():
        if isinstance(spec, GroupSpec):
            yield from ((f"{name}/{key}", entry) for key, entry in spec.entries.items())
        else:
            yield name, spec


def test_labels_are_known():
    assert {spec.ontology_label for cls in TYPES.values() for _, spec in datasets(cls)} - {None} == set(LABELS)


def test_parents_of_any_number(tmp_path):
    parents = {f"structures/{i:05d}.h5": "f" * 64 for i in range(2000)}  # more than the 64 KiB of old HDF5 attributes
    provenance = Provenance(backend="a test", seed=2**63 - 1, config_sha256="0" * 64, parents=parents)
    sample("loops", provenance=provenance).write(tmp_path / "a.h5")
    assert Loops.read(tmp_path / "a.h5").provenance == provenance


def test_a_failed_write_leaves_the_former_file(tmp_path, monkeypatch):
    path = tmp_path / "a.h5"
    sample("loops").write(path)
    before = path.read_bytes()
    loops = sample("loops")
    loops.magnetisation[0, 0] = np.nan
    with pytest.raises(ArtifactError, match=r"a\.h5: field 'magnetisation'.*nan.*finite"):
        loops.write(path)

    def full(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(io, "_write_attribute", full)
    with pytest.raises(OSError, match="No space"):
        sample("loops").write(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]


def test_file_is_on_disk_before_it_has_its_name(tmp_path, monkeypatch):
    calls = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(
        os, "fsync", lambda fd: (calls.append(("fsync", str(Path(f"/proc/self/fd/{fd}").readlink()))), fsync(fd))
    )
    monkeypatch.setattr(Path, "replace", lambda a, b: (calls.append(("rename", str(b))), replace(a, b)))
    sample("loops").write(tmp_path / "a.h5")
    assert calls == [
        ("fsync", str(tmp_path / ".a.h5.part")),
        ("rename", str(tmp_path / "a.h5")),
        ("fsync", str(tmp_path)),
    ]


def test_leftovers_of_a_killed_job_do_no_harm(tmp_path):
    (tmp_path / ".a.h5.part").write_bytes(b"half")
    sample("loops").write(tmp_path / "a.h5")
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]


@pytest.mark.parametrize("chunk", [1, 2, 5, 100])
def test_stream_gives_every_item_once(chunk, tmp_path):
    grains = sample("grains")
    grains.write(tmp_path / "a.h5")
    parts = list(Grains.stream(tmp_path / "a.h5", chunk))
    assert [len(part) for part in parts] == [min(chunk, 5 - start) for start in range(0, 5, chunk)]
    assert same(Grains.concatenate(parts, PROVENANCE), grains)
    assert np.array_equal(
        np.concatenate([p.axis_angle_rad(slice(None)) for p in parts]), grains.axis_angle_rad(slice(None))
    )


@settings(deadline=None, max_examples=40)
@given(counts=st.lists(st.integers(1, 9), min_size=1, max_size=12), data=st.data())
def test_any_cut_of_structures_joins_again(counts, data):
    total = sum(counts)
    grains = sample(
        "grains",
        index=np.arange(len(counts)),
        grain_label=np.stack([np.arange(4).reshape(2, 2) % count for count in counts]),
        grain_offset=np.concatenate([[0], np.cumsum(counts)]),
        grain_angle_rad=np.linspace(0, 1, total),
        grain_count=counts,
        max_misorientation_rad=np.ones(len(counts)),
    )
    cuts = sorted({0, len(counts), *data.draw(st.lists(st.integers(0, len(counts)), max_size=4))})
    parts = [grains.part(a, b) for a, b in zip(cuts, cuts[1:], strict=False)]
    assert same(Grains.concatenate(parts, PROVENANCE), grains)


@pytest.mark.parametrize("schema", ALL)
def test_parts_join_to_the_whole(schema):
    artifact = sample(schema)
    # One thing each, which a part of it is not.
    if schema in ("network", "exchange", "curie", "spin_checks", "spin_learning"):
        with pytest.raises(ArtifactError):
            artifact.part(0, 1)
        return
    cut = len(artifact) // 2
    parts = [artifact.part(0, cut), artifact.part(cut, len(artifact))]
    assert same(type(artifact).concatenate(parts, PROVENANCE), artifact)


def test_parts_of_different_kinds_do_not_join():
    loops = sample("loops")
    with pytest.raises(ArtifactError, match="field 'field_T'.*different values"):
        Loops.concatenate([loops, sample("loops", field_T=loops.field_T + 1)], PROVENANCE)
    with pytest.raises(ArtifactError, match="attribute 'tolerance'.*0.5 and 0.25"):
        Loops.concatenate([loops, sample("loops", tolerance=0.25)], PROVENANCE)


def test_a_stream_needs_memory_for_its_parts_only(tmp_path):
    rng = np.random.default_rng(1)
    code = rng.normal(size=(2000, 4, 512)).astype(np.float32)  # 16 MB
    LatentCodes(index=np.arange(2000), code=code, encoding="e", provenance=PROVENANCE).write(tmp_path / "a.h5")
    tracemalloc.start()
    total = sum(float(part.code[:, 0, 0].sum()) for part in LatentCodes.stream(tmp_path / "a.h5", 50))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == pytest.approx(float(code[:, 0, 0].sum()), rel=1e-4)  # summed in another order, single precision
    assert peak < code.nbytes / 4


def test_axis_angles_of_cells():
    grains = sample("grains")
    for i in range(len(grains)):
        own = grains.grain_angle_rad[grains.grain_offset[i] : grains.grain_offset[i + 1]]
        assert np.array_equal(grains.axis_angle_rad(i), own.astype(np.float32)[grains.grain_label[i]])
    assert np.array_equal(grains.axis_angle_rad(np.array([3, 1]))[1], grains.axis_angle_rad(1))
    assert grains.axis_angle_rad(slice(1, 4)).dtype == np.float32


def test_values_are_converted_only_without_loss():
    loops = sample("loops", status=np.zeros(4, bool), evaluations=[1, 2, 3, 4], tolerance=1)
    assert (loops.status.dtype, loops.evaluations.dtype, loops.tolerance) == (np.uint8, np.int64, 1.0)
    with pytest.raises(ArtifactError, match="loops artifact: field 'status': dtype: found int64 from 0 to 256"):
        sample("loops", status=np.array([0, 1, 2, 256]))
    with pytest.raises(ArtifactError, match="field 'index': dtype: found float64, expected int64"):
        sample("loops", index=np.zeros(4))
    with pytest.raises(ArtifactError, match="field 'code': found inf"):
        sample("latent_codes", code=np.full((4, 4, 8), 1e300))
    with pytest.raises(ArtifactError, match="attribute 'encoding': type: found int 3, expected text"):
        sample("latent_codes", encoding=3)
    with pytest.raises(ArtifactError, match="attribute 'endpoints'.*JSON"):
        sample("morphing", endpoints={"A": float("nan")})
    material = {"mu0_Ms_T": 1.61, "K1_J_m3": 4.2e6, "A_J_m": float("nan")}
    with pytest.raises(ArtifactError, match="attribute 'material/A_J_m': found nan, expected a finite number"):
        sample("loops", material=material)
    with pytest.raises(ArtifactError, match="'material': entries: found A_J_m, expected A_J_m, K1_J_m3, mu0_Ms_T"):
        sample("loops", material={"A_J_m": 8e-12})
    with pytest.raises(ArtifactError, match="'material': entries: found list"):
        sample("loops", material=[1.61, 4.2e6, 8e-12])


def test_a_declared_nan_is_kept(tmp_path):
    @dataclass(frozen=True, kw_only=True, eq=False)
    class Sparse(Artifact):
        """Values of which some are absent."""

        SCHEMA = "sparse"
        VERSION = 1
        value: np.ndarray = array(("item",), "float64", "1", "may be absent", allow_nan=True)

    Sparse(value=np.array([1.0, np.nan]), provenance=PROVENANCE).write(tmp_path / "a.h5")
    assert np.array_equal(Sparse.read(tmp_path / "a.h5").value, [1.0, np.nan], equal_nan=True)
    with pytest.raises(ArtifactError, match="inf"):
        Sparse(value=np.array([np.inf]), provenance=PROVENANCE)


def test_field_table_is_in_step_with_the_code():
    text = (ROOT / "workflow" / "report" / "artifacts.md").read_text()
    assert text == table.table(), "run: python -m lodestone.artifacts.table > workflow/report/artifacts.md"
    for cls in TYPES.values():
        assert all(f"| `{name}` |" in text for name in cls.specs())
