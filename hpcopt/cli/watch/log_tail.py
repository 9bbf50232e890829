"""Reads the end of one log, again only once it has changed."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from hpcopt.cli.watch.printable import printable

#: So much of a log is read at most, in bytes.
N_BYTES = 32768

#: A line is cut after so many characters; a binary log may be one line.
_MOST_IN_A_LINE = 2000

#: What ends a line. A carriage return does: each state of a progress bar is a line.
_ENDS = re.compile(r"\r?\n|\r")


@dataclass(frozen=True)
class LogEnd:
    """The end of a log as it was read."""

    path: Path | None = None
    """``None`` where there is no attempt."""
    lines: tuple[str, ...] = ()
    """Printable."""
    size: int = 0
    """Of the whole log, in bytes."""
    is_read: bool = False
    is_cut: bool = False
    """Whether there is more before the lines."""
    problem: str = ""
    """Why there are no lines, in a few words."""


class LogTail:
    """The end of the log of one attempt at a time."""

    def __init__(self) -> None:
        self._signature: tuple[Path | None, int, int, int] | None = None
        self._end = LogEnd()

    def read(self, path: Path | None) -> LogEnd:
        """Return the end of the log at ``path``, as an equal object if it is the same.

        A look at a log that has not changed costs one call of ``stat``.
        """
        if path is None:
            self._signature, self._end = None, LogEnd()
            return self._end
        try:
            found = path.stat()
            signature = (path, found.st_ino, found.st_size, found.st_mtime_ns)
            if signature != self._signature:
                self._end = _read(path)
                self._signature = signature
        except FileNotFoundError:
            self._signature = None
            self._end = LogEnd(path, problem="there is no log yet")
        except OSError as exc:
            self._signature = None
            self._end = LogEnd(path, problem=f"cannot be read: {exc.strerror}")
        return self._end


def _read(path: Path) -> LogEnd:
    with path.open("rb", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - N_BYTES))
        data = file.read(N_BYTES) or b""
    lines = _ENDS.split(data.decode("utf-8", errors="replace"))
    if lines[-1] == "":
        lines.pop()
    is_cut = size > N_BYTES
    if is_cut and len(lines) > 1:
        lines = lines[1:]  # its beginning was not read
    shown = (printable(one[:_MOST_IN_A_LINE]) for one in lines)
    return LogEnd(path, tuple(shown), size, is_read=True, is_cut=is_cut)
