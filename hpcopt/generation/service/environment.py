"""What a suggestion's bits depend on besides the journal. Loads no torch."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

from hpcopt import __version__

#: The packages that compute.
_PACKAGES = ("numpy", "scipy", "torch", "gpytorch", "botorch")


@cache
def environment(threads: int) -> Mapping[str, str]:
    """Return the versions, the number of threads and the processor.

    Args:
        threads: How many numerics take where a suggestion is made.
    """
    return {
        "hpcopt": __version__,
        "python": ".".join(map(str, sys.version_info[:3])),
        **{name: version(name) for name in _PACKAGES},
        "threads": str(threads),
        "processor": _processor(),
    }


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    """Return a sentence for each thing known before that differs, by its name."""
    return {
        name: f"{name} was {old} and is {after.get(name, 'unknown')}"
        for name, old in before.items()
        if after.get(name) != old
    }


def _processor() -> str:
    """Return the processor's model: BLAS rounds differently on another one."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
