"""Exports as HDF5: a group for each table, in it a dataset for each column.

Missing numbers are NaN, and with them whole numbers become float64; missing texts are
empty; a truth is int8: 1, 0, or -1 where it is missing. Each dataset has the attributes
``unit``, ``meaning`` and ``column``: its name in the other formats, as a name in HDF5
has no slash.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Sequence

import h5py

from hpcopt.core.experiment import Experiment
from hpcopt.core.words import visible
from hpcopt.export.tables import ExportColumn, ExportTable
from hpcopt.export.text_files import FORMAT, FORMAT_VERSION


def hdf5_bytes(
    experiment: Experiment, tables: Sequence[ExportTable], version: str
) -> bytes:
    """Return everything as one HDF5 file."""
    # Made in memory, so that no lock of HDF5 can block on a shared file system.
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        goals = experiment.goals
        file.attrs["format"] = FORMAT
        file.attrs["format_version"] = FORMAT_VERSION
        file.attrs["hpcopt"] = version
        file.attrs["name"] = _text(experiment.name)
        file.attrs["objective"] = _text(goals.expression)
        file.attrs["outcome_constraints"] = json.dumps(
            list(goals.constraint_expressions)
        )
        definition = json.dumps(experiment.begun.definition, default=dict)
        # An attribute holds 64 KiB at most; there may be hundreds of parameters.
        file.create_dataset("definition", data=definition, dtype=h5py.string_dtype())
        for table in tables:
            group = file.create_group(table.name)
            for column in table.columns:
                _write(group, column)
    return content.getvalue()


def _write(group: h5py.Group, column: ExportColumn) -> None:
    """Write a column as a dataset."""
    name = _text(column.name).replace("/", "_")
    while name in group or name in ("", "."):
        name += "_"
    data, dtype = _data(column)
    dataset = group.create_dataset(name, data=data, dtype=dtype, shape=(len(data),))
    dataset.attrs["column"] = _text(column.name)
    dataset.attrs["unit"] = column.unit
    dataset.attrs["meaning"] = column.meaning


def _data(column: ExportColumn) -> tuple[list[object], object]:
    """Return a column's values, none missing, and their type in the file."""
    values = column.values
    if column.kind is str:
        texts: list[object] = ["" if v is None else _text(str(v)) for v in values]
        return texts, h5py.string_dtype()
    if column.kind is bool:
        return [-1 if v is None else int(v) for v in values], "i1"
    is_whole = column.kind is int and None not in values
    if is_whole and all(abs(int(v or 0)) < 1 << 63 for v in values):
        return list(values), "i8"
    return [math.nan if v is None else float(v) for v in values], "f8"


def _text(text: str) -> str:
    """Return a text that HDF5 can hold: without NUL and halves of characters."""
    return visible(text) if "\0" in text or not _is_utf8(text) else text


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
