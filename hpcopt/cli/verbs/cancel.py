"""``hpcopt cancel``."""

from __future__ import annotations

import time
from pathlib import Path

import click
from click.exceptions import Exit

from hpcopt.cli.asking import (
    Answered,
    NamedTrials,
    ask,
    find_named,
    is_driven,
    named_trials,
    say_unanswered,
    wait_option,
)
from hpcopt.cli.target import default_target, examples
from hpcopt.cli.views import text
from hpcopt.cli.views.facts import job_id, state
from hpcopt.core.errors import UsageError
from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.trial import Trial

#: So many trials are told one by one.
_MOST_SHOWN = 20


@click.command(
    epilog=examples(
        "hpcopt cancel 7 hpcopt.yaml",
        "hpcopt cancel 3 5 8-11 hpcopt.yaml",
        "hpcopt cancel all hpcopt.yaml",
    )
)
@click.argument("words", nargs=-1, required=True, metavar="N...|all [TARGET]")
@wait_option
def command(words: tuple[str, ...], wait_s: float) -> None:
    """End trials and give them up: their jobs are cancelled, they are not run again.

    N is a trial's number, or a range such as 3-5. Whether a driver runs or not: one
    that does goes on with other trials. With all, every trial that has not ended is
    cancelled and the driver stops, too; hpcopt run continues with new ones. TARGET is
    the experiment's config or its folder, by default the one here.
    """
    asked = named_trials(words, takes_all=True)
    found = find_named(asked)
    folder = found.folder
    if not (was_driven := is_driven(folder)):
        if not _open(asked, found.experiment):
            _report(asked, Answered((), found.experiment), is_driven=False)
            return
        _config(asked)  # an error before anything is asked for

    def carry_out() -> None:
        _drain(_config(asked), wait_s)

    answered = ask(folder, "cancel", asked.trials, carry_out, wait_s=wait_s)
    if answered is None:
        say_unanswered(folder, wait_s)
        return
    _report(asked, answered, is_driven=was_driven)


def _open(asked: NamedTrials, experiment: Experiment) -> set[int]:
    """Return which of the trials that are asked about may be cancelled."""
    open_ = {trial.index for trial in experiment.open_trials()}
    return open_ if asked.trials is None else open_.intersection(asked.trials)


def _config(asked: NamedTrials) -> Path:
    """Return the config, which says how jobs are to be cancelled from here.

    Raises:
        UsageError: The experiment was named by its folder.
    """
    target = asked.target or default_target()
    if target.is_dir():
        raise UsageError(
            "no driver runs this experiment, and to cancel its jobs from here its "
            "config is needed: hpcopt cancel "
            f"{text.numbers(asked.trials)} CONFIG"
        )
    return target


def _drain(config: Path, wait_s: float) -> None:
    """Drive the experiment for as long as cancelling takes."""
    from hpcopt.config.file import load_config
    from hpcopt.config.specs import run_spec
    from hpcopt.driver.control import StopControl
    from hpcopt.experiment.composition import open_driver
    from hpcopt.experiment.live_trials import choose_runner
    from hpcopt.host.clock import SystemClock

    loaded, clock = load_config(config), SystemClock()
    spec = run_spec(loaded, choose_runner(loaded.config.job.runner, loaded.folder))
    control = StopControl(loaded.folder, clock.interrupt)
    deadline = time.monotonic() + wait_s

    def is_late() -> str | None:
        late = time.monotonic() >= deadline
        return "the trials that were cancelled are still ending" if late else None

    with open_driver(
        spec, clock=clock, control=control, is_out_of_time=is_late, drain=True
    ) as driver:
        driver.run()
    if control.signal is not None:
        raise Exit(128 + control.signal)


def _report(asked: NamedTrials, answered: Answered, *, is_driven: bool) -> None:
    named = answered.trials if asked.trials is None else asked.trials
    for index in named[:_MOST_SHOWN]:
        trial = answered.experiment.trial(index)
        click.echo(f"trial {index}: {_fate(trial, index in answered.trials)}")
    if len(named) > _MOST_SHOWN:
        click.echo(f"and {len(named) - _MOST_SHOWN} more: see hpcopt trials")
    if asked.trials is None and not named and not is_driven:
        click.echo("no trial is open: nothing was cancelled")
    elif asked.trials is None:
        n = text.count(len(answered.trials), "trial")
        stops = "; the driver stops when they have ended" if is_driven else ""
        click.echo(f"{n} cancelled{stops}; hpcopt run continues with new ones")


def _fate(trial: Trial, is_cancelled: bool) -> str:
    """Return what becomes of a trial, in a few words."""
    if not is_cancelled:
        return f"not cancelled, it is {state(trial)}"
    if trial.status.is_terminal:
        return "cancelled"
    job = job_id(trial.attempt)
    return f"cancelled; {f'job {job}' if job else 'its attempt'} is being ended"
