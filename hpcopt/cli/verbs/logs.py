"""``hpcopt logs``."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from hpcopt.cli.asking import is_driven
from hpcopt.cli.target import examples, find_experiment, json_option, target_argument
from hpcopt.cli.views import text
from hpcopt.cli.views.attempt_log import attempt_path, find_attempt
from hpcopt.cli.views.driver_log import tail
from hpcopt.cli.views.facts import Facts
from hpcopt.core.errors import StorageError, UsageError
from hpcopt.core.trials.trial import Attempt
from hpcopt.experiment.folder import read_experiment

_SECONDS_BETWEEN_LOOKS = 1.0

#: The journal is read anew this often, in looks at the log.
_LOOKS_BETWEEN_STATES = 10


@click.command(
    epilog=examples("hpcopt logs 7", "hpcopt logs 7 hpcopt.yaml -n 50 --follow")
)
@click.argument("trial", type=click.IntRange(min=0))
@target_argument
@click.option(
    "--attempt",
    "number",
    type=click.IntRange(min=0),
    metavar="N",
    help="Which attempt, counted from 0; by default the latest one.",
)
@click.option(
    "-n",
    "n_lines",
    type=click.IntRange(min=0),
    metavar="LINES",
    help="Only the last lines.",
)
@click.option(
    "-f",
    "--follow",
    is_flag=True,
    help="Go on printing what is added, until the attempt has ended.",
)
@json_option
def command(
    trial: int,
    target: Path | None,
    number: int | None,
    n_lines: int | None,
    follow: bool,
    as_json: bool,
) -> None:
    """Print what one trial has written to standard output and standard error.

    TRIAL is its number. TARGET is the experiment's config or its folder, by default the
    one here. The path of the log goes to standard error.
    """
    if as_json and follow:
        raise UsageError("expected one of --json and --follow, found both")
    found = find_experiment(target)
    attempt = find_attempt(found.trial(trial), number)
    path = attempt_path(found.folder, attempt).log
    if as_json:
        text.print_json(_facts(path, attempt, n_lines))
        return
    click.secho(str(path), dim=True, err=True)
    is_live = attempt.is_live

    def look() -> bool:
        attempts = read_experiment(found.folder).trial(trial).attempts
        if path.with_name("ended").exists() and not is_driven(found.folder):
            return False  # which the next driver will tell the journal
        return attempts[attempt.number].is_live

    if not _is_there(path):
        why = "it has not started yet" if is_live else "the job has left none"
        if not (follow and is_live):
            raise StorageError(f"trial {trial}: no log: {why}")
        click.secho(f"no log: {why}; waiting", dim=True, err=True)
    start = _print_end(path, n_lines)
    if follow:
        for piece in added(path, start, is_live=look if is_live else lambda: False):
            click.echo(piece, nl=False)


def _facts(path: Path, attempt: Attempt, n_lines: int | None) -> Facts:
    """Return the log, or its last lines, and what it is of."""
    written: str | None
    try:
        if n_lines is None:
            written = path.read_bytes().decode("utf-8", errors="replace")
        else:
            written = "".join(f"{line}\n" for line in _last(path, n_lines))
    except FileNotFoundError:
        written = None
    except OSError as exc:
        raise StorageError(f"{path}: cannot be read: {exc.strerror}") from exc
    return {
        "trial": attempt.trial_index,
        "attempt": attempt.number,
        "log": str(path),
        "is_live": attempt.is_live,
        "text": written,
    }


def _last(path: Path, n_lines: int) -> list[str]:
    """Return the last lines, without reading what may be gigabytes before them."""
    return tail(path, n_lines, n_bytes=max(1 << 16, 1024 * n_lines))


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as exc:  # of a closed folder above it, or of the file system
        raise StorageError(f"{path}: cannot be read: {exc.strerror}") from exc
    return True


def _print_end(path: Path, n_lines: int | None) -> int:
    """Print the log or its last lines, and return how much of it there was."""
    if not _is_there(path):
        return 0
    try:
        size = path.stat().st_size
        if n_lines is not None:
            for line in _last(path, n_lines):
                click.echo(line)
            return size
        with path.open("rb") as file:
            while chunk := file.read(min(1 << 20, size)):
                click.echo(chunk, nl=False)
            return file.tell()
    except OSError as exc:
        raise StorageError(f"{path}: cannot be read: {exc.strerror}") from exc


def added(
    path: Path,
    start: int,
    *,
    is_live: Callable[[], bool],
    sleep: Callable[[float], None] = time.sleep,
    n_looks: int = _LOOKS_BETWEEN_STATES,
) -> Iterator[bytes]:
    """Yield what is added to a file, until nobody writes to it any more.

    Args:
        path: The file, which may not exist yet.
        start: From which byte on.
        is_live: Whether there may be more; asked now and then.
        sleep: Waits between looks.
        n_looks: How many looks there are between two such questions.
    """
    has_writer = True
    for look in itertools.count():
        if not has_writer:
            return
        if look % n_looks == 0:
            has_writer = is_live()
        if has_writer:
            sleep(_SECONDS_BETWEEN_LOOKS)
        try:
            with path.open("rb") as file:
                file.seek(start, os.SEEK_SET)
                piece = file.read()
        except FileNotFoundError:
            continue
        start += len(piece)
        if piece:
            yield piece
