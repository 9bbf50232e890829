"""What a journal has made of an experiment, kept beside it so that looking is quick.

The journal stays the only state: a cache is believed only while the journal begins with
the very bytes that it was made of. Where it is missing, damaged, of another version or
of another journal, the events are folded as if there were none; it may be removed at
any time, and only the journal's owner writes it.

The file is a line with the checksum of the rest, a line about the journal and the
experiment, and a line a trial, which is decoded when that trial is asked for. All but
the first is JSON.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path

from hpcopt import __version__
from hpcopt.core.errors import HpcoptError
from hpcopt.core.experiment import Experiment
from hpcopt.core.experiment_codec import (
    FIELDS,
    experiment_from_json,
    experiment_to_json,
)
from hpcopt.core.many_objects import without_garbage_collection
from hpcopt.host.durable import replace_quickly
from hpcopt.storage.journal_data import Position

#: To be raised where an event comes to mean something else for the experiment, or where
#: the file is laid out otherwise.
VERSION = 2


def _checksum(data: bytes | memoryview) -> bytes:
    return blake2b(data, digest_size=16).hexdigest().encode()


#: So many are folded in less time than anybody notices.
_FEW_EVENTS = 2000

#: So many bytes may a cache be larger than its journal, which a small one may need.
_SLACK = 65_536

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH

#: Caches made by anything else are not read.
_MADE_BY = (
    f"{__version__}, {VERSION}, {_checksum(json.dumps(FIELDS).encode()).decode()}"
)


def cache_beside(journal: Path) -> Path:
    """Return where the cache of a journal is."""
    return journal.with_suffix(".cache")


def is_worth_keeping(n_events: int, n_cached: int) -> bool:
    """Return whether a cache saves more time than it takes to be written.

    Args:
        n_events: How many events the experiment has.
        n_cached: How many of them a cache has saved to fold.
    """
    return n_events - n_cached > max(_FEW_EVENTS, n_events // 10)


def read_cache(
    journal: Path, data: bytes, owner: int
) -> tuple[Experiment, Position] | None:
    """Return the experiment, and up to which place of the journal it was folded.

    Args:
        journal: The journal's file.
        data: All that it holds.
        owner: The user id of its owner.

    Returns:
        ``None`` where there is no cache that is of this journal and to be trusted.
    """
    try:
        found = _read_regular(cache_beside(journal), owner, at_most=len(data) + _SLACK)
    except OSError:
        return None
    checksum, _, body = found.partition(b"\n")
    if _checksum(body) != checksum:
        return None
    head, *trials = body.split(b"\n")
    try:
        record = json.loads(head)
        if record["made_by"] != _MADE_BY:
            return None
        position = Position(record["offset"], record["n_lines"])
        if _checksum(memoryview(data)[: position.offset]) != record["journal"].encode():
            return None
        return experiment_from_json(record["experiment"], trials), position
    except (HpcoptError, LookupError, TypeError, ValueError):
        return None  # it was made by a version in the making


def write_cache(
    journal: Path, data: bytes, owner: int, experiment: Experiment, position: Position
) -> None:
    """Keep the experiment beside its journal, where that can be done.

    Args:
        journal: The journal's file.
        data: What it holds.
        owner: The user id of its owner.
        experiment: What its events have made of it.
        position: Up to which place of ``data``.
    """
    if owner != os.geteuid():
        return  # another's file would not be trusted
    with without_garbage_collection():
        record, trials = experiment_to_json(experiment)
        head = {
            "made_by": _MADE_BY,
            "offset": position.offset,
            "n_lines": position.n_lines,
            "journal": _checksum(memoryview(data)[: position.offset]).decode(),
            "experiment": record,
        }
        body = b"\n".join(_lines([head, *trials]))
    if len(body) < position.offset + _SLACK // 2:
        try:
            mode = journal.stat().st_mode & ~_WRITABLE_BY_OTHERS & 0o666
            whole = _checksum(body) + b"\n" + body
            replace_quickly(cache_beside(journal), whole, mode=mode)
        except OSError:
            return  # a full disk, a folder that is another's: looking only takes longer


def leave_cache(journal: Path, experiment: Experiment) -> None:
    """Keep what a journal's only writer knows of it, now that it is done.

    Args:
        journal: The journal's file.
        experiment: The fold of all its events, unless another writes to it already.
    """
    if not is_worth_keeping(experiment.n_events, 0):
        return
    try:
        data, owner = journal.read_bytes(), journal.stat().st_uid
    except OSError:
        return  # it went with its folder, or away with its file system
    if data.count(b"\n") == (n_lines := experiment.n_events + 1):
        cached = read_cache(journal, data, owner)
        n_cached = 0 if cached is None else cached[0].n_events
        if is_worth_keeping(experiment.n_events, n_cached):
            position = Position(data.rindex(b"\n") + 1, n_lines)
            write_cache(journal, data, owner, experiment, position)


def _lines(records: Iterable[object]) -> Iterator[bytes]:
    encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
    return (encode(record).encode("ascii") for record in records)


def _read_regular(path: Path, owner: int, at_most: int) -> bytes:
    """Return what a file holds that only ``owner`` can have written.

    Raises:
        OSError: There is none, or it is not such a file.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        found = os.fstat(fd)
        if (
            not stat.S_ISREG(found.st_mode)
            or found.st_uid != owner
            or found.st_mode & _WRITABLE_BY_OTHERS
            or found.st_size > at_most
        ):
            raise PermissionError(
                f"{path}: expected a file of the journal's owner alone"
            )
        return file.read(at_most)
