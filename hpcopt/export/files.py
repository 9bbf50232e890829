"""Writes exports: which format a file's name asks for, and that nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpcopt import __version__
from hpcopt.core.errors import StorageError, UsageError
from hpcopt.core.experiment import Experiment
from hpcopt.core.names import did_you_mean
from hpcopt.export.tables import ExportTable, export_tables
from hpcopt.export.text_files import csv_bytes, json_bytes
from hpcopt.host.durable import replace_durably

#: The formats by the ends of files' names, and what each needs.
FORMATS: dict[str, tuple[str, ...]] = {
    ".csv": (),
    ".json": (),
    ".h5": ("h5py",),
    ".hdf5": ("h5py",),
    ".parquet": ("pyarrow",),
}


@dataclass(frozen=True)
class ExportedFile:
    """A file that was written."""

    path: Path
    tables: tuple[ExportTable, ...]
    """What is in it."""


def format_of(path: Path) -> str:
    """Return the end of the file's name, which says the format.

    Raises:
        UsageError: There is no such format.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise UsageError(
            f"{path}: expected a name that ends in one of {', '.join(FORMATS)}"
            f"{did_you_mean(suffix, FORMATS)}"
        )
    return suffix


def export(
    experiment: Experiment, path: Path, *, may_replace: bool = False
) -> list[ExportedFile]:
    """Write an experiment's history to files, each of which is there whole or not.

    CSV and Parquet hold one table a file: ``runs.csv`` has the trials, and beside it
    are ``runs.attempts.csv`` and ``runs.observations.csv``.

    Args:
        experiment: What is exported.
        path: Where to; the end of the name says the format.
        may_replace: Whether files of these names may be replaced.

    Raises:
        UsageError: There is no such format; a file of that name is there, or a link
            or a folder.
        StorageError: A file cannot be written.
        ModuleNotFoundError: What the format needs is not installed.
    """
    suffix = format_of(path)
    tables = export_tables(experiment)
    if suffix in (".csv", ".parquet"):
        paths = [
            path,
            *(path.with_suffix(f".{t.name}{path.suffix}") for t in tables[1:]),
        ]
        files = [
            ExportedFile(p, (table,)) for p, table in zip(paths, tables, strict=True)
        ]
    else:
        files = [ExportedFile(path, tables)]
    for file in files:
        try:
            _check_free(file.path, may_replace=may_replace)
        except OSError as exc:  # a closed folder above it, or too long a name
            raise _cannot_write(file.path, exc) from exc
    encode = _encoder(suffix, experiment)
    for file in files:
        _write(file.path, encode(file.tables))
    return files


def _encoder(
    suffix: str, experiment: Experiment
) -> Callable[[Sequence[ExportTable]], bytes]:
    """Return what makes a file's content of tables."""
    match suffix:
        case ".csv":
            return lambda tables: csv_bytes(tables[0])
        case ".json":
            return lambda tables: json_bytes(experiment, tables, __version__)
        case ".parquet":
            from hpcopt.export.parquet import parquet_bytes

            return lambda tables: parquet_bytes(tables[0])
    from hpcopt.export.hdf5 import hdf5_bytes

    return lambda tables: hdf5_bytes(experiment, tables, __version__)


def _check_free(path: Path, *, may_replace: bool) -> None:
    if path.is_symlink():
        raise UsageError(f"{path}: expected a file, found a link")
    if path.is_dir():
        raise UsageError(f"{path}: expected a file, found a folder")
    if path.exists() and not may_replace:
        raise UsageError(f"{path} is there already; --force replaces it")


def _write(path: Path, content: bytes) -> None:
    def fill(temporary: Path) -> None:
        temporary.write_bytes(content)

    try:
        replace_durably(path, fill)
    except OSError as exc:
        raise _cannot_write(path, exc) from exc


def _cannot_write(path: Path, exc: OSError) -> StorageError:
    return StorageError(f"{path}: cannot be written: {exc.strerror}")
