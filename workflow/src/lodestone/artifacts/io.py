"""Reading and writing of artifacts as HDF5; the only module that opens HDF5 files.

Every dataset has the attributes `description`, `unit` (numbers only), `ontology_label` (where there is one) and
`sha256` of its bytes, so that h5dump, h5py and the MaMMoS tools read it, and damage is found. Provenance is on the
root group.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np

from lodestone.artifacts import parts
from lodestone.artifacts.atomic import replacing
from lodestone.artifacts.errors import ArtifactError
from lodestone.artifacts.file_checks import ROOT, SEAL, check_file, check_root, check_seal, is_text, lengths, seal
from lodestone.artifacts.hashing import canonical_json
from lodestone.artifacts.provenance import Provenance
from lodestone.artifacts.spec import ArraySpec, AttributeSpec, GroupSpec, Spec, array_specs, specs_of

A = TypeVar("A")

# Readable by HDF5 1.10 (2016) and later; a fixed format is what makes equal contents equal bytes.
_FORMAT = ("v110", "v110")
_CHUNK_BYTES = 1 << 20


def write(artifact: Any, path: str | Path) -> None:
    """Write an artifact: temporary name in the same folder, fsync, rename, fsync of the folder."""
    # Arrays may have been changed in place since construction.
    for name, spec in specs_of(artifact).items():
        spec.coerce(getattr(artifact, name), str(path), name)
    with replacing(path) as temporary, h5py.File(temporary, "w", libver=_FORMAT) as file:
        _write_root(file, artifact)
        for name, spec in sorted(specs_of(artifact).items()):
            _write_field(file, name, spec, getattr(artifact, name))
        file.attrs[SEAL] = seal(file)


def read(cls: type[A], path: str | Path) -> A:
    """Read and check a whole artifact."""
    with _open(path) as file:
        provenance = check_file(cls, file, str(path))
        values = {name: _read_field(file[name], spec, str(path)) for name, spec in specs_of(cls).items()}
    return _build(cls, values, provenance, path)


def stream(cls: Any, path: str | Path, chunk: int = 256) -> Iterator[Any]:
    """Read an artifact `chunk` items at a time; the hashes are checked after the last part."""
    if chunk < 1:
        raise ValueError(f"chunk: found {chunk}, expected at least 1")
    with _open(path) as file:
        provenance = check_file(cls, file, str(path))
        specs = array_specs(cls)
        count = lengths(cls, file, str(path))[cls.item_dimension()]
        single = {n: _read_field(file[n], s, str(path)) for n, s in specs_of(cls).items() if n not in specs}
        digest = _StreamDigest(cls)
        for start in range(0, count, chunk):
            arrays = parts.cut(cls, lambda name, a, b: file[name][a:b], start, min(start + chunk, count))
            digest.update(arrays)
            yield _build(cls, {**arrays, **single}, provenance, path)
        digest.check(file, str(path))


def read_provenance(path: str | Path, schema: str | None = None, version: int | None = None) -> Provenance:
    """Read where a file came from, without its data; with `schema`, check that too."""
    with _open(path) as file:
        provenance = check_root(file, str(path), schema, version)
        check_seal(file, str(path))
        return provenance


def read_schema(path: str | Path) -> str:
    """Name of the schema of a file."""
    with _open(path) as file:
        check_root(file, str(path), None, None)
        return str(file.attrs["schema"])


def _build(cls: Any, values: dict[str, Any], provenance: Provenance, path: str | Path) -> Any:
    """Construct the artifact; complaints name the file."""
    try:
        return cls(**values, provenance=provenance)
    except ArtifactError as error:
        raise error.at(path) from None


@contextmanager
def _open(path: str | Path) -> Iterator[h5py.File]:
    """Open for reading; no lock, since a finished artifact never changes."""
    if not Path(path).is_file():
        raise ArtifactError(path, "file", "none", "an artifact")
    try:
        with h5py.File(path, "r", locking=False) as file:
            yield file
    except (OSError, RuntimeError, KeyError, UnicodeDecodeError) as error:
        # HDF5 has no error class of its own; what it raises on a damaged file depends on the place of the damage.
        found = f"{Path(path).stat().st_size} bytes, truncated, damaged or not HDF5 ({error})"
        raise ArtifactError(path, "file", found, "a whole artifact") from error


def _write_root(file: h5py.File, artifact: Any) -> None:
    """Write schema and provenance."""
    provenance: Provenance = artifact.provenance
    file.attrs["schema"] = artifact.SCHEMA
    file.attrs["schema_version"] = np.int64(artifact.VERSION)
    file.attrs["description"] = (type(artifact).__doc__ or artifact.SCHEMA).splitlines()[0]
    for name, kind in sorted(ROOT.items()):
        value = getattr(provenance, name)
        file.attrs[name] = canonical_json(value) if name == "parents" else np.int64(value) if kind is int else value


def _write_field(file: h5py.Group, name: str, spec: Spec, value: Any) -> None:
    """Write one field."""
    if isinstance(spec, ArraySpec):
        _write_array(file, name, spec, value)
    elif isinstance(spec, AttributeSpec):
        _write_attribute(file, name, spec, value)
    else:
        group = file.create_group(name)
        group.attrs["description"] = spec.description
        for key, entry in sorted(spec.entries.items()):
            _write_attribute(group, key, entry, value[key])


def _write_array(file: h5py.Group, name: str, spec: ArraySpec, values: np.ndarray) -> None:
    """Write one array and its attributes."""
    values = np.ascontiguousarray(values, dtype=spec.dtype.newbyteorder("<"))
    options: dict[str, Any] = {}
    if spec.compress and values.size:
        rows = max(1, min(len(values), _CHUNK_BYTES // max(1, values[:1].nbytes)))
        options = {"chunks": (rows, *values.shape[1:]), "compression": "gzip", "compression_opts": 4, "shuffle": True}
    dataset = file.create_dataset(name, data=values, track_times=False, **options)
    _describe(dataset, spec, spec.unit, hashlib.sha256(values.tobytes()))
    dataset.attrs["dimensions"] = " ".join(spec.dims)


def _write_attribute(file: h5py.Group, name: str, spec: AttributeSpec, value: Any) -> None:
    """Write a single value as a scalar dataset: attributes of the root group could not carry a unit."""
    if spec.kind in (int, float):
        data = np.asarray(value, dtype="<i8" if spec.kind is int else "<f8")
        dataset = file.create_dataset(name, data=data, track_times=False)
        _describe(dataset, spec, spec.unit, hashlib.sha256(data.tobytes()))
        return
    text = canonical_json(value) if spec.is_json else value
    dataset = file.create_dataset(name, data=text, dtype=h5py.string_dtype(), track_times=False)
    # Tools that make a quantity of everything with a unit would fail on text.
    _describe(dataset, spec, None, hashlib.sha256(text.encode()))


def _describe(dataset: h5py.Dataset, spec: ArraySpec | AttributeSpec, unit: str | None, digest: Any) -> None:
    """Attach the attributes that make a dataset readable by itself."""
    dataset.attrs["description"] = spec.description
    if spec.ontology_label is not None:
        dataset.attrs["ontology_label"] = spec.ontology_label
    if unit is not None:
        dataset.attrs["unit"] = unit
    dataset.attrs["sha256"] = digest.hexdigest()


def _read_field(dataset: h5py.Dataset | h5py.Group, spec: Spec, where: str) -> Any:
    """Read one field and check its hash."""
    if isinstance(spec, GroupSpec):
        return {key: _read_field(dataset[key], entry, where) for key, entry in spec.entries.items()}
    name = dataset.name.removeprefix("/")
    try:
        data = dataset.asstr()[()] if is_text(spec) else dataset[()]
    except (OSError, ValueError) as error:
        raise ArtifactError(where, f"field {name!r}", f"unreadable data ({error})", "readable data") from error
    raw = data.encode() if isinstance(data, str) else np.ascontiguousarray(data).tobytes()
    _compare_hash(hashlib.sha256(raw), dataset, where)
    if isinstance(spec, AttributeSpec):
        return json.loads(data) if spec.is_json else data if isinstance(data, str) else data.item()
    return data


def _compare_hash(digest: Any, dataset: h5py.Dataset, where: str) -> None:
    """Compare data with the hash written beside it."""
    if digest.hexdigest() != dataset.attrs["sha256"]:
        what = f"field {dataset.name.removeprefix('/')!r}: sha256 of the data"
        raise ArtifactError(where, what, digest.hexdigest(), f"{dataset.attrs['sha256']}; the file is damaged")


class _StreamDigest:
    """Hashes of the arrays that a stream reads once from front to back."""

    def __init__(self, cls: Any) -> None:
        item = cls.item_dimension()
        names = [n for n, s in array_specs(cls).items() if s.dims and (s.dims[0] == item or s.dims[0] in cls.RAGGED)]
        self._digests = {name: hashlib.sha256() for name in names}

    def update(self, arrays: dict[str, np.ndarray]) -> None:
        """Add one part."""
        for name, digest in self._digests.items():
            digest.update(np.ascontiguousarray(arrays[name]).tobytes())

    def check(self, file: h5py.File, where: str) -> None:
        """Compare with the hashes in the file."""
        for name, digest in self._digests.items():
            _compare_hash(digest, file[name], where)
