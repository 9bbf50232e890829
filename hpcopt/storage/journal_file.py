"""The journal as one file in the experiment's folder.

What its bytes hold is told in ``journal_data.py``. The file is append-only: an
``append`` that cannot finish is rolled back.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import override

from hpcopt.core.errors import StorageError
from hpcopt.core.events import Event
from hpcopt.host.durable import create_durably, sync_folder
from hpcopt.storage.frames import encode, frame
from hpcopt.storage.journal_data import (
    AFTER_HEADER,
    HEADER,
    cannot_read,
    events_of,
    frames_in,
)
from hpcopt.storage.journal_writer import JournalWriter
from hpcopt.storage.protocol import Store

if TYPE_CHECKING:
    from hpcopt.storage.lease import Lease

logger = logging.getLogger(__name__)


class JournalFile(Store):
    """A store in one file, written by the holder of the lease and read by anyone."""

    def __init__(
        self,
        path: Path,
        writer: JournalWriter | None,
        payloads: Sequence[bytes] | None = None,
    ) -> None:
        """Use a journal's file.

        Args:
            path: The file.
            writer: Its end, where it is open for writing.
            payloads: What its frames hold, header included, where that was just read:
                the first ``read`` then needs not read the file again.
        """
        self._path = path
        self._writer = writer
        self._payloads = payloads

    @classmethod
    def open_for_reading(cls, path: Path) -> JournalFile:
        """Open the journal at ``path``, to which a driver may append meanwhile."""
        return cls(path, None)

    @classmethod
    def create(cls, path: Path, lease: Lease) -> JournalFile:
        """Create an empty journal.

        Raises:
            LeaseLostError: Another driver owns the experiment now.
            StorageError: The file exists, or cannot be written.
        """
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL
        writer = JournalWriter.open(path, flags, lease)
        try:
            writer.write(HEADER)
            _sync_folder(path.parent)
        except BaseException:
            writer.close()
            raise
        return cls(path, writer)

    @classmethod
    def open_for_writing(cls, path: Path, lease: Lease) -> JournalFile:
        """Open the journal at ``path``, and repair the torn end that a kill left.

        The bytes of the torn end are kept in a file beside it, ``<stem>.torn-<n>``.

        Raises:
            JournalDamagedError: It is damaged before its end; nothing was changed.
            LeaseLostError: Another driver owns the experiment now.
            StorageError: There is no journal, or it cannot be written.
        """
        writer = JournalWriter.open(path, os.O_RDWR | os.O_APPEND, lease)
        try:
            data = _read(path)
            frames = list(frames_in(path, data))
            n_whole = frames[-1][0] if frames else 0
            if n_whole < len(data):
                _save_torn(path, data[n_whole:])
                writer.truncate(n_whole)
            if n_whole == 0:
                writer.write(HEADER)
        except BaseException:
            writer.close()
            raise
        return cls(path, writer, [payload for _, payload in frames])

    @classmethod
    def open_or_create(cls, path: Path, lease: Lease) -> JournalFile:
        """Open the journal at ``path`` for writing; create it if there is none.

        Raises:
            StorageError: As by ``open_for_writing`` and ``create``.
        """
        open_ = cls.open_for_writing if path.exists() else cls.create
        return open_(path, lease)

    @override
    def read(self) -> Iterator[Event]:
        payloads = self._take_payloads()
        next(payloads, None)  # the header
        yield from events_of(self._path, payloads, AFTER_HEADER)

    def _take_payloads(self) -> Iterator[bytes]:
        """Return what the frames hold, read from the file unless that was just done."""
        if self._payloads is None:
            frames = frames_in(self._path, _read(self._path))
            return (payload for _, payload in frames)
        payloads, self._payloads = self._payloads, None
        return iter(payloads)

    @override
    def append(self, events: Sequence[Event]) -> None:
        if self._writer is None:
            raise StorageError(f"{self._path}: the journal is not open for writing")
        if not events:
            self._writer.check()
        else:
            self._payloads = None
            self._writer.write(b"".join(frame(encode(event)) for event in events))

    @override
    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise cannot_read(path, exc) from exc


def _sync_folder(folder: Path) -> None:
    try:
        sync_folder(folder)
    except OSError as exc:
        raise StorageError(f"{folder}: cannot be synced: {exc.strerror}") from exc


def _save_torn(path: Path, torn: bytes) -> None:
    """Keep ``torn`` in a new file beside the journal."""
    n = 0
    while (beside := path.with_name(f"{path.stem}.torn-{n}")).exists():
        n += 1
    try:
        create_durably(beside, torn)
    except OSError as exc:
        raise StorageError(
            f"{beside}: the torn end of {path.name} could not be kept: {exc.strerror}"
        ) from exc
    logger.warning(
        "%s: a driver was killed while it wrote; the last %d bytes, which it had not "
        "acted upon, were moved to %s",
        path,
        len(torn),
        beside.name,
    )
