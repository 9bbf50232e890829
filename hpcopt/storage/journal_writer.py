"""Durable, atomic appends to a journal's file by its only writer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hpcopt.core.errors import StorageError
from hpcopt.host.durable import advice

if TYPE_CHECKING:
    from hpcopt.storage.lease import Lease


class JournalWriter:
    """An open journal's file, to which data are appended whole or not at all."""

    def __init__(self, path: Path, fd: int, lease: Lease) -> None:
        self._path = path
        self._fd = fd
        self._lease = lease
        self._size = os.fstat(fd).st_size
        self._is_torn = False

    @classmethod
    def open(cls, path: Path, flags: int, lease: Lease) -> JournalWriter:
        """Open the file.

        Args:
            path: The file.
            flags: Those of ``os.open``.
            lease: The right to write, which is checked before each write.

        Raises:
            LeaseLostError: Another driver owns the experiment now.
            StorageError: The file cannot be opened so.
        """
        lease.check()
        try:
            fd = os.open(path, flags, 0o666)
        except OSError as exc:
            raise StorageError(
                f"{path}: expected to open the journal for writing: {exc.strerror}"
            ) from exc
        return cls(path, fd, lease)

    def write(self, data: bytes) -> None:
        """Append ``data`` durably.

        Raises:
            LeaseLostError: Another driver owns the experiment now.
            StorageError: It could not be written; nothing was added.
        """
        self._lease.check()
        self._check_size()
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._fd, view) :]
            os.fsync(self._fd)
        except OSError as exc:
            self._roll_back()
            raise StorageError(
                f"{self._path}: {len(data)} bytes could not be written: "
                f"{exc.strerror}; nothing was added{advice(exc)}"
            ) from exc
        except BaseException:  # an interrupt, before which nothing was promised either
            self._roll_back()
            raise
        self._size += len(data)

    def check(self) -> None:
        """Check that this driver may write.

        Raises:
            LeaseLostError: Another driver owns the experiment now.
        """
        self._lease.check()

    def truncate(self, size: int) -> None:
        """Truncate the file durably to its first ``size`` bytes.

        Raises:
            LeaseLostError: Another driver owns the experiment now, and what follows.
            StorageError: It could not be truncated.
        """
        self._lease.check()
        try:
            os.ftruncate(self._fd, size)
            os.fsync(self._fd)
        except OSError as exc:
            raise StorageError(
                f"{self._path}: what follows byte {size} could not be taken off: "
                f"{exc.strerror}"
            ) from exc
        self._size = size

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def _check_size(self) -> None:
        if self._is_torn:
            raise StorageError(
                f"{self._path}: an earlier write failed half-way and could not be "
                "taken back; start the driver again to repair the journal"
            )
        found = os.fstat(self._fd).st_size
        if found != self._size:
            raise StorageError(
                f"{self._path}: expected {self._size} bytes, found {found}: "
                "something else than this driver has written to the journal"
            )

    def _roll_back(self) -> None:
        self._is_torn = True
        self.truncate(self._size)
        self._is_torn = False
