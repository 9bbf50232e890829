"""Checks that a file system is safe for an experiment."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from hpcopt.host.durable import create_durably

#: A larger offset of the file server's clock makes ages of files misleading.
_TOLERATED_LAG_S = 5.0


@dataclass(frozen=True)
class DoctorFinding:
    """The result of one check of ``hpcopt doctor``."""

    what: str
    is_well: bool
    text: str
    """What was found, or what to do about it."""


def check_folder(folder: Path) -> Iterator[DoctorFinding]:
    """Yield the results of the checks of a folder, which leave nothing behind."""
    try:
        with TemporaryDirectory(prefix=".hpcopt-doctor-", dir=folder) as scratch:
            yield DoctorFinding("write", True, f"files can be made in {folder}")
            for what, check in _CHECKS.items():
                yield _finding(what, check, Path(scratch))
    except OSError as exc:
        yield DoctorFinding(
            "write", False, f"{folder}: {exc.strerror}; choose another one"
        )


def _finding(what: str, check: Callable[[Path], str], scratch: Path) -> DoctorFinding:
    try:
        return DoctorFinding(what, True, check(scratch))
    except OSError as exc:
        why = f"{exc.strerror or exc}"
        return DoctorFinding(
            what, False, f"{why}: put experiments on another file system (folder: …)"
        )


def _rename(scratch: Path) -> str:
    old, new = scratch / "old", scratch / "new"
    new.write_text("before")
    old.write_text("after")
    old.replace(new)
    if new.read_text() != "after" or old.exists():
        raise OSError("a file that was renamed is not there under its new name")
    return "a file takes another's place at once"


def _fsync(scratch: Path) -> str:
    begin = time.perf_counter()
    create_durably(scratch / "synced", b"x" * 4096)
    return f"a file and its folder are on disk after {_ms(begin)}"


def _link(scratch: Path) -> str:
    target, link = scratch / "target", scratch / "link"
    target.write_text("")
    os.link(target, link)
    if target.stat().st_nlink != 2:
        raise OSError("a hard link is not counted")
    return "hard links work: one driver at a time is safe"


def _exclusive(scratch: Path) -> str:
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
    os.close(os.open(scratch / "exclusive", flags))
    try:
        os.close(os.open(scratch / "exclusive", flags))
    except FileExistsError:
        return "a file is made by one process only: no trial runs twice"
    raise OSError("a file could be made twice")


def _clock(scratch: Path) -> str:
    path = scratch / "clock"
    before = time.time()
    path.write_text("")
    lag = path.stat().st_mtime - before
    if abs(lag) > _TOLERATED_LAG_S:
        raise OSError(f"the file server's clock is {lag:+.0f} s off this machine's")
    return f"the file server's clock is within {max(abs(lag), 0.1):.1f} s"


def _ms(begin: float) -> str:
    return f"{1000 * (time.perf_counter() - begin):.1f} ms"


_CHECKS: dict[str, Callable[[Path], str]] = {
    "rename": _rename,
    "sync": _fsync,
    "link": _link,
    "exclusive": _exclusive,
    "clock": _clock,
}
