"""What it means when a file cannot be written."""

from __future__ import annotations

import errno
from pathlib import Path

from hpcopt.core.errors import StorageError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = frozenset({errno.EROFS, errno.EACCES})


def is_lasting(exc: OSError) -> bool:
    """Whether somebody must do something before the same can succeed.

    All else may be a network file system that is away for a while.
    """
    return exc.errno in _FULL | _FORBIDDEN


def advice(exc: OSError) -> str:
    """Return what to do about an error that lasts, to end a sentence with."""
    if exc.errno in _FULL:
        return "; make room, then continue with hpcopt run: nothing is lost"
    if exc.errno in _FORBIDDEN:
        return "; make it writable, then continue with hpcopt run: nothing is lost"
    return ""


def cannot_write(path: Path, exc: OSError) -> StorageError:
    """Return an error that says what cannot be written, why, and what to do."""
    return StorageError(f"{path}: cannot be written: {exc.strerror}{advice(exc)}")
