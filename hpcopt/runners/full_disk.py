"""Telling a trial that failed from one that had no room to write."""

from __future__ import annotations

import os
import re

from hpcopt.runners.script.attempt_folder import AttemptFolder

#: What the wrapper exits with when the program failed and no file can be written; the
#: number is that of ``EX_IOERR`` in ``sysexits.h``.
CANNOT_WRITE = 74

#: A program that removes what it could not write to its end leaves so little room, and
#: what it said about it had no room in its log.
_NEXT_TO_NOTHING_BYTES = 8 << 20

_WORDS = re.compile(rb"No space left on device|Disk quota exceeded|ENOSPC|EDQUOT")

#: How much of the log's end is looked at: a traceback of Python, or of HDF5.
_TAIL_BYTES = 16384


def had_no_room(folder: AttemptFolder, exit_code: int | None) -> bool:
    """Whether an attempt that has ended, and failed, had no room to write.

    Its wrapper could not write the exit code down, or its program says so, or next to
    nothing is left: what failed then may have failed for that.

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
        if disk.f_blocks and disk.f_bavail * disk.f_frsize < _NEXT_TO_NOTHING_BYTES:
            return True
        with folder.log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            return _WORDS.search(file.read()) is not None
    except FileNotFoundError:
        return False  # nor does it tell of one that the whole folder is gone
