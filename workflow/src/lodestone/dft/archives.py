"""Archives of input and output folders: one file for a batch, the same bytes for the same contents."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from lodestone.artifacts.atomic import replacing


def write_archive(path: str | Path, files: Mapping[str, Path | bytes]) -> None:
    """Write files by the names that they have inside, in the order of these names; gzipped if the path ends so.

    Owners, modes and times are left out, so that the archive depends on nothing but names and contents.
    """
    with replacing(path) as temporary, temporary.open("wb") as raw:
        if not str(path).endswith(".gz"):
            _fill(raw, files)
            return
        with gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0, compresslevel=6) as packed:
            _fill(packed, files)


def _fill(stream: io.IOBase, files: Mapping[str, Path | bytes]) -> None:
    """Add all files."""
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(files):
            content = files[name]
            data = content if isinstance(content, bytes) else content.read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))


def extract(path: str | Path, folder: Path) -> None:
    """Put all files of an archive under `folder`; names that lead out of it are refused."""
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")


def read_member(path: str | Path, name: str) -> bytes:
    """Contents of one file of an archive.

    Raises
    ------
    KeyError
        If there is no such file.
    """
    with tarfile.open(path) as archive:
        stream = archive.extractfile(name)
        if stream is None:
            raise KeyError(f"{path}: {name} is no file")
        return stream.read()


def files_under(folder: Path, paths: Iterable[Path], prefix: str) -> dict[str, Path | bytes]:
    """Files by their names inside the archive, below `prefix`."""
    return {f"{prefix}/{path.relative_to(folder).as_posix()}": path for path in paths}
