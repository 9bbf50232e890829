"""Exports: the same tables in every format, whole, exact, and never over a file."""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import re
from pathlib import Path
from typing import Any

import h5py
import pytest
from pyarrow import parquet

from hpcopt.cli import needed
from hpcopt.core import events as ev
from hpcopt.experiment.folder import read_experiment
from hpcopt.export.tables import ExportColumn, ExportTable, export_tables
from tests.support.cli_world import EVENTS, hpcopt, make_experiment
from tests.support.large_experiment import Shape, write_experiment


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_experiment(tmp_path / "demo")


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shape = Shape(60, n_objectives=2, is_constrained=True, n_live=3)
    return write_experiment(tmp_path_factory.mktemp("large") / "e", shape)


def expected(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of all tables."""
    return {
        table.name: [
            dict(zip([c.name for c in table.columns], row, strict=True))
            for row in table.rows()
        ]
        for table in export_tables(read_experiment(folder))
    }


def test_the_tables_hold_the_whole_history(folder: Path) -> None:
    tables = expected(folder)
    trials = tables["trials"]
    assert [row["index"] for row in trials] == [0, 1, 2, 3, 4]
    assert trials[1]["metrics.loss.sem"] == 0.01
    assert trials[2]["cause"] == "trial"
    attempts = tables["attempts"]
    assert [(row["trial"], row["attempt"]) for row in attempts] == [
        *((k, 0) for k in range(3)),
        (2, 1),
        (3, 0),
        (4, 0),
    ]
    assert attempts[3]["job"] == "14"
    assert attempts[2]["cause"] == "infrastructure"
    assert [row["mean"] for row in tables["observations"]] == [0.5, 0.123456789]


def test_progressions_are_observations(large: Path) -> None:
    rows = expected(large)["observations"]
    assert max(row["step"] for row in rows) > 0
    experiment = read_experiment(large)
    assert len(rows) == sum(
        len(r.outcome) for t in experiment.trials for r in t.reports
    )


def test_json_holds_the_tables(large: Path, tmp_path: Path) -> None:
    path = tmp_path / "runs.json"
    hpcopt("export", path, large)
    record = json.loads(path.read_text())
    assert record["format"] == "hpcopt-export"
    for name, rows in expected(large).items():
        assert record[name] == rows
        assert set(record["columns"][name]) == set(rows[0])


def test_csv_holds_the_tables_in_three_files(large: Path, tmp_path: Path) -> None:
    found = json.loads(hpcopt("export", tmp_path / "runs.csv", large, "--json").stdout)[
        "files"
    ]
    names = ["runs.csv", "runs.attempts.csv", "runs.observations.csv"]
    assert [Path(file["path"]).name for file in found] == names
    for name, (table, rows) in zip(names, expected(large).items(), strict=True):
        with (tmp_path / name).open(newline="") as file:
            read = list(csv.DictReader(file))
        assert len(read) == len(rows), table
        for got, row in zip(read, rows, strict=True):
            assert got == {k: "" if v is None else str(v) for k, v in row.items()}


def test_hdf5_holds_the_tables(large: Path, tmp_path: Path) -> None:
    path = tmp_path / "runs.h5"
    hpcopt("export", path, large)
    with h5py.File(path) as file:
        assert file.attrs["format"] == "hpcopt-export"
        assert json.loads(file["definition"][()])["name"] == "made-up"
        for name, rows in expected(large).items():
            assert {d.attrs["column"] for d in file[name].values()} == set(rows[0])
            for dataset in file[name].values():
                values = [row[dataset.attrs["column"]] for row in rows]
                assert dataset.shape == (len(rows),)
                for got, value in zip(dataset[()].tolist(), values, strict=True):
                    assert_same(got, value)
        assert file["attempts/run_s"].attrs["unit"] == "s"
        assert file["trials/index"].dtype == "i8"


def assert_same(got: object, value: object) -> None:
    """Check a value of HDF5, which says otherwise that one is missing."""
    if value is None:
        assert got in (b"", -1) or (isinstance(got, float) and math.isnan(got))
    elif isinstance(value, str):
        assert isinstance(got, bytes)
        assert got.decode() == value
    else:
        assert got == value


def test_parquet_holds_the_tables_in_three_files(large: Path, tmp_path: Path) -> None:
    hpcopt("export", tmp_path / "runs.parquet", large)
    names = ["runs.parquet", "runs.attempts.parquet", "runs.observations.parquet"]
    for name, rows in zip(names, expected(large).values(), strict=True):
        table = parquet.read_table(tmp_path / name)
        assert table.to_pylist() == rows
    schema = parquet.read_schema(tmp_path / "runs.attempts.parquet")
    assert schema.field("run_s").metadata[b"unit"] == b"s"


@pytest.mark.parametrize("name", ["e.csv", "e.json", "e.h5", "e.hdf5"])
def test_an_experiment_that_has_just_begun_is_exported(
    name: str, tmp_path: Path
) -> None:
    folder = make_experiment(tmp_path / "e", EVENTS[:1])
    hpcopt("export", tmp_path / name, folder)
    assert (tmp_path / name).stat().st_size > 0


def test_texts_that_a_format_cannot_hold_are_written_as_in_python(
    tmp_path: Path,
) -> None:
    kind = 'a/b "c",\n🚀\u202e<b>\0\ud800'
    events = [
        dataclasses.replace(
            event,
            trials=tuple(
                dataclasses.replace(t, parameters={"x": 0.5, "kind": kind})
                for t in event.trials
            ),
        )
        if isinstance(event, ev.TrialsGenerated)
        else event
        for event in EVENTS
    ]
    folder = make_experiment(tmp_path / "e", events)
    for name in ("e.csv", "e.json", "e.h5"):
        hpcopt("export", tmp_path / name, folder)
    record = json.loads((tmp_path / "e.json").read_text())
    assert record["trials"][0]["parameters.kind"] == kind
    with h5py.File(tmp_path / "e.h5") as file:
        [text] = set(file["trials/parameters.kind"][()])
    assert text.decode().endswith(r"<b>\x00\ud800")
    assert "🚀" in (tmp_path / "e.csv").read_text()


def test_a_name_with_a_slash_is_a_dataset_of_another_name() -> None:
    from hpcopt.export.hdf5 import _write

    with h5py.File("memory", "w", driver="core", backing_store=False) as file:
        for name in ("a/b", "a_b", "."):
            _write(file, ExportColumn(name, [1, 2]))
        found = {key: file[key].attrs["column"] for key in file}
    assert found == {"a_b": "a/b", "a_b_": "a_b", "._": "."}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([None, None], float),
        ([], float),
        ([1, None], int),
        ([1, 2.5], float),
        ([True, None], bool),
        ([True, 1], str),
        ([1, "a"], str),
        ([1.5, True], str),
    ],
)
def test_a_column_is_of_one_type(values: list[Any], kind: type) -> None:
    column = ExportColumn("a", values)
    assert column.kind is kind
    assert ExportTable("t", (column,)).n_rows == len(values)


def test_every_column_is_in_the_reference(large: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"
    documented = set(re.findall(r"`([a-z_]+)`", page.read_text()))
    names = {name for rows in expected(large).values() for name in rows[0]}
    plain = {name for name in names if "." not in name}
    assert plain - documented == set()


# Nothing is lost


def test_a_file_is_replaced_only_by_force(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "runs.observations.csv"
    path.write_text("mine")
    result = hpcopt("export", tmp_path / "runs.csv", folder, code=2)
    assert "is there already; --force replaces it" in result.stderr
    assert path.read_text() == "mine"
    assert not (tmp_path / "runs.csv").exists()
    hpcopt("export", tmp_path / "runs.csv", folder, "--force")
    assert path.read_text().startswith("trial,metric")


def test_no_link_is_followed(folder: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("mine")
    link = tmp_path / "runs.json"
    link.symlink_to(mine)
    for options in ([], ["--force"]):
        result = hpcopt("export", link, folder, *options, code=2)
        assert "expected a file, found a link" in result.stderr
    assert mine.read_text() == "mine"


def test_what_cannot_be_written_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    missing = tmp_path / "missing" / "runs.json"
    stderr = hpcopt("export", missing, folder, code=1).stderr
    assert "cannot be written: No such file or directory" in stderr
    stderr = hpcopt("export", tmp_path / f"{'a' * 300}.csv", folder, code=1).stderr
    assert "cannot be written: File name too long" in stderr
    (tmp_path / "runs.json").mkdir()
    stderr = hpcopt("export", tmp_path / "runs.json", folder, code=2).stderr
    assert "expected a file, found a folder" in stderr
    assert {path.name for path in tmp_path.iterdir()} == {"demo", "runs.json"}


def test_the_name_says_the_format(folder: Path, tmp_path: Path) -> None:
    stderr = hpcopt("export", tmp_path / "runs.paruet", folder, code=2).stderr
    assert "expected a name that ends in one of .csv, .json" in stderr
    assert "did you mean .parquet?" in stderr


@pytest.mark.parametrize(
    ("suffix", "package"), [("h5", "h5py"), ("parquet", "pyarrow")]
)
def test_what_a_format_needs_is_said(
    suffix: str,
    package: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(needed, "_is_installed", lambda name: name != package)
    stderr = hpcopt("export", tmp_path / f"runs.{suffix}", folder, code=1).stderr
    assert f"pip install {package}; CSV and JSON need nothing" in stderr
