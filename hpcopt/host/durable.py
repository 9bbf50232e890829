"""Files that are there whole or not at all, also after a crash of the machine.

A file is written under a temporary name in the folder where it shall be, synced, and
renamed: who reads it finds what was there before, or all that was written. The name
itself is durable once the folder is synced too.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hpcopt.core.errors import StorageError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = frozenset({errno.EROFS, errno.EACCES})


def write_text_durably(
    path: Path, text: str, *, mode: int | None = None, sync_parent: bool = True
) -> None:
    """Write a file atomically, replacing one that is there.

    Args:
        path: The file; its folder must exist.
        text: The content, written as UTF-8; what was decoded with ``surrogateescape``,
            such as the name of a file, as its original bytes.
        mode: The file's permissions; ``None`` for those that the umask leaves.
        sync_parent: Whether the folder is synced, too. Where several files are written,
            one ``sync_folder`` at the end is cheaper.

    Raises:
        OSError: It cannot be written; what was there before is still there.
    """
    with _replacement(path, sync_parent=sync_parent) as (_, fd):
        if mode is not None:
            os.fchmod(fd, mode)
        _write(fd, text.encode("utf-8", "surrogateescape"))


def replace_durably(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file atomically by a function, replacing one that is there.

    Args:
        path: The file; its folder must exist.
        write: Called with the name of an empty file, which it fills.

    Raises:
        OSError: It cannot be written; what was there before is still there. What
            ``write`` raises is passed on likewise.
    """
    with _replacement(path, sync_parent=True) as (temporary, _):
        write(temporary)


def replace_quickly(path: Path, data: bytes, *, mode: int) -> None:
    """Write a file atomically and wait for no disk, replacing one that is there.

    For what can be made again: after a crash of the machine it may be incomplete.

    Args:
        path: The file; its folder must exist.
        data: Its content.
        mode: Its permissions.

    Raises:
        OSError: It cannot be written; what was there before is still there.
    """
    with _replacement(path, sync_parent=False, is_durable=False) as (_, fd):
        os.fchmod(fd, mode)
        _write(fd, data)


def create_durably(path: Path, data: bytes, *, sync_parent: bool = True) -> None:
    """Write a file where there must be none; readers may see it incomplete.

    Args:
        path: The file; its folder must exist.
        data: Its content.
        sync_parent: Whether the folder is synced too.

    Raises:
        FileExistsError: There is a file of that name, which was not touched.
        OSError: It cannot be written; nothing is left of it.
    """
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        try:
            _write(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    if sync_parent:
        sync_folder(path.parent)


def make_folder_durably(path: Path) -> None:
    """Make a folder, and those above it that are missing.

    Raises:
        OSError: It cannot be made.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.is_dir()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        sync_folder(folder.parent)


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on disk.

    Raises:
        OSError: They cannot be brought there.
    """
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def is_lasting(exc: OSError) -> bool:
    """Whether the error lasts until a person makes room or changes permissions.

    Other errors may be a network file system that is away for a while.
    """
    return exc.errno in _FULL | _FORBIDDEN


def advice(exc: OSError) -> str:
    """Return what to do about a lasting error, as the end of a sentence."""
    if exc.errno in _FULL:
        return "; make room, then continue with hpcopt run: nothing is lost"
    if exc.errno in _FORBIDDEN:
        return "; make it writable, then continue with hpcopt run: nothing is lost"
    return ""


def cannot_write(path: Path, exc: OSError) -> StorageError:
    """Return an error that says what cannot be written, why, and what to do."""
    return StorageError(f"{path}: cannot be written: {exc.strerror}{advice(exc)}")


@contextmanager
def _replacement(
    path: Path, *, sync_parent: bool, is_durable: bool = True
) -> Iterator[tuple[Path, int]]:
    """Yield the name and the descriptor of a new file that then takes ``path``.

    Its name is no other's: two hosts may write at once, each under the same pid.
    """
    temporary = path.with_name(f".{path.name}.{os.urandom(8).hex()}.tmp")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        try:
            yield temporary, fd
            if is_durable:
                os.fsync(fd)
        finally:
            os.close(fd)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if sync_parent:
        sync_folder(path.parent)


def _write(fd: int, data: bytes) -> None:
    """Write all of ``data``: one call may take only a part of it."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
