"""The journal as one file in the experiment's folder.

The file begins with a line that names the format; then comes one framed line an event
(``frames.py``). The file is append-only: an ``append`` that cannot finish is rolled
back.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import override

from hpcopt.core.errors import JournalDamagedError, StorageError
from hpcopt.core.events import Event
from hpcopt.host.durable import create_durably, sync_folder
from hpcopt.storage.frames import decode_all, encode, frame, has_frame, unframe
from hpcopt.storage.journal_writer import JournalWriter
from hpcopt.storage.protocol import Store

if TYPE_CHECKING:
    from hpcopt.storage.lease import Lease

logger = logging.getLogger(__name__)

#: How many events are decoded at once, which is faster than one by one.
_N_IN_A_BATCH = 1000

_HEADER = frame(b'{"format":"hpcopt journal","version":1}')


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
            writer.write(_HEADER)
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
            frames = list(_frames(path, data))
            n_whole = frames[-1][0] if frames else 0
            if n_whole < len(data):
                _save_torn(path, data[n_whole:])
                writer.truncate(n_whole)
            if n_whole == 0:
                writer.write(_HEADER)
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
        number = 1
        try:
            for batch in _batches(payloads):
                for event in decode_all(batch):
                    number += 1
                    yield event
        except JournalDamagedError:
            raise
        except StorageError as exc:
            raise StorageError(f"{self._path}, line {number + 1}: {exc}") from exc

    def _take_payloads(self) -> Iterator[bytes]:
        """Return what the frames hold, read from the file unless that was just done."""
        if self._payloads is None:
            frames = _frames(self._path, _read(self._path))
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
        raise StorageError(
            f"{path}: expected a journal that can be read: {exc.strerror}"
        ) from exc


def _sync_folder(folder: Path) -> None:
    try:
        sync_folder(folder)
    except OSError as exc:
        raise StorageError(f"{folder}: cannot be synced: {exc.strerror}") from exc


def _frames(path: Path, data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the end, in bytes, and the payload of each whole frame, header included.

    Raises:
        StorageError: It is no journal, or one of another format.
        JournalDamagedError: It is damaged, other than by a write that was cut short.
    """
    if _HEADER.startswith(data) and data != _HEADER:
        return  # a driver died while it created the file
    start = 0
    for number, line in enumerate(BytesIO(data), start=1):
        payload = unframe(line)
        if number == 1 and line != _HEADER:
            raise _not_a_journal(path, line, is_whole=payload is not None)
        if payload is None:
            if has_frame(data[start + 1 :]):
                raise _damaged(path, number, start, line)
            return
        start += len(line)
        yield start, payload


def _batches(payloads: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield payloads in batches; before an error, those that precede the damage."""
    batch: list[bytes] = []
    try:
        for payload in payloads:
            batch.append(payload)
            if len(batch) == _N_IN_A_BATCH:
                yield batch
                batch = []
    except JournalDamagedError:
        yield batch
        raise
    yield batch


def _not_a_journal(path: Path, line: bytes, *, is_whole: bool) -> StorageError:
    kind = StorageError if is_whole else JournalDamagedError
    return kind(
        f"{path}, line 1, byte 0: expected {_HEADER!r}, found {line[:80]!r}; is it a "
        "journal, and of this version of hpcopt?"
    )


def _damaged(path: Path, number: int, start: int, line: bytes) -> JournalDamagedError:
    return JournalDamagedError(
        f"{path}, line {number}, byte {start}: expected a length, a checksum and an "
        f"event that agree, found {line[:80]!r}, and whole events after it; the events "
        "before it can be read, and nothing after it is guessed"
    )


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
