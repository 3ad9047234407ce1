"""A small valid artifact of every type, for the tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from lodestone.artifacts.base import Artifact, Provenance
from lodestone.artifacts.exchange import CONVENTION
from lodestone.artifacts.ragged import pack_texts
from lodestone.artifacts.registry import TYPES
from lodestone.artifacts.spec import PLUS_ONE, ArraySpec

LENGTHS = {"structure": 5, "loop": 4, "sample": 4, "step": 3, "field": 7, "ny": 6, "nx": 6, "latent": 8, "grain": 10}
PROVENANCE = Provenance(
    backend="a test", seed=7, config_sha256="0" * 64, parents={"structures/000.h5": "1" * 64}, algorithm_version=2
)
MAPPINGS: dict[str, Any] = {
    "architecture": {"name": "test", "shapes": [["weight", [2]], ["bias", [1]]]},
    "endpoints": {"A": {"grain_count": 16}, "B": {"grain_count": 256}},
    "models": ["first", "second", "third"],
    "objectives": ["first", "second", "third"],
    "species": ["Fe", "Al"],
    "left_out": ["a crystal: not converged"],
    "targets": [["a", "eV"], ["b", "mu_B"], ["c", "1"]],
    "site_targets": [],
    "moved": ["bias"],
    "training": {"epochs": 3},
    "metrics": {"a": {"after": {"test": {"mae": 0.1}}}},
    "settings": {"kind": "relax", "corrections": "none"},
    "material": {"A_J_m": 8e-12, "K1_J_m3": 4.2e6, "mu0_Ms_T": 1.61},
}


def sample(schema: str, **changes: Any) -> Artifact:
    """An artifact of the type with that schema name; `changes` replace fields."""
    cls = TYPES[schema]
    return cls(**{"provenance": PROVENANCE, **fields(cls), **changes})


def fields(cls: type[Artifact]) -> dict[str, Any]:
    """Values that differ from item to item and that fit together."""
    rng = np.random.default_rng(3)
    values: dict[str, Any] = {}
    for name, spec in cls.specs().items():
        if isinstance(spec, ArraySpec):
            values[name] = _array(rng, cls, spec)
        elif name in MAPPINGS:
            values[name] = MAPPINGS[name]
        else:
            values[name] = {str: "words", int: 2, float: 0.5}[spec.kind]
    return {**values, **_consistent(cls.SCHEMA, values)}


def _array(rng: np.random.Generator, cls: type[Artifact], spec: ArraySpec) -> np.ndarray:
    lengths = {**LENGTHS, **cls.DIMS}
    shape = tuple(lengths.get(dim.removesuffix(PLUS_ONE), 3) + dim.endswith(PLUS_ONE) for dim in spec.dims)
    if spec.dtype.kind in "iu":
        return rng.integers(0, 2, shape).astype(spec.dtype)
    return rng.normal(size=shape).astype(spec.dtype)


def _consistent(schema: str, values: dict[str, Any]) -> dict[str, Any]:
    if schema == "grains":
        counts = [1, 2, 3, 1, 3]
        labels = np.stack([np.arange(36).reshape(6, 6) % count for count in counts]).astype(np.uint16)
        offsets = np.concatenate([[0], np.cumsum(counts)])
        sizes = [2.0, 2.0, 36000.0]
        return {
            "index": np.arange(5),
            "cell_size_nm": sizes,
            "grain_count": counts,
            "grain_offset": offsets,
            "grain_label": labels,
        }
    if schema == "transfer":
        return _transfer(values)
    if schema == "graph_model":
        return {"task": "regression", "element": np.array([26, 60, 5])}
    if schema == "structure_set":
        return _crystals()
    if schema == "labelled_set":
        return {**_crystals(), "force_eV_A": np.random.default_rng(5).normal(size=(29, 3))}
    if schema in ("candidates", "relaxed_candidates", "population"):
        return _searched(schema)
    if schema == "exchange":
        return _couplings()
    if schema == "curie":
        return {"status": np.array([0, 1, 2]), "Tc_K": np.array([1200.0, 0.0, 0.0])}
    if schema == "material":
        return {"has_Ms": 1, "has_A": 1, "has_K1": 1, "temperature_K": np.array([0.0, 300.0, 450.0])}
    if schema in ("calculations", "hull", "anisotropy", "screening", "interstitials"):
        return _electronic(schema, values)
    if schema.startswith("spin_"):
        return _magnetic(schema)
    if schema == "hysteresis_dataset":
        return {"index": np.arange(4), "anchor": values["anchor"] * values["anchor_exists"]}
    if schema == "predictions":
        return {"lower": values["predicted"] - 1, "upper": values["predicted"] + 1}
    return {}


def _transfer(values: dict[str, Any]) -> dict[str, Any]:
    name_offset, name_utf8 = pack_texts(["Fe", "NdFe5", "Nd2Fe17", "FeB", "Nd"])
    return {
        "split": np.array([0, 0, 1, 0, 1]),
        "group": np.array([0, 0, 1, 2, 3]),
        "lower": values["after"] - 1,
        "upper": values["after"] + 1,
        "site_offset": np.array([0, 1, 1, 2, 3, 3]),
        "name_offset": name_offset,
        "name_utf8": name_utf8,
    }


def _crystals() -> dict[str, Any]:
    name_offset, name_utf8 = pack_texts(["Fe", "NdFe5", "Nd2Fe17-x", "FeB", "Fe.2"])
    source_offset, source_utf8 = pack_texts(["a file", "", "mp-1", "größer", ""])
    counts = np.array([1, 6, 19, 2, 1])
    rng = np.random.default_rng(4)
    has_moment = np.array([1, 0, 1, 0, 0])
    return {
        "lattice_A": np.eye(3) * np.linspace(3, 7, 5)[:, None, None],
        "site_offset": np.concatenate([[0], np.cumsum(counts)]),
        "atomic_number": rng.integers(1, 119, 29),
        "fractional": rng.random((29, 3)),
        "has_moment": has_moment,
        "moment_muB": rng.normal(size=29) * np.repeat(has_moment, counts),
        "name_offset": name_offset,
        "name_utf8": name_utf8,
        "source_offset": source_offset,
        "source_utf8": source_utf8,
    }


def _searched(schema: str) -> dict[str, Any]:
    made: dict[str, Any] = {**_crystals(), "id": np.array([0, 1, 5, 1_000_000, 1_000_001])}
    made |= {"parent": np.array([[-1, -1], [-1, -1], [-1, -1], [0, 5], [1, -1]]), "operator": np.array([0, 1, 2, 3, 4])}
    if schema != "candidates":
        offset, utf8 = pack_texts(["", "größer", "", "", "why"])
        flags = {"status": np.array([0, 1, 0, 0, 2]), "has_energy": np.array([1, 1, 1, 1, 0])}
        made |= {**flags, "message_offset": offset, "message_utf8": utf8}
    if schema == "population":
        made |= {"converged": 0}
    return made


def _couplings() -> dict[str, Any]:
    return {
        "component_site": np.array([0, 1, 1]),
        "atomic_number": np.array([60, 26, 27]),
        "concentration": np.array([1.0, 0.75, 0.25]),
        "moment_muB": np.array([-0.4, 2.3, 1.6]),
        "orbital_moment_muB": np.array([0.02, 0.05, 0.08]),
        "f_moment_muB": np.array([3.27, 0.0, 0.0]),
        "lattice_A": np.eye(3) * 3.0,
        "fractional": np.array([[0, 0, 0], [0.5, 0.5, 0.5]]),
        "bond_source": np.array([0, 1, 1, 1]),
        "bond_target": np.array([1, 0, 1, 1]),
        "bond_cell": np.array([[0, 0, 0], [0, 0, 0], [1, 0, 0], [-1, 0, 0]]),
        "bond_meV": np.array([2.5, 2.5, 10.0, 10.0]),
        "convention": CONVENTION,
        "status": 0,
    }


def _electronic(schema: str, values: dict[str, Any]) -> dict[str, Any]:
    """Offsets, flags and texts of artifacts about three crystals that fit together."""
    made: dict[str, Any] = {"status": np.array([0, 1, 6])}
    made |= {"index": np.arange(3)} if "index" in values else {}
    texts = {"name": ["Fe", "NdFe5", "FeB"], "message": ["", "größer", "why"], "extra": ["{}", '{"a": 1}', ""]}
    texts |= {"formula": ["Fe", "NdFe5", "FeB"], "decay": ["1 Fe", "", "0.5 Fe + 0.5 B"]}
    texts |= {"reason": ["", "größer", "why"], "group": ["Im-3m", "", "P6/mmm"], "host": ["Fe", "", "größer"]}
    for name, lines in texts.items():
        if f"{name}_offset" in values:
            made[f"{name}_offset"], made[f"{name}_utf8"] = pack_texts(lines)
    if schema == "calculations":
        made |= {"site_offset": [0, 1, 1, 3], "lattice_A": np.eye(3) * np.ones((3, 1, 1))}
        made |= {name: np.array([1, 0, 1]) for name in ("has_energy", "has_structure")}
    if schema == "hull":
        made["above_hull_eV_per_atom"] = np.abs(values["above_hull_eV_per_atom"])
    if schema == "anisotropy":
        made["unit_axis"] = np.eye(3)
    return made


def _magnetic(schema: str) -> dict[str, Any]:
    """Offsets of artifacts about magnetic potentials that fit together."""
    offset, utf8 = pack_texts(["Fe2", "AlFe+h1", "AlFe+t2"])
    named = {"name_offset": offset, "name_utf8": utf8}
    if schema == "spin_data":
        return {**named, "atom_offset": [0, 1, 1, 3]}
    if schema == "spin_checks":
        return {**named, "atom_offset": [0, 1, 1, 3]}
    if schema == "spin_learning":
        return {"label_count": np.array([[1, 2, 3]] * 2), "round_of": np.zeros((2, 3), np.int64)}
    if schema == "spin_dynamics":
        return {"step": np.arange(4)}
    if schema == "spin_fits":
        return {"step_offset": [0, 1, 1, 3]}
    return {}


def same(a: Artifact, b: Artifact) -> bool:
    """Whether two artifacts have equal fields of equal types."""
    if type(a) is not type(b) or a.provenance != b.provenance:
        return False
    return all(
        np.asarray(getattr(a, name)).dtype == np.asarray(getattr(b, name)).dtype
        and np.array_equal(getattr(a, name), getattr(b, name))
        for name in a.specs()
    )
