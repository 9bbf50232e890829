"""``hpcopt stop``."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import click

from hpcopt.cli.target import examples, find_folder, target_argument
from hpcopt.cli.views import text
from hpcopt.cli.views.driver_state import DriverState, driver_state
from hpcopt.driver.control import request_stop
from hpcopt.experiment.folder import read_experiment


@click.command(epilog=examples("hpcopt stop hpcopt.yaml"))
@target_argument
@click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(min=0),
    default=20.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the driver to end.",
)
def command(target: Path | None, wait_s: float) -> None:
    """Ask the driver to stop, on whatever host it runs; its jobs go on.

    What the jobs find is read when hpcopt run continues the experiment. TARGET is the
    experiment's config or its folder, by default the one here.
    """
    folder = find_folder(target)
    state = _look(folder)
    if state.state in ("none", "ended"):
        click.echo(f"no driver runs: {state.sentence(time.time())}")
        return
    if state.state == "killed":
        click.echo(f"no driver runs: the last one {state.sentence(time.time())}")
        return
    if state.state == "queued" and state.job_id is not None:
        _cancel_job(folder, state.job_id)
        return
    # No signal: the driver may be a script's, which a signal would end.
    request = request_stop(folder)
    end = _wait(folder, wait_s)
    if end.state in ("running", "silent") and not _is_driver(folder, end):
        click.echo(
            f"pid {end.pid} on {end.host}, which holds the experiment, has not ended "
            f"after {text.duration(wait_s)}, and drives no trials: a script that asks "
            "for them itself lets go by client.close(), or at its end"
        )
        return
    if end.state in ("running", "silent"):
        click.echo(
            f"asked pid {state.pid} on {state.host} to stop; it has not ended after "
            f"{text.duration(wait_s)}: a shared file system may take a minute to show "
            f"it {request.name}. See hpcopt status."
        )
        return
    request.unlink(
        missing_ok=True
    )  # it may have ended of itself, without having seen it
    click.echo(f"the driver {end.sentence(time.time())}")
    n_live = len(read_experiment(folder).live_attempts())
    if n_live:
        click.echo(f"{text.count(n_live, 'job')} left running; hpcopt run continues")


def _cancel_job(folder: Path, job_id: str) -> None:
    """Cancel the job that would become the driver."""
    from hpcopt.runners.slurm.driver_job import DriverJobs

    DriverJobs(read_experiment(folder).name, folder).cancel(job_id)
    click.echo(f"job {job_id}, which would have been the driver, is cancelled")


def _is_driver(folder: Path, state: DriverState) -> bool:
    """Whether it is a driver that holds the experiment, as far as the journal tells."""
    experiment = read_experiment(folder)
    if not experiment.drivers or experiment.ended is not None:
        return False
    latest = experiment.drivers[-1]
    return (latest.host, latest.pid) == (state.host, state.pid)


def _look(folder: Path) -> DriverState:
    return driver_state(folder, read_experiment(folder), time.time())


def _wait(
    folder: Path, wait_s: float, sleep: Callable[[float], None] = time.sleep
) -> DriverState:
    """Wait for the driver to end, and return what is known of it then."""
    deadline = time.monotonic() + wait_s
    while (state := _look(folder)).state in ("running", "silent"):
        if time.monotonic() >= deadline:
            break
        sleep(0.2)
    return state
