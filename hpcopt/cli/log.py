"""Where log messages go: all to ``driver.log``, warnings to the terminal too."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from logging.handlers import MemoryHandler
from pathlib import Path

from typing_extensions import override

from hpcopt.cli.views.driver_log import DRIVER_LOG, LINE_FORMAT
from hpcopt.host.durable import cannot_write

#: So much is kept until the folder exists, and this process may write in it.
_MOST_KEPT = 10_000


class _Lines(logging.Handler):
    """Hands each message on as one line."""

    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._write = write

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self._write(f"{record.levelname.lower()}: {record.getMessage()}")


class _LogFile(logging.FileHandler):
    """A log that a full disk makes incomplete, and nothing worse."""

    @override
    def handleError(self, record: logging.LogRecord) -> None:
        """Print no traceback for each line: what matters is told elsewhere."""

    @override
    def close(self) -> None:
        with suppress(OSError):
            super().close()


class DriverLog:
    """The log of this process, which becomes that of the driver if it is one."""

    def __init__(self, kept: MemoryHandler) -> None:
        self._kept = kept
        self._file: logging.FileHandler | None = None

    def open(self, folder: Path) -> None:
        """Write what was logged and will be to ``driver.log`` in ``folder``.

        Raises:
            StorageError: It cannot be written.
        """
        path = folder / DRIVER_LOG
        try:
            self._file = _LogFile(path, encoding="utf-8")
        except OSError as exc:
            raise cannot_write(path, exc) from exc
        self._file.setFormatter(logging.Formatter(LINE_FORMAT))
        self._kept.setTarget(self._file)
        self._kept.capacity = 1

    def close(self) -> None:
        """Write what is left."""
        if self._file is not None:
            self._kept.close()
            self._file.close()


@contextmanager
def logging_to(write: Callable[[str], None]) -> Iterator[DriverLog]:
    """Log within the block.

    Args:
        write: Shows a person one line: a warning or an error.
    """
    kept = MemoryHandler(_MOST_KEPT, flushLevel=logging.CRITICAL + 1)
    log, handlers = DriverLog(kept), [kept, _Lines(write)]
    ours, root = logging.getLogger("hpcopt"), logging.getLogger()
    level = ours.level
    ours.setLevel(logging.INFO)
    for handler in handlers:
        root.addHandler(handler)
    try:
        yield log
    finally:
        for handler in handlers:
            root.removeHandler(handler)
        ours.setLevel(level)
        log.close()
