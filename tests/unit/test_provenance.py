"""Provenance is the same wherever the run stands, and differs with every input."""

from __future__ import annotations

import numpy as np
import pytest
from artifact_samples import sample

from lodestone.artifacts.base import ArtifactError, Provenance
from lodestone.artifacts.hashing import file_sha256, settings_sha256


def test_provenance_names_files_without_their_place(tmp_path):
    runs = []
    for place in ("here", "there"):
        path = tmp_path / place / "results" / "hysteresis" / "structures" / "000.h5"
        sample("grains").write(path)
        runs.append(Provenance.of("a test", 1, {"a": 1.5, "b": [1, 2]}, [path]))
    assert runs[0] == runs[1]
    assert list(runs[0].parents) == ["structures/000.h5"]
    assert runs[0].parents["structures/000.h5"] == file_sha256(path)
    with pytest.raises(ArtifactError, match="also used by"):
        Provenance.of(
            "a test", 1, {}, [tmp_path / p / "results/hysteresis/structures/000.h5" for p in ("here", "there")]
        )


def test_settings_hash_depends_on_contents_only():
    assert settings_sha256({"a": 1, "b": {"c": 2.0}}) == settings_sha256(
        {"b": {"c": np.float64(2.0)}, "a": np.int64(1)}
    )
    assert settings_sha256({"a": 1}) != settings_sha256({"a": 2})
    with pytest.raises(ValueError, match="JSON"):
        settings_sha256({"a": float("nan")})
    with pytest.raises(TypeError, match="found a value of type set"):
        settings_sha256({"a": {1}})


def test_key_changes_with_every_input():
    base = {"backend": "b", "seed": 1, "config_sha256": "c", "parents": {"p": "1"}, "algorithm_version": 1}
    changes = [{"backend": "x"}, {"seed": 2}, {"config_sha256": "x"}, {"parents": {"p": "2"}}, {"algorithm_version": 2}]
    keys = {Provenance(**{**base, **change}).key for change in [{}, *changes]}
    assert len(keys) == 6
