"""Leaving a driver running on this machine, without a terminal."""

from __future__ import annotations

import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import click
from click.exceptions import Exit

from hpcopt.cli.views import text
from hpcopt.config.file import LoadedConfig
from hpcopt.experiment.folder import LEASE, make_folder
from hpcopt.storage.lease_holder import read_lease

#: What the detached driver prints, in the experiment's folder.
DRIVER_OUTPUT = "driver.out"

_LOOK_EVERY_S = 0.1


def run_detached(
    config: Path,
    loaded: LoadedConfig,
    runner: Literal["slurm", "local"] | None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Start the driver in a session of its own, and return once it drives.

    Until then its errors are this command's: they are shown here.

    Raises:
        Exit: It ended before, with an error.
    """
    make_folder(loaded.folder)
    output = loaded.folder / DRIVER_OUTPUT
    words = [sys.executable, "-m", "hpcopt", "run", str(loaded.path)]
    if runner is not None:
        words.append(f"--{runner}")
    with output.open("ab") as file:
        start = file.tell()
        # A session of its own has no terminal whose end could reach it.
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        while not _drives(process.pid, loaded.folder):
            if process.poll() is not None:
                _show(output, start, process.returncode)
                return
            sleep(_LOOK_EVERY_S)
    except KeyboardInterrupt:
        process.terminate()
        raise
    click.echo(f"running as pid {process.pid} on {socket.gethostname()}")
    name = shlex.quote(str(config))
    text.print_facts(
        [
            ("output", str(output)),
            ("look", f"hpcopt status {name}"),
            ("stop", f"hpcopt stop {name}"),
        ]
    )
    process.returncode = 0  # it is nobody's child any more: do not wait for it


def _drives(pid: int, folder: Path) -> bool:
    holder = read_lease(folder / LEASE)
    return (
        holder is not None
        and holder.process.pid == pid
        and holder.process.host == socket.gethostname()
    )


def _show(output: Path, start: int, code: int) -> None:
    """Print what the driver has said, and end as it did."""
    with output.open("rb") as file:
        file.seek(start)
        said = file.read().decode(errors="replace")
    click.echo(said, nl=False, err=code != 0)
    if code:
        raise Exit(code if code > 0 else 128 - code)
