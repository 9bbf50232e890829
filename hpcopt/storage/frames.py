"""The framing of events: one line each, with its length and checksum.

``<length> <crc32> <JSON>`` and a line break: the JSON is ASCII without line breaks, so
that a line either is a frame or is damaged, and the next frame begins after it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any
from zlib import crc32

from hpcopt.core.errors import StorageError
from hpcopt.core.event_codec import event_from_json, event_to_json
from hpcopt.core.events import Event

#: Whatever may be the beginning of a frame; matches overlap, so that a line break that
#: was damaged into a digit does not hide the frame after it.
_BEGINNING = re.compile(rb"(?=(\d{1,12}) [0-9a-f]{8} )")

#: Of so many events it would take too long to look for keys that others have, too.
_MANY = 100


def frame(payload: bytes) -> bytes:
    """Return ``payload`` framed as one line."""
    return b"%d %08x %b\n" % (len(payload), crc32(payload), payload)


def unframe(line: bytes) -> bytes | None:
    """Return the payload of ``line``; ``None`` unless it is exactly one whole frame."""
    payload = line[line.find(b" ") + len(" 01234567 ") : -1]
    return payload if line == frame(payload) else None


def has_frame(data: bytes) -> bool:
    """Return whether a whole frame begins anywhere in ``data``."""
    for match in _BEGINNING.finditer(data):
        start = match.start()
        end = match.end(1) + len(" 01234567 ") + int(match[1]) + 1
        if unframe(data[start:end]) is not None:
            return True
    return False


def encode(event: Event) -> bytes:
    """Return the event as JSON, without a line break.

    Raises:
        StorageError: The event contains something that JSON cannot hold, such as NaN.
    """
    try:
        text = json.dumps(event_to_json(event), allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as exc:
        raise StorageError(
            f"event {type(event).__name__}: expected JSON values and finite numbers: "
            f"{exc}"
        ) from exc
    return text.encode("ascii")


def decode_all(payloads: Sequence[bytes]) -> Iterator[Event]:
    """Yield the events that ``encode`` wrote.

    They are parsed as one array: that takes half the time, and gives those of one call
    their keys in common. Those of many calls with few events, as when a journal is
    followed for weeks, have them in common, too.

    Raises:
        StorageError: One is no event that this version knows.
    """
    hook = _with_common_keys if len(payloads) < _MANY else None
    text = b"[%b]" % b",".join(payloads)
    return map(event_from_json, json.loads(text, object_pairs_hook=hook))


def _with_common_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {sys.intern(key): value for key, value in pairs}
