"""Exports as Parquet, a file for each table, by pyarrow."""

from __future__ import annotations

import io

import pyarrow
from pyarrow import parquet

from hpcopt.export.tables import ExportColumn, ExportTable


def parquet_bytes(table: ExportTable) -> bytes:
    """Return a table as Parquet; the meaning and the unit are the fields' metadata."""
    fields = [
        pyarrow.field(
            column.name,
            _type(column),
            metadata={"unit": column.unit, "meaning": column.meaning},
        )
        for column in table.columns
    ]
    arrays = [
        pyarrow.array(_values(column), type=field.type)
        for column, field in zip(table.columns, fields, strict=True)
    ]
    content = io.BytesIO()
    made = pyarrow.Table.from_arrays(arrays, schema=pyarrow.schema(fields))
    parquet.write_table(made, content)
    return content.getvalue()


def _type(column: ExportColumn) -> pyarrow.DataType:
    if column.kind is int and any(abs(int(v or 0)) >= 1 << 63 for v in column.values):
        return pyarrow.float64()
    return {
        bool: pyarrow.bool_(),
        int: pyarrow.int64(),
        float: pyarrow.float64(),
        str: pyarrow.string(),
    }[column.kind]


def _values(column: ExportColumn) -> list[object]:
    values = column.values
    if column.kind is str:
        return [
            v if v is None else str(v).encode("utf-8", "backslashreplace").decode()
            for v in values
        ]
    if column.kind is float:
        return [v if v is None else float(v) for v in values]
    return list(values)
