"""Asks the driver for something by the files that the other verbs write."""

from __future__ import annotations

import getpass
from pathlib import Path

from hpcopt.cli.watch.observer import Seen
from hpcopt.core.trials.trial import Trial
from hpcopt.driver.control import request_stop
from hpcopt.driver.requests import Request, RequestFolder, Verb

#: What a request that applied to its trial has done to it.
_DONE = {"cancel": "is cancelled", "retry": "will be run again"}


def why_not_stop(seen: Seen) -> str:
    """Return why nothing can be stopped; empty if something can."""
    if seen.driver is None or not seen.is_driven:
        state = seen.driver.sentence(seen.now) if seen.driver else "not begun"
        return f"no driver runs: {state}"
    return ""


def why_not(verb: Verb, trial: Trial) -> str:
    """Return why a trial cannot be cancelled, or retried; empty if it can."""
    state = trial.status.name.lower()
    if verb == "cancel" and (trial.status.is_terminal or trial.is_manual):
        return f"trial {trial.index} is {state}: there is nothing to cancel"
    if verb == "cancel" and trial.cancelled_by:
        return f"trial {trial.index} is being cancelled by {trial.cancelled_by}"
    if verb == "retry" and not trial.status.may_be_reopened:
        return f"trial {trial.index} is {state}: only what failed can be run again"
    return ""


def question(verb: Verb, trial: Trial, seen: Seen) -> str:
    """Return what is asked before something is asked for."""
    what = "Cancel" if verb == "cancel" else "Run"
    again = "" if verb == "cancel" else " again"
    if seen.is_driven:
        return f"{what} trial {trial.index}{again}?"
    now = " (hpcopt cancel ends its job now)" if verb == "cancel" else ""
    return (
        f"{what} trial {trial.index}{again}? No driver runs: the request waits for "
        f"the next hpcopt run{now}."
    )


class Asks:
    """What was asked for from here, and what became of it."""

    def __init__(self, folder: Path) -> None:
        """Ask the driver of the experiment in ``folder``."""
        self._folder = folder
        self._open: dict[str, tuple[Verb, int]] = {}
        self._has_stopped = True
        """Whether no stop is asked for that has not happened yet."""

    def ask(self, verb: Verb, trial: int) -> None:
        """Leave a request about a trial.

        Raises:
            StorageError: It cannot be written.
        """
        request = Request(verb, (trial,), getpass.getuser())
        self._open[RequestFolder(self._folder).add(request)] = verb, trial

    def stop(self) -> None:
        """Leave the request to stop.

        Raises:
            StorageError: It cannot be written.
        """
        request_stop(self._folder)
        self._has_stopped = False

    def answers(self, seen: Seen) -> list[str]:
        """Return what the driver has done of what was asked for since the last call."""
        experiment, said = seen.experiment, []
        if experiment is None:
            return []
        if not self._has_stopped and seen.driver is not None and not seen.is_driven:
            self._has_stopped = True
            said.append(f"the driver {seen.driver.sentence(seen.now)}")
        for name, (verb, trial) in list(self._open.items()):
            if (event := experiment.requests.get(name)) is not None:
                del self._open[name]
                is_done = trial in event.trial_indices
                done = _DONE[verb] if is_done else "was not changed: it has ended since"
                said.append(f"trial {trial} {done}")
        return said
