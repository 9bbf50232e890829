"""Puts the experiments that an earlier version left behind where a test wants them.

Each folder below ``tests/compatibility/fixtures/<version>`` is what that version wrote,
with placeholders in place of what belonged to the machine of then. An experiment knows
absolute paths: of itself, in its journal and its job scripts; of the Python that ran
it; and the name of its host. ``relocate`` copies one and fills them in, and frames the
lines of the journal anew.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from zlib import crc32

#: Stands for the folder in which the fixture's own folder was.
HOME = "/OLD-HOME"

#: Stands for the Python executable that the driver had, and its jobs have.
PYTHON = "/OLD-PYTHON"

#: Stands for the name of the host on which the driver and local trials ran.
HOST = "OLD-HOST"

#: Needs no quotes in a shell and no escapes in JSON.
_PLAIN = re.compile(r"[A-Za-z0-9@%+=:,./_-]+")

_JOURNAL = "journal.jsonl"

#: What an empty folder holds in a fixture, since git keeps no empty folders.
_KEEPER = ".gitkeep"

#: How long ago all of it was written: a driver that was silent for so long is dead.
_AGE_S = 3600.0


def relocate(
    fixture: Path,
    home: Path,
    *,
    python: str | None = None,
    host: str | None = None,
) -> Path:
    """Copy a fixture into ``home``, as if it had been made there, and return the copy.

    Args:
        fixture: The fixture's folder; it has a config and an ``experiment``.
        home: Where the copy is put, under the fixture's own name.
        python: The Python that its job scripts run from now on. By default this one,
            by a script in ``home``, as its own path may need quotes.
        host: Where its driver and its local trials ran. By default on this machine,
            before it was started anew.

    Raises:
        ValueError: What is to be filled in needs quotes, or the journal is damaged.
    """
    copy = home.absolute() / fixture.name
    keepers = shutil.ignore_patterns(_KEEPER)
    shutil.copytree(fixture, copy, symlinks=True, ignore=keepers)
    replace_texts(
        copy,
        {
            HOME: str(home.absolute()),
            PYTHON: python or str(_write_launcher(home.absolute() / "python")),
            HOST: os.uname().nodename if host is None else host,
        },
    )
    then = time.time() - _AGE_S
    for path in _files(copy):
        os.utime(path, (then, then))
    return copy


def replace_texts(folder: Path, texts: Mapping[str, str]) -> None:
    """Replace each key of ``texts`` by its value in all text files below ``folder``.

    Raises:
        ValueError: A text needs quotes, or a journal is damaged.
    """
    for text in texts.values():
        if not _PLAIN.fullmatch(text):
            raise ValueError(f"expected a text that needs no quotes, found {text!r}")
    for path in _files(folder):
        before = path.read_bytes()
        if _is_binary(before):
            continue
        rewrite = _replaced_in_journal if path.name == _JOURNAL else _replaced
        after = rewrite(before, texts)
        if after != before:
            path.write_bytes(after)  # the mode stays: scripts are executable


def _write_launcher(path: Path) -> Path:
    path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    path.chmod(0o755)
    return path


def _files(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()]


def _is_binary(data: bytes) -> bool:
    return b"\0" in data


def _replaced(data: bytes, texts: Mapping[str, str]) -> bytes:
    for old, new in texts.items():
        data = data.replace(old.encode(), new.encode())
    return data


def _replaced_in_journal(data: bytes, texts: Mapping[str, str]) -> bytes:
    lines = data.splitlines(keepends=True)
    return b"".join(_frame(_replaced(_payload(line), texts)) for line in lines)


def _frame(payload: bytes) -> bytes:
    """Return the line of a journal: ``<length> <crc32> <JSON>``."""
    return b"%d %08x %b\n" % (len(payload), crc32(payload), payload)


def _payload(line: bytes) -> bytes:
    _, _, payload = line.rstrip(b"\n").split(b" ", 2)
    if _frame(payload) != line:
        raise ValueError(f"expected a whole frame, found {line!r}")
    return payload
