"""Compiled functions are made anew, once, when the package has changed."""

import logging
import os

import pytest

from lodestone import caches

LOG = logging.getLogger("test")


@pytest.fixture
def warmed(monkeypatch, tmp_path):
    """A package folder of its own, and a list that grows with each warming."""
    calls = []
    (tmp_path / "package/__pycache__").mkdir(parents=True)
    (tmp_path / "package/kernels.py").write_text("import numba")
    monkeypatch.setattr(caches, "SOURCES", tmp_path / "package")
    monkeypatch.setattr(caches, "warm", lambda: calls.append(1) or ["spins"])
    return calls


def test_a_mark_of_these_sources_is_left_alone(warmed, tmp_path):
    mark = tmp_path / "mark.txt"
    mark.write_text(caches.mark_text(["spins"]))
    caches.refresh(mark, LOG)
    caches.refresh(None, LOG)
    assert warmed == []


def test_changed_sources_are_compiled_once_and_the_mark_keeps_its_time(warmed, tmp_path):
    mark, stale = tmp_path / "mark.txt", tmp_path / "package/__pycache__/kernels.f-1.py311.nbi"
    mark.write_text(caches.mark_text(["spins"]))
    os.utime(mark, (1e9, 1e9))
    stale.write_bytes(b"old")
    (tmp_path / "package/kernels.py").write_text("import numba  # edited")
    caches.refresh(mark, LOG)
    caches.refresh(mark, LOG)
    assert warmed == [1]
    assert mark.stat().st_mtime == 1e9
    assert mark.read_text() == caches.mark_text(["spins"])
    assert not stale.exists()
