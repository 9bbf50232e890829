"""Asking for something to be done to an experiment, whether or not a driver runs it.

A request is left in the experiment's folder for the driver, which alone may write the
journal. Where none runs, this process becomes the driver for that moment.
"""

from __future__ import annotations

import getpass
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from hpcopt.cli.target import FoundExperiment, find_experiment
from hpcopt.cli.views import text
from hpcopt.cli.views.driver_state import DriverState, driver_state
from hpcopt.core.errors import HpcoptError, StorageError, UsageError
from hpcopt.core.experiment import Experiment
from hpcopt.driver.requests import Request, RequestFolder, Verb
from hpcopt.experiment.folder import read_experiment

_TRIALS = re.compile(r"(\d+)(?:-(\d+))?", re.ASCII)

#: How often to look for the answer; the driver looks for requests each second.
_LOOK_EVERY_S = 0.2

wait_option = click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(min=0),
    default=20.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the driver's answer.",
)


@dataclass(frozen=True)
class NamedTrials:
    """What a person named on the command line."""

    trials: tuple[int, ...] | None
    """``None`` for ``all``."""
    target: Path | None


@dataclass(frozen=True)
class Answered:
    """A request that was honoured."""

    trials: tuple[int, ...]
    """Those that it applied to."""
    experiment: Experiment
    """As it stood just after."""


def named_trials(words: Sequence[str], *, takes_all: bool) -> NamedTrials:
    """Return which trials of which experiment are meant by a verb's arguments.

    These are numbers and ranges such as ``3-5``, or ``all``, and a last word that is
    neither: the experiment's config or folder.

    Raises:
        UsageError: A word is none of these.
    """
    trials: set[int] = set()
    is_all = False
    for position, word in enumerate(words):
        match = _TRIALS.fullmatch(word)
        if match:
            first, last = int(match[1]), int(match[2] or match[1])
            if last < first:
                raise UsageError(f"expected a range such as 3-5, found {word!r}")
            trials |= set(range(first, last + 1))
        elif word == "all" and takes_all:
            is_all = True
        elif position == len(words) - 1 and position > 0:
            return NamedTrials(_chosen(trials, is_all=is_all), Path(word))
        else:
            kinds = "numbers of trials, or all" if takes_all else "numbers of trials"
            raise UsageError(f"expected {kinds}, then the experiment; found {word!r}")
    return NamedTrials(_chosen(trials, is_all=is_all), None)


def _chosen(trials: set[int], *, is_all: bool) -> tuple[int, ...] | None:
    if is_all and trials:
        raise UsageError("expected numbers of trials or all, found both")
    return None if is_all else tuple(sorted(trials))


def find_named(asked: NamedTrials) -> FoundExperiment:
    """Return the experiment that is asked about, which has those trials.

    Raises:
        UsageError: There is no such experiment or trial.
    """
    found = find_experiment(asked.target)
    for index in asked.trials or ():
        found.trial(index)
    return found


def ask(
    folder: Path,
    verb: Verb,
    trials: tuple[int, ...] | None,
    carry_out: Callable[[], None],
    *,
    wait_s: float,
    sleep: Callable[[float], None] = time.sleep,
) -> Answered | None:
    """Ask for something to be done, and wait for the answer.

    Args:
        folder: The experiment's.
        verb: What to do.
        trials: To which trials; ``None`` for all.
        carry_out: Honours the requests in the folder; called when no driver runs.
        wait_s: How long to wait for a driver that runs.
        sleep: Waits between two looks.

    Returns:
        What was done; ``None`` if the driver has not answered in time, in which case
        the request stays.
    """
    requests = RequestFolder(folder)
    name = requests.add(Request(verb, trials, getpass.getuser()))
    deadline = time.monotonic() + wait_s
    while True:
        if not requests.file(name).exists():
            experiment = read_experiment(folder)
            if (event := experiment.requests.get(name)) is None:
                raise StorageError(
                    f"{requests.file(name)}: the request is gone, and was not honoured"
                )
            return Answered(event.trial_indices, experiment)
        if _driver(folder).state not in ("running", "silent"):
            try:
                carry_out()
            except HpcoptError:
                requests.remove(name)
                raise
            continue
        if time.monotonic() >= deadline:
            return None
        sleep(_LOOK_EVERY_S)


def say_unanswered(folder: Path, wait_s: float) -> None:
    """Say that the driver has not answered."""
    state = _driver(folder)
    click.echo(
        f"asked pid {state.pid} on {state.host}, which has not answered after "
        f"{text.duration(wait_s)}: the request stays in {folder / 'requests'} until it "
        "does, or until hpcopt run continues"
    )


def is_driven(folder: Path) -> bool:
    """Whether a driver runs, or may run, the experiment."""
    return _driver(folder).state in ("running", "silent")


def _driver(folder: Path) -> DriverState:
    return driver_state(folder, read_experiment(folder), time.time())
