"""Reads a file of an attempt's folder into memory, with a fingerprint."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hpcopt.core.errors import MetricError, ResultNotReadyError

#: A larger file is not copied into memory: it is parsed in place, and its fingerprint
#: covers its size, its modification time and both ends.
_WHOLE_BYTES = 256 * 2**20
_END_BYTES = 2**20

#: How many names a message lists.
_N_LISTED = 10


@dataclass(frozen=True)
class Fingerprint:
    """Two reads with equal fingerprints saw the same content."""

    size: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True)
class AttemptFile:
    """The content of a file at one moment."""

    path: Path
    fingerprint: Fingerprint
    source: io.BytesIO | Path
    """The bytes that the fingerprint is of; of a very large file, its path."""


def read_attempt_file(folder: Path, file: str) -> AttemptFile:
    """Read ``file`` of the attempt's ``folder``.

    Raises:
        ResultNotReadyError: It is not there, cannot be read, or is being written.
        MetricError: It lies outside the folder, or is no regular file.
    """
    path = _find(folder, file)
    source: io.BytesIO | Path = path
    try:
        with path.open("rb") as stream:
            before = os.fstat(stream.fileno())
            if before.st_size <= _WHOLE_BYTES:
                content = stream.read()
                source = io.BytesIO(content)
            else:
                content = _ends(stream, before.st_size)
            after = os.fstat(stream.fileno())
    except OSError as exc:
        raise ResultNotReadyError(f"{path}: cannot be read: {exc.strerror}") from exc
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise ResultNotReadyError(f"{path}: it is still being written")
    sha256 = hashlib.sha256(content).hexdigest()
    fingerprint = Fingerprint(before.st_size, before.st_mtime_ns, sha256)
    return AttemptFile(path, fingerprint, source)


def listing(names: list[str]) -> str:
    """Return the first few of ``names``, for a message."""
    if not names:
        return "none"
    more = ", …" if len(names) > _N_LISTED else ""
    return ", ".join(names[:_N_LISTED]) + more


def _find(folder: Path, file: str) -> Path:
    """Return the real path of the file, which exists and is a regular file."""
    given = folder / file
    try:
        # Listing the folder makes an NFS client drop a cached "no such file".
        present = sorted(entry.name for entry in folder.iterdir())
    except OSError as exc:
        raise ResultNotReadyError(
            f"{given}: cannot list the folder: {exc.strerror}"
        ) from exc
    # Unlike Path.resolve, realpath accepts links that lead in a circle.
    root, path = Path(os.path.realpath(folder)), Path(os.path.realpath(given))
    if not path.is_relative_to(root):
        raise MetricError(
            f"{given}: expected a file inside the attempt's folder, found {path}"
        )
    try:
        mode = path.stat().st_mode
    except OSError as exc:
        raise ResultNotReadyError(
            f"{given}: {exc.strerror}; the folder holds {listing(present)}"
        ) from exc
    if not stat.S_ISREG(mode):
        raise MetricError(f"{given}: expected a file, found {_kind(mode)}")
    return path


def _kind(mode: int) -> str:
    return "a folder" if stat.S_ISDIR(mode) else "a special file"


def _ends(stream: BinaryIO, size: int) -> bytes:
    head = stream.read(_END_BYTES)
    stream.seek(size - _END_BYTES)
    return head + stream.read(_END_BYTES)
