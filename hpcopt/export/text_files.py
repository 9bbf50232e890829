"""Exports as text: CSV, a file for each table, and JSON, all in one."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence

from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.query import Cell
from hpcopt.export.tables import ExportTable

#: What the JSON says that it is, and the version of its layout.
FORMAT, FORMAT_VERSION = "hpcopt-export", 1


def csv_bytes(table: ExportTable) -> bytes:
    """Return a table as CSV in UTF-8; what is missing is empty, numbers are exact."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([column.name for column in table.columns])
    writer.writerows(table.rows())
    return file.getvalue().encode("utf-8", "backslashreplace")


def json_bytes(
    experiment: Experiment, tables: Sequence[ExportTable], version: str
) -> bytes:
    """Return everything as one JSON object, ``null`` for what is missing."""
    record: dict[str, object] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "hpcopt": version,
        "name": experiment.name,
        "objective": experiment.goals.expression,
        "outcome_constraints": list(experiment.goals.constraint_expressions),
        "definition": experiment.begun.definition,
        "settings": experiment.settings,
        "columns": {
            table.name: {
                column.name: {"meaning": column.meaning, "unit": column.unit}
                for column in table.columns
            }
            for table in tables
        },
    }
    for table in tables:
        names = [column.name for column in table.columns]
        record[table.name] = [
            dict(zip(names, map(_finite, row), strict=True)) for row in table.rows()
        ]
    return (json.dumps(record, allow_nan=False, default=dict) + "\n").encode()


def _finite(cell: Cell) -> Cell:
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell
