"""``hpcopt run``."""

from __future__ import annotations

import logging
import shlex
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import click
from click.exceptions import Exit

from hpcopt.cli.checks.preflight import preflight
from hpcopt.cli.detach import run_detached
from hpcopt.cli.handover import hand_over
from hpcopt.cli.log import logging_to
from hpcopt.cli.page_refresh import PageRefresh
from hpcopt.cli.target import FOLDER, config_argument, examples, runner_options
from hpcopt.cli.verbs.best import print_best
from hpcopt.cli.views import text
from hpcopt.cli.views.attempt_log import attempt_path, find_attempt
from hpcopt.cli.views.driver_log import tail
from hpcopt.cli.views.facts import best_trials, why_no_best
from hpcopt.cli.views.progress import LineReporter, PlainView, QuietView, View
from hpcopt.config.file import LoadedConfig, load_config
from hpcopt.config.specs import run_spec
from hpcopt.core.errors import RepeatedFailureError
from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.trial import Trial
from hpcopt.driver.control import StopControl
from hpcopt.driver.driver import Driver, Stop
from hpcopt.driver.progress import DriverProgress
from hpcopt.experiment.composition import open_driver
from hpcopt.experiment.folder import is_begun
from hpcopt.experiment.live_trials import choose_runner
from hpcopt.host.clock import SystemClock

#: How long a person may press Ctrl-C again, to cancel the trials that run.
_SECONDS_FOR_SECOND_SIGNAL = 3.0

#: How much of a log is shown when the run stops over failures that are all alike.
_N_LINES_OF_LOG = 20

logger = logging.getLogger(__name__)

Runner = Literal["slurm", "local"]


@click.command(
    epilog=examples(
        "hpcopt run hpcopt.yaml",
        "hpcopt run hpcopt.yaml --local",
        "hpcopt run hpcopt.yaml --detach",
    )
)
@config_argument
@runner_options
@click.option("-q", "--quiet", is_flag=True, help="Show nothing but the outcome.")
@click.option(
    "--detach", is_flag=True, help="Leave the driver running here, and return."
)
@click.option("--driver-job", type=click.Path(path_type=Path), hidden=True)
def command(
    config: Path,
    runner: Runner | None,
    quiet: bool,
    detach: bool,
    driver_job: Path | None,
) -> None:
    """Start the experiment of CONFIG, or continue it.

    CONFIG is hpcopt.yaml by default. Runs until all trials have ended. It may be killed
    at any moment: the same command goes on where it was, and no job is lost or
    submitted twice. Ctrl-C stops it and leaves the jobs running; a second Ctrl-C
    cancels them too.

    With --detach it goes on without this terminal, on this machine, and writes what it
    says to driver.out in the experiment's folder; hpcopt stop ends it. Where a user's
    programs are ended at logout, hpcopt submit is the better choice.
    """
    loaded = load_config(config)
    folder = loaded.folder
    click.get_current_context().meta[FOLDER] = folder
    kind = choose_runner(runner or loaded.config.job.runner, folder)
    checks = [] if is_begun(folder) else list(preflight(loaded, kind))
    if detach:
        run_detached(config, loaded, runner)
        return
    clock = SystemClock()
    control = StopControl(folder, clock.interrupt, is_job=driver_job is not None)
    view = _view(loaded, quiet=quiet)
    reporter = LineReporter(loaded.config.run.max_trials, logger.info)

    section = loaded.config.report
    page = (
        None
        if section is None
        else PageRefresh(folder, section.every_s, config=loaded.path)
    )

    def observe(experiment: Experiment, progress: DriverProgress) -> None:
        view.observe(experiment, progress)
        reporter.observe(experiment, progress)
        if page is not None:
            page.observe()

    with ExitStack() as stack:
        stack.callback(view.end)
        if driver_job is not None:  # whose time may be nearly over before it begins
            stack.enter_context(control.handle_signals())
        log = stack.enter_context(logging_to(view.say))
        driver = stack.enter_context(
            open_driver(
                run_spec(loaded, kind), clock=clock, control=control, observe=observe
            )
        )
        log.open(folder)
        for check in checks:
            level = logging.WARNING if check.is_doubtful else logging.DEBUG
            logger.log(level, "%s: %s", check.what, check.found)
        if page is not None and not quiet:
            view.say(f"the report is kept fresh: {page.path}")
        view.begin(driver.experiment)
        reporter.begin(driver.experiment)
        try:
            stop = driver.run()
        except RepeatedFailureError as exc:
            view.end()
            _print_end_of_log(folder, driver.experiment.trial(exc.trial_index))
            raise
        view.end()
        if driver_job is not None and control.shall_hand_over:
            hand_over(loaded, driver_job, driver.experiment)
            return
        if not stop.is_complete:
            _offer_to_cancel(driver, control, clock)
    if page is not None:
        page.end(wait=stop.is_complete)
    _conclude(loaded, config, driver.experiment, stop, control, page)


