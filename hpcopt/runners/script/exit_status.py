"""Why an attempt's script failed, by its exit code and by what its log ends with."""

from __future__ import annotations

import os
import re
import signal

from hpcopt.core.types import JSONValue
from hpcopt.runners.script.attempt_folder import AttemptFolder
from hpcopt.runners.script.worker_error import WorkerError

#: What the wrapper exits with when the program failed and no file can be written; the
#: number is that of ``EX_IOERR`` in ``sysexits.h``.
CANNOT_WRITE = 74

_SHELL_CODES = {126: "its command cannot be executed", 127: "its command was not found"}

#: A program that removes what it could not write to its end leaves so little space, and
#: what it said about it did not fit into its log.
_HARDLY_ANY_BYTES = 8 << 20

_WORDS = re.compile(rb"No space left on device|Disk quota exceeded|ENOSPC|EDQUOT")

#: How much of the log's end is looked at: a traceback of Python, or of HDF5.
_TAIL_BYTES = 16384


def exit_reason(code: int) -> str:
    """Return what an exit code other than 0 says, as bash forms it, in one sentence."""
    if code in _SHELL_CODES:
        return f"the trial's script ended with exit code {code}: {_SHELL_CODES[code]}"
    try:
        name = signal.Signals(code - 128).name
    except ValueError:
        return f"the trial's script ended with exit code {code}"
    return f"the trial's script was ended by {name} (exit code {code})"


def failure(code: int, error: WorkerError | None) -> tuple[str, dict[str, JSONValue]]:
    """Return why a script failed: a sentence, and what else is known.

    Args:
        code: Its exit code, other than 0.
        error: What its worker says went wrong, if it runs a Python function.
    """
    if error is None:
        return exit_reason(code), {}
    return f"{error.message} (exit code {code})", {"error": error.kind}


def disk_was_full(folder: AttemptFolder, exit_code: int | None) -> bool:
    """Whether an attempt that failed may have done so because its disk was full.

    Its wrapper could not write the exit code down, or its program says so, or hardly
    any space is left.

    Args:
        folder: The attempt's.
        exit_code: What it ended with, as the runner knows it.

    Raises:
        OSError: The folder cannot be read.
    """
    if folder.read_ended() is None and (
        exit_code == CANNOT_WRITE or folder.ended.exists()
    ):
        return True
    try:
        disk = os.statvfs(folder.path)
        if disk.f_blocks and disk.f_bavail * disk.f_frsize < _HARDLY_ANY_BYTES:
            return True
        with folder.log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            return _WORDS.search(file.read()) is not None
    except FileNotFoundError:
        return False  # nor does it tell of one that the whole folder is gone
