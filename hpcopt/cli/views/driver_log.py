"""Reads the driver's log."""

from __future__ import annotations

import os
from pathlib import Path

DRIVER_LOG = "driver.log"

#: How the lines of the log begin.
LINE_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

_LEVELS = (" WARNING ", " ERROR ", " CRITICAL ")

#: How much of the log's end is read, in bytes.
_TAIL_BYTES = 65536


def tail(path: Path, n_lines: int, *, n_bytes: int = _TAIL_BYTES) -> list[str]:
    """Return the last lines of a file, as far as they are in its last ``n_bytes``.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - n_bytes))
        lines = file.read().decode("utf-8", errors="replace").splitlines()
    if size > n_bytes:
        lines = lines[1:]  # the first one is cut
    return lines[-n_lines:] if n_lines else []


def last_warning(folder: Path) -> str | None:
    """Return the latest warning in the driver's log; ``None`` if there is none."""
    try:
        lines = tail(folder / DRIVER_LOG, _TAIL_BYTES)
    except OSError:
        return None
    for line in reversed(lines):
        if any(level in line for level in _LEVELS):
            moment, _, rest = line.partition(",")  # the milliseconds follow
            return f"{moment}  {rest.partition(': ')[2]}"
    return None
