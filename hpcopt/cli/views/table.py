"""Tables that fit a narrow terminal, and are complete elsewhere."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import click

from hpcopt.cli.views.text import cut, one_line
from hpcopt.cli.views.text import width as width_of

#: The least width of an elastic column.
_LEAST_WIDTH = 16
_GAP = "  "

#: So many of the columns that are left out are named; there may be hundreds.
_MOST_NAMED = 12


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    title: str
    is_right: bool = False
    """Whether its cells are aligned to the right, as numbers are."""
    rank: int = 0
    """Where width is lacking, the highest rank is left out first, and 0 never is."""
    is_kept: bool = False
    """Whether it is shown where it is empty, too."""
    is_elastic: bool = False
    """Whether its cells may be cut on a terminal."""
    colours: Mapping[str, str] = field(default_factory=dict)
    """The colour of a cell by its text."""


def terminal_width() -> int | None:
    """Return the terminal's width in columns; ``None`` if the output is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; on a terminal, as much of it as fits."""
    lines, left_out = table(columns, rows, terminal_width())
    click.echo("\n".join(lines))
    if left_out:
        names = one_line(", ".join(left_out[:_MOST_NAMED]))
        if len(left_out) > _MOST_NAMED:
            names += f" and {len(left_out) - _MOST_NAMED} more"
        click.secho(f"\nNo room for {names}: see --json.", dim=True)


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int | None
) -> tuple[list[str], list[str]]:
    """Return a table as coloured lines, its head first, and the columns left out.

    A column of a rank above 0 is left out if it is empty, too, unless it is kept.

    Args:
        columns: The columns.
        rows: As many cells each as there are columns.
        width: The terminal's width; ``None`` if the lines go elsewhere, where nothing
            is cut or left out.
    """
    titles = [one_line(column.title) for column in columns]
    cells = _columns_of(rows, len(columns))
    widths = {
        k: max(width_of(titles[k]), _widest(cells[k]))
        for k, column in enumerate(columns)
        if column.rank == 0 or column.is_kept or any(cells[k])
    }
    left_out: list[str] = []
    if width is not None:
        left_out = _leave_out(columns, widths, width)
        _shrink(columns, widths, width)
    head = [_laid_out(columns[k], [titles[k]], widths[k]) for k in widths]
    body = [_laid_out(columns[k], cells[k], widths[k]) for k in widths]
    lines = [click.style(line, dim=True) for line in _joined(head, 1)]
    return lines + _joined(body, len(rows)), left_out


def _columns_of(rows: Sequence[Sequence[str]], n: int) -> list[Sequence[str]]:
    """Return the cells of each of ``n`` columns, as they are shown."""
    columns: Iterable[Sequence[str]] = zip(*rows, strict=True) if rows else [()] * n
    return [
        cells if _are_plain(cells) else [one_line(cell) for cell in cells]
        for cells in columns
    ]


def _are_plain(cells: Sequence[str]) -> bool:
    """Return whether ``one_line`` changes no cell; ``True`` is certain.

    It is asked of all at once, as there may be ten thousand.
    """
    text = f"|{'|'.join(cells)}|"
    return (
        text.isascii()
        and text.isprintable()
        and not any(blank in text for blank in ("  ", "| ", " |"))
    )


def _widest(cells: Sequence[str]) -> int:
    return max(map(len if "".join(cells).isascii() else width_of, cells), default=0)


def _leave_out(
    columns: Sequence[Column], widths: dict[int, int], width: int
) -> list[str]:
    """Remove columns until the others can be made to fit; return their titles."""
    left_out = []
    for k in sorted(widths, key=lambda k: (-columns[k].rank, -k)):
        if columns[k].rank == 0 or _least_width(columns, widths) <= width:
            break
        left_out.append(columns[k].title)
        del widths[k]
    return left_out[::-1]


def _least_width(columns: Sequence[Column], widths: Mapping[int, int]) -> int:
    cells = [
        min(width, _LEAST_WIDTH) if columns[k].is_elastic else width
        for k, width in widths.items()
    ]
    return sum(cells) + len(_GAP) * (len(cells) - 1)


def _shrink(columns: Sequence[Column], widths: dict[int, int], width: int) -> None:
    """Narrow elastic columns, the last ones first, until the table fits."""
    excess = sum(widths.values()) + len(_GAP) * (len(widths) - 1) - width
    for k in sorted(widths, reverse=True):
        if excess > 0 and columns[k].is_elastic:
            cut = min(excess, max(0, widths[k] - _LEAST_WIDTH))
            widths[k] -= cut
            excess -= cut


def _laid_out(column: Column, cells: Sequence[str], width: int) -> list[str]:
    """Return the cells of a column, cut and padded to its width, and coloured."""
    if not column.colours and "".join(cells).isascii() and _widest(cells) <= width:
        pad = str.rjust if column.is_right else str.ljust
        return [pad(cell, width) for cell in cells]
    laid_out = {cell: _cell(column, cell, width) for cell in set(cells)}
    return [laid_out[cell] for cell in cells]


def _cell(column: Column, cell: str, width: int) -> str:
    text = cut(cell, width)
    pad = " " * (width - width_of(text))
    if cell in column.colours:
        text = click.style(text, fg=column.colours[cell])
    return pad + text if column.is_right else text + pad


def _joined(columns: Sequence[Sequence[str]], n_rows: int) -> list[str]:
    """Return lines of what is beside each other."""
    if not columns:
        return [""] * n_rows
    return [_GAP.join(cells).rstrip() for cells in zip(*columns, strict=True)]
