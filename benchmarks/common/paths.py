"""Where things are, and how a module of the benchmarks is run."""

from __future__ import annotations

import sys
from pathlib import Path

#: The folder of the benchmarks, and the root of the clone.
BENCHMARKS = Path(__file__).resolve().parents[1]
ROOT = BENCHMARKS.parent

#: The results that are kept.
RESULTS = BENCHMARKS / "results"


def command(module: str, *words: str, python: Path | str | None = None) -> list[str]:
    """Return the command that runs a module.

    Args:
        module: Its path below the benchmarks, without ``.py``.
        words: Its arguments.
        python: The interpreter, if not this process's own.
    """
    return [str(python or sys.executable), str(BENCHMARKS), module, *words]
