"""What went wrong in a Python trial, as its worker says: ``error.json``.

It is text, so that reading it runs nothing, as a pickled exception would, whoever may
write to the folder.
"""

from __future__ import annotations

import json
import re
import traceback
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from typing_extensions import override

from hpcopt.host.durable import write_text_durably

#: The name of the file in an attempt's folder.
ERROR_FILE = "error.json"

#: How much is kept of a message, and of a traceback, whose end tells most.
_MOST_CHARACTERS = 500
_MOST_TRACEBACK = 16384

#: Errors that follow when a process was killed for its memory, or had too little.
_MEMORY = re.compile(
    r"MemoryError|killed|SIGKILL|signal 9\b|out of memory|terminated abruptly"
    r"|exit code -9\b|Cannot allocate memory",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class WorkerError:
    """Why the function of a trial gave no result."""

    kind: str
    """The name of the exception's class; empty where the worker itself refused."""
    message: str
    """One line: what a person is told."""
    traceback: str
    run: str
    """The content of ``started`` of the run that went wrong; there may be another."""

    @property
    def may_be_memory(self) -> bool:
        """Whether too little memory may be the reason, which Slurm would know."""
        return _MEMORY.search(f"{self.message}\n{self.traceback}") is not None


class ErrorNote(AbstractContextManager["ErrorNote"]):
    """Writes down an exception that leaves the block, and lets it go on."""

    def __init__(self, folder: Path | None) -> None:
        """Note errors of the attempt in ``folder``; ``None`` for none."""
        self._folder = folder
        self._run = "" if folder is None else _read(folder / "started")

    @override
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, Exception):
            words = str(error)
            name = type(error).__name__
            message = f"the function raised {name}{': ' if words else ''}{words}"
            self._write(name, message, "".join(traceback.format_exception(error)))

    def refuse(self, message: str) -> None:
        """Note why the worker does not go on."""
        self._write("", message, "")

    def _write(self, kind: str, message: str, trace: str) -> None:
        if self._folder is None:
            return
        error = WorkerError(kind, _line(message), trace[-_MOST_TRACEBACK:], self._run)
        # Without it, the exit code and the log tell what they always do.
        with suppress(OSError):
            write_text_durably(self._folder / ERROR_FILE, json.dumps(asdict(error)))


def parse_error(text: str, run: str) -> WorkerError | None:
    """Return the error in the text of the file; ``None`` if there is none of the run.

    Args:
        text: The file's content.
        run: The content of ``started``: an earlier run of the attempt may have failed
            otherwise.
    """
    try:
        record = json.loads(text)
    except ValueError:
        return None
    match record:
        case {
            "kind": str(kind),
            "message": str(message),
            "traceback": str(trace),
            "run": str(of),
        } if of == run:
            return WorkerError(_line(kind), _line(message), trace, of)
    return None


def _line(text: str) -> str:
    """Return a text as one line that a terminal can show."""
    line = " ".join(text.split())
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
    return shown if len(shown) <= _MOST_CHARACTERS else f"{shown[:_MOST_CHARACTERS]}…"


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
