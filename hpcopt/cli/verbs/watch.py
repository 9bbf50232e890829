"""``hpcopt watch``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
from click.exceptions import Exit

from hpcopt.cli.needed import check_installed
from hpcopt.cli.target import examples, find_folder, target_argument
from hpcopt.core.errors import UsageError


@click.command(
    epilog=examples("hpcopt watch hpcopt.yaml", "hpcopt watch experiments/hartmann6")
)
@target_argument
def command(target: Path | None) -> None:
    """Look at the experiment while it goes on, in the whole terminal.

    Trials, the best so far and how it was reached, the queue, when each attempt ran,
    and the end of one trial's log; keys to cancel or retry a trial and to stop the
    driver, which ask first. Nothing else is changed and no cluster is asked: this works
    from any login node, and on a copy of the folder. TARGET is the experiment's config
    or its folder, by default the one here.
    """
    folder = find_folder(target)
    if not _can_draw():
        raise UsageError(
            "hpcopt watch needs a terminal that can be drawn on; see hpcopt status"
        )
    check_installed("hpcopt watch", ["textual"], "hpcopt status works without")
    from hpcopt.cli.watch.app import WatchApp

    app = WatchApp(folder)
    app.run()
    if app.return_code:
        raise Exit(app.return_code)


def _can_draw() -> bool:
    return _is_terminal() and os.environ.get("TERM", "") not in ("", "dumb", "unknown")


def _is_terminal() -> bool:
    streams = (sys.stdin, sys.stdout, sys.__stderr__)  # textual draws on the last one
    return all(stream is not None and stream.isatty() for stream in streams)
