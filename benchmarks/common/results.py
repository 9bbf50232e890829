"""Results that are kept: a row a run, below ``benchmarks/results``.

Each benchmark has a folder there, and each method in it a compressed CSV file, so that
a method that is run again changes one file. The columns of a row:

===================  ===============================================================
``method``           what was measured
``problem``, `seed`  on what
``settings``         how, as ``key=value`` words
``best``             the best value so far after each trial, with spaces between
``trial_seconds``    the seconds that each trial's generation took, likewise
``found``            what else came of it, as ``key=value`` words
``seconds``          of the whole run
others               those of :mod:`benchmarks.common.provenance`
===================  ===============================================================
"""

from __future__ import annotations

import csv
import fcntl
import gzip
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.common.provenance import Provenance

_COLUMNS = (
    *("method", "problem", "seed", "settings"),
    *Provenance.COLUMNS,
    *("seconds", "found", "best", "trial_seconds"),
)
_KEY = ("method", "problem", "seed", "settings")

Settings = Mapping[str, str | int]


@dataclass(frozen=True)
class Run:
    """One method on one problem with one seed."""

    method: str
    problem: str
    seed: int
    settings: Mapping[str, str]
    """How it was run: all that makes it another run than those of the same seed."""
    best: tuple[float, ...]
    """The best value so far after each trial; written with six digits."""
    trial_seconds: tuple[float, ...]
    """The seconds that each trial's generation took; written with four decimals."""
    provenance: Provenance
    seconds: float | None = None
    """Of the whole run; ``None`` where nobody noted them."""
    found: Mapping[str, str] = field(default_factory=dict)
    """What else came of it."""

    @property
    def key(self) -> tuple[str, ...]:
        """What tells runs apart; a later one of the same key replaces the earlier."""
        row = self.to_row()
        return tuple(row[name] for name in _KEY)

    def to_row(self) -> dict[str, str]:
        """Return the run as the texts of a row."""
        return {
            "method": self.method,
            "problem": self.problem,
            "seed": str(self.seed),
            "settings": _words(self.settings),
            **self.provenance.to_row(),
            "seconds": "unknown" if self.seconds is None else f"{self.seconds:.2f}",
            "found": _words(self.found),
            "best": " ".join(f"{value:.6g}" for value in self.best),
            "trial_seconds": " ".join(f"{value:.4f}" for value in self.trial_seconds),
        }

    @classmethod
    def from_row(cls, row: Mapping[str, str]) -> Run:
        """Return the run of a row."""
        seconds = row["seconds"]
        return cls(
            method=row["method"],
            problem=row["problem"],
            seed=int(row["seed"]),
            settings=_mapping(row["settings"]),
            best=tuple(map(float, row["best"].split())),
            trial_seconds=tuple(map(float, row["trial_seconds"].split())),
            provenance=Provenance.from_row(row),
            seconds=None if seconds == "unknown" else float(seconds),
            found=_mapping(row["found"]),
        )


def read(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Run]:
    """Yield the runs of a benchmark that have these settings, perhaps with others.

    There are none if the folder is not there.
    """
    wanted = (settings or {}).items()
    for path in sorted(folder.glob("*.csv.gz")):
        for run in map(Run.from_row, _rows(path)):
            if wanted <= run.settings.items():
                yield run


def keep(folder: Path, runs: Iterable[Run]) -> None:
    """Write runs of a benchmark down, in place of earlier ones with the same keys.

    Several processes may do so at once; one that is killed leaves the file as it was.
    """
    by_method: dict[str, dict[tuple[str, ...], dict[str, str]]] = {}
    for run in runs:
        by_method.setdefault(run.method, {})[run.key] = run.to_row()
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        for method, new in by_method.items():
            path = folder / f"{method}.csv.gz"
            old = _rows(path) if path.exists() else ()
            rows = {tuple(row[name] for name in _KEY): row for row in old}
            _write(path, (rows | new).values())


def _rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _write(path: Path, rows: Iterable[Mapping[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    temporary = path.with_name(f".{path.name}.new")
    # Without the time, the same rows are the same bytes.
    temporary.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
    temporary.replace(path)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _words(mapping: Mapping[str, str]) -> str:
    return " ".join(f"{key}={value}" for key, value in mapping.items())


def _mapping(words: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in words.split())