def _view(loaded: LoadedConfig, *, quiet: bool) -> View:
    if quiet:
        return QuietView()
    if not sys.stdout.isatty():
        return PlainView(loaded.config.run.max_trials)
    from hpcopt.cli.views.live import LiveView

    return LiveView(loaded.config.run, str(loaded.folder))


def _print_end_of_log(folder: Path, trial: Trial) -> None:
    log = attempt_path(folder, find_attempt(trial, None)).log
    try:
        lines = tail(log, _N_LINES_OF_LOG)
    except OSError:
        lines = []
    click.echo(f"the end of {log}:" if lines else f"{log} is empty", err=True)
    for line in lines:
        click.echo(f"  {line}", err=True)


def _offer_to_cancel(driver: Driver, control: StopControl, clock: SystemClock) -> None:
    """Cancel the live trials if a second signal asks for it."""
    live = driver.experiment.live_attempts()
    if not live:
        return
    is_person = control.signal is signal.SIGINT and sys.stderr.isatty()
    clock.wait(0.0)  # the first signal may have interrupted no wait so far
    if is_person and not control.shall_cancel:
        click.echo(
            f"Stopped. {text.count(len(live), 'job')} left running; press Ctrl-C again "
            f"within {_SECONDS_FOR_SECOND_SIGNAL:.0f} s to cancel.",
            err=True,
        )
        clock.wait(_SECONDS_FOR_SECOND_SIGNAL)
    if control.shall_cancel:
        driver.stop_live_attempts()
        click.echo(f"{text.count(len(live), 'job')} cancelled", err=True)


def _conclude(
    loaded: LoadedConfig,
    config: Path,
    experiment: Experiment,
    stop: Stop,
    control: StopControl,
    page: PageRefresh | None,
) -> None:
    """Say how the run ended and where to look further, and exit if not well."""
    is_single = experiment.goals.is_single
    best = best_trials(experiment, 1 if is_single else experiment.n_trials)
    click.echo(f"{experiment.name}: {stop.reason}")
    click.echo()
    if best:
        print_best(experiment, best)
    else:
        click.echo(why_no_best(experiment))
    click.echo()
    name = shlex.quote(str(config))
    further = f"hpcopt trials {name} --sort best"
    rows = [
        ("folder", str(loaded.folder)),
        ("report", "" if page is None else str(page.path)),
        ("look further", further),
    ]
    if not stop.is_complete:
        n_live = 0 if control.shall_cancel else len(experiment.live_attempts())
        rows.append(("running on", text.count(n_live, "job") if n_live else ""))
        rows.append(("continue", f"hpcopt run {name}"))
    text.print_facts(rows)
    if not stop.is_complete:
        raise Exit(128 + (control.signal or signal.SIGTERM))
    if not experiment.completed_trials():
        raise Exit(1)
