"""What the bytes of a journal hold: its header, its frames, their events.

The file begins with a line that names the format; then comes one framed line an event
(``frames.py``). It may be read from the end of any frame on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from hpcopt.core.errors import JournalDamagedError, StorageError
from hpcopt.core.events import Event
from hpcopt.storage.frames import decode_all, frame, has_frame, unframe

#: The first line of every journal.
HEADER = frame(b'{"format":"hpcopt journal","version":1}')

#: How many events are decoded at once, which is faster than one by one.
_N_IN_A_BATCH = 1000


@dataclass(frozen=True)
class Position:
    """A place between two lines of a journal."""

    offset: int = 0
    """The bytes before it."""
    n_lines: int = 0
    """The lines before it, the header included."""


BEGINNING = Position()

#: Where the first event begins.
AFTER_HEADER = Position(len(HEADER), 1)


def frames_in(
    path: Path, data: bytes, start: Position = BEGINNING
) -> Iterator[tuple[int, bytes]]:
    """Yield the end and the payload of each whole frame, header included.

    An end is in bytes of the file.

    Args:
        path: The journal's, for messages.
        data: What it holds from ``start`` on.
        start: The end of a frame, or the beginning.

    Raises:
        StorageError: It is no journal, or one of another format.
        JournalDamagedError: It is damaged, other than by a write that was cut short.
    """
    if start.offset == 0 and HEADER.startswith(data) and data != HEADER:
        return  # a driver died while it created the file
    offset = start.offset
    for number, line in enumerate(BytesIO(data), start=start.n_lines + 1):
        payload = unframe(line)
        if number == 1 and line != HEADER:
            raise _not_a_journal(path, line, is_whole=payload is not None)
        if payload is None:
            if has_frame(data[offset - start.offset + 1 :]):
                raise _damaged(path, number, offset, line)
            return
        offset += len(line)
        yield offset, payload


def events_of(
    path: Path, payloads: Iterable[bytes], start: Position
) -> Iterator[Event]:
    """Yield the events of frames; before an error, those that precede it.

    Args:
        path: The journal's, for messages.
        payloads: What the frames hold, the header's left out.
        start: Where the first of them begins.

    Raises:
        StorageError: One is no event that this version knows, or as by ``payloads``.
    """
    number = start.n_lines
    try:
        for batch in _batches(payloads):
            for event in decode_all(batch):
                number += 1
                yield event
    except JournalDamagedError:
        raise
    except StorageError as exc:
        raise StorageError(f"{path}, line {number + 1}: {exc}") from exc


def cannot_read(path: Path, exc: OSError) -> StorageError:
    """Return the error that tells why a journal cannot be read."""
    return StorageError(f"{path}: expected a journal that can be read: {exc.strerror}")


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
        f"{path}, line 1, byte 0: expected {HEADER!r}, found {line[:80]!r}; is it a "
        "journal, and of this version of hpcopt?"
    )


def _damaged(path: Path, number: int, start: int, line: bytes) -> JournalDamagedError:
    return JournalDamagedError(
        f"{path}, line {number}, byte {start}: expected a length, a checksum and an "
        f"event that agree, found {line[:80]!r}, and whole events after it; the events "
        "before it can be read, and nothing after it is guessed"
    )
