"""Checks of an open HDF5 file against the declarations of an artifact type."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import h5py
import numpy as np

from lodestone.artifacts.errors import ArtifactError
from lodestone.artifacts.hashing import canonical_json
from lodestone.artifacts.provenance import Provenance
from lodestone.artifacts.spec import ArraySpec, AttributeSpec, GroupSpec, Spec, array_specs, dimension_lengths, specs_of

SEAL = "attributes_sha256"
ROOT: dict[str, type] = {
    "algorithm_version": int,
    "backend": str,
    "config_sha256": str,
    "package_version": str,
    "parents": str,
    "seed": int,
}


def check_root(file: h5py.File, where: str, schema: str | None, version: int | None) -> Provenance:
    """Check schema and provenance attributes."""
    found = file.attrs.get("schema")
    if not isinstance(found, str):
        raise ArtifactError(where, "root attribute 'schema'", "none", "the schema's name; is this an artifact?")
    if schema is not None and found != schema:
        raise ArtifactError(where, "schema", repr(found), repr(schema))
    number = file.attrs.get("schema_version")
    if version is not None and number != version:
        by = file.attrs.get("package_version", "an unknown version")
        raise ArtifactError(where, f"version of schema {found!r}", f"{number} (lodestone {by})", str(version))
    values: dict[str, Any] = {}
    for name, kind in ROOT.items():
        value = file.attrs.get(name)
        if not isinstance(value, np.integer if kind is int else str):
            raise ArtifactError(
                where, f"root attribute {name!r}", "none" if value is None else repr(value), kind.__name__
            )
        values[name] = kind(value)
    try:
        values["parents"] = dict(json.loads(values["parents"]))
    except ValueError as error:
        raise ArtifactError(where, "root attribute 'parents'", str(error), "JSON of names and sha256") from error
    return Provenance(**values)


def check_file(cls: Any, file: h5py.File, where: str) -> Provenance:
    """Check all that can be checked without reading data: schema, fields, types, units, shapes."""
    provenance = check_root(file, where, cls.SCHEMA, cls.VERSION)
    specs = specs_of(cls)
    _check_names(file, specs, "fields", where)
    for name, spec in specs.items():
        if isinstance(spec, GroupSpec):
            _check_group(file[name], name, spec, where)
        else:
            _check_dataset(file[name], name, spec, where)
    lengths(cls, file, where)
    check_seal(file, where)
    return provenance


def seal(file: h5py.File) -> str:
    """Hash of all attributes, those of the root and of every dataset; the hashes of the data are among them."""
    root = {name: value for name, value in file.attrs.items() if name != SEAL}
    fields: dict[str, Any] = {}
    # A visitor that returns something ends the visit: update returns None.
    file.visititems(lambda name, item: fields.update({name: dict(item.attrs)}))
    return hashlib.sha256(canonical_json([root, fields]).encode()).hexdigest()


def check_seal(file: h5py.File, where: str) -> None:
    """Find attributes that were damaged or edited: HDF5 itself keeps no checksum of text."""
    try:
        found = seal(file)
    except TypeError as error:
        raise ArtifactError(where, "attributes", str(error), "numbers and text") from error
    if found != file.attrs.get(SEAL):
        expected = f"{file.attrs.get(SEAL)}; the file is damaged or was edited"
        raise ArtifactError(where, f"root attribute {SEAL!r}", found, expected)


def _check_names(group: h5py.Group, names: Iterable[str], what: str, where: str) -> None:
    """Check that a group has just these entries."""
    names = set(names)
    missing, extra = sorted(names - set(group)), sorted(set(group) - names)
    if missing:
        raise ArtifactError(where, what, f"no {', '.join(missing)}", f"{', '.join(sorted(names))}")
    if extra:
        raise ArtifactError(where, what, f"unknown {', '.join(extra)}", f"only {', '.join(sorted(names))}")


def _check_group(group: Any, name: str, spec: GroupSpec, where: str) -> None:
    """Check the entries of a group."""
    if not isinstance(group, h5py.Group):
        raise ArtifactError(where, f"field {name!r}", "a dataset", "a group")
    _check_names(group, spec.entries, f"entries of {name!r}", where)
    for key, entry in spec.entries.items():
        _check_dataset(group[key], f"{name}/{key}", entry, where)


def _check_dataset(dataset: Any, name: str, spec: ArraySpec | AttributeSpec, where: str) -> None:
    """Check dtype, unit and hash attribute of one dataset."""
    if not isinstance(dataset, h5py.Dataset):
        raise ArtifactError(where, f"field {name!r}", "a group", "a dataset")
    if isinstance(spec, ArraySpec):
        dtype_fits, expected = dataset.dtype == spec.dtype, str(spec.dtype)
    elif spec.kind in (int, float):
        dtype_fits, expected = dataset.dtype == np.dtype("i8" if spec.kind is int else "f8"), spec.kind_text()
    else:
        dtype_fits, expected = h5py.check_string_dtype(dataset.dtype) is not None, "text"
    if not dtype_fits:
        raise ArtifactError(where, f"field {name!r}: dtype", str(dataset.dtype), expected)
    if isinstance(spec, AttributeSpec) and dataset.shape != ():
        raise ArtifactError(where, f"field {name!r}: shape", str(dataset.shape), "a single value")
    unit, wanted = dataset.attrs.get("unit"), None if is_text(spec) else spec.unit
    if unit != wanted:
        raise ArtifactError(where, f"field {name!r}: unit", repr(unit), repr(wanted))
    if not isinstance(dataset.attrs.get("sha256"), str):
        raise ArtifactError(where, f"field {name!r}: attribute 'sha256'", "none", "the hash of the data")


def is_text(spec: Spec) -> bool:
    """Whether a field is stored as text, which has no unit."""
    return isinstance(spec, AttributeSpec) and spec.kind not in (int, float)


def lengths(cls: Any, file: h5py.File, where: str) -> dict[str, int]:
    """Lengths of the dimensions, from the shapes alone."""
    specs = array_specs(cls)
    return dimension_lengths(specs, {name: file[name].shape for name in specs}, cls.DIMS, where)
