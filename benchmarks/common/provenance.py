"""Where a row of results comes from: code, packages, machine, time."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import ClassVar

from benchmarks.common.paths import ROOT

UNKNOWN = "unknown"

#: What of a clone makes a difference to a result.
_CODE = ("hpcopt", "benchmarks", ":(exclude)benchmarks/results", "constraints.txt")


@dataclass(frozen=True)
class Provenance:
    """Where a row comes from; ``unknown`` is what nobody noted."""

    package: str
    """What was measured, and its version."""
    commit: str
    """Of this repository; ``-dirty`` where the code was changed since."""
    noted: str
    """``run`` if the run itself wrote all this down; ``history`` if it was told later
    by the commit that brought the row: ``commit`` and ``date`` are that one's, and the
    versions those that it installs."""
    date: str
    """When the run began, UTC."""
    python: str
    numpy: str
    scipy: str
    torch: str
    botorch: str
    threads: str
    """What ``OMP_NUM_THREADS`` was; ``default`` where it was not set."""
    processor: str
    cores: str
    """How many this process may use."""

    COLUMNS: ClassVar[tuple[str, ...]]

    def to_row(self) -> dict[str, str]:
        """Return the columns of a row."""
        return asdict(self)

    @classmethod
    def from_row(cls, row: Mapping[str, str]) -> Provenance:
        """Return what a row tells."""
        return cls(**{name: row[name] for name in cls.COLUMNS})


Provenance.COLUMNS = tuple(field.name for field in fields(Provenance))


def provenance(package: str) -> Provenance:
    """Return where a run of this process comes from that begins now.

    Args:
        package: The distribution that is measured, such as ``ax-platform``.
    """
    return Provenance(
        package=f"{package} {installed(package)}",
        commit=commit(),
        noted="run",
        date=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        python=platform.python_version(),
        numpy=installed("numpy"),
        scipy=installed("scipy"),
        torch=installed("torch"),
        botorch=installed("botorch"),
        threads=os.environ.get("OMP_NUM_THREADS", "default"),
        processor=processor(),
        cores=str(len(os.sched_getaffinity(0))),
    )


def headline() -> str:
    """Return one line on code and machine, for what is printed and not kept."""
    here = provenance("hpcopt")
    return (
        f"{here.package} at {here.commit}, Python {here.python}, {here.date}, "
        f"{here.cores} cores of {here.processor}"
    )


def installed(package: str) -> str:
    """Return the version of a distribution in this environment."""
    if package == "hpcopt":
        # What is installed in a clone may say the version of long ago.
        from hpcopt import __version__

        return __version__
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


@cache
def commit() -> str:
    """Return the commit of the code as this process found it when it first asked."""
    git = ["git", "-C", str(ROOT)]
    try:
        head = subprocess.run(
            [*git, "rev-parse", "--short=12", "HEAD"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (FileNotFoundError, subprocess.CalledProcessError):
        return UNKNOWN  # a copy of the files, or no git
    same = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", *_CODE], check=False)
    return head.stdout.strip() + ("-dirty" if same.returncode else "")


@cache
def processor() -> str:
    """Return the model of the processor, and for which one OpenBLAS is told to work."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    models = [line.partition(":")[2] for line in lines if line.startswith("model name")]
    model = models[0].strip() if models else platform.machine()
    core = os.environ.get("OPENBLAS_CORETYPE")
    return f"{model} (OPENBLAS_CORETYPE={core})" if core else model
