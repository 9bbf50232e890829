"""Tables: whole in a pipe, narrow on a terminal; and how values are written."""

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcopt.cli.views import text
from hpcopt.cli.views.table import Column, table

COLUMNS = [
    Column("trial", is_right=True),
    Column("state", colours={"failed": "red"}),
    Column("a parameter", is_right=True, rank=1),
    Column("job", rank=2),
    Column("why", rank=2, is_elastic=True),
]

cells = st.text(st.characters(codec="ascii", exclude_categories=["C", "Z"]), max_size=9)
rows_of_cells = st.lists(
    st.tuples(cells, cells, cells, cells, st.text("ab ", max_size=60)), max_size=5
)


@given(rows_of_cells)
def test_nothing_is_lost_in_a_pipe(rows: list[tuple[str, ...]]) -> None:
    lines, left_out = table(COLUMNS, rows, None)
    assert left_out == []
    for row, line in zip(rows, lines[1:], strict=True):
        assert click.unstyle(line).split() == " ".join(row).split()


@given(rows_of_cells, st.integers(40, 200))
def test_a_table_fits_the_terminal(rows: list[tuple[str, ...]], width: int) -> None:
    lines, _ = table(COLUMNS, rows, width)
    assert len(lines) == 1 + len(rows)
    assert all(len(click.unstyle(line)) <= width for line in lines)


def test_the_columns_of_the_highest_rank_go_first_and_are_named() -> None:
    rows = [["7", "failed", "0.123456", "123456", "the node " * 9]]
    assert table(COLUMNS, rows, 200)[1] == []
    lines, left_out = table(COLUMNS, rows, 50)
    assert left_out == ["why"]
    assert "123456" in lines[1]
    assert table(COLUMNS, rows, 26)[1] == ["job", "why"]
    assert table(COLUMNS, rows, 13)[1] == ["a parameter", "job", "why"]


def test_an_elastic_column_is_cut_before_any_is_left_out() -> None:
    rows = [["7", "failed", "0.5", "123456", "the node n3 has failed again"]]
    lines, left_out = table(COLUMNS, rows, 54)
    assert left_out == []
    assert lines[1].endswith("…")


def test_an_empty_column_is_not_shown() -> None:
    lines, left_out = table(COLUMNS, [["7", "failed", "0.5", "", ""]], None)
    assert "job" not in lines[0]
    assert left_out == []


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (None, ""),
        (-0.1, "0.0 s"),
        (0.44, "0.4 s"),
        (9.96, "10 s"),
        (59.6, "1 min 00 s"),
        (3599.7, "1 h 00 min"),
        (7500, "2 h 05 min"),
        (86399, "1 d 00 h"),
        (360000, "4 d 04 h"),
    ],
)
def test_durations(seconds: float | None, expected: str) -> None:
    assert text.duration(seconds) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.123456789, "0.123457"),
        (1e-9, "1e-09"),
        (12345678, "12345678"),
        (True, "true"),
        ("relu", "relu"),
        (None, ""),
    ],
)
def test_numbers(value: float | str | None, expected: str) -> None:
    assert text.number(value) == expected


def test_a_column_of_plain_cells_is_laid_out_as_each_cell_would_be() -> None:
    # Thousands of plain cells are laid out together, others one by one.
    columns = [Column("x", is_right=True), Column("why", is_elastic=True)]
    plain = [["1", "none"], ["22", "a long sentence to be cut"], ["", ""]]
    mixed = [*plain, ["3", "  ünï\n"]]
    for width in (None, 20):
        lines, _ = table(columns, plain, width)
        assert table(columns, mixed, width)[0][: len(lines)] == lines


def test_a_table_of_which_nothing_fits_has_its_lines() -> None:
    assert table([Column("x", rank=1)], [[""], [""]], None)[0] == [
        click.style("", dim=True),
        "",
        "",
    ]
