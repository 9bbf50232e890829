"""Requests of people to a running experiment: to cancel trials, to retry some.

A request is a file in the experiment's folder, which the driver finds on whatever host
it runs. It is handled exactly once: the event that it becomes has its name, and the
file is removed after that event is written. A driver that dies between the two leaves a
file whose name is in the journal, which is then only removed.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hpcopt.core import events as ev
from hpcopt.core.errors import StorageError
from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.trial import Trial
from hpcopt.host.clock import Clock
from hpcopt.host.durable import write_text_durably
from hpcopt.storage.journal import Journal

logger = logging.getLogger(__name__)

#: The folder of requests, in the experiment's.
REQUESTS = "requests"

Verb = Literal["cancel", "retry"]


@dataclass(frozen=True)
class Request:
    """One request of a person."""

    verb: Verb
    trials: tuple[int, ...] | None
    """The trials by index; ``None`` for all that have not ended, which also stops the
    driver."""
    by: str
    """The person."""


class RequestFolder:
    """The requests in an experiment's folder that are not handled yet."""

    def __init__(self, folder: Path) -> None:
        """Use the folder of an experiment, which may hold no requests yet."""
        self._path = folder / REQUESTS

    def add(self, request: Request) -> str:
        """Leave a request, and return its name, which its event will have.

        Raises:
            StorageError: It cannot be written.
        """
        name = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
        record = {"verb": request.verb, "trials": request.trials, "by": request.by}
        try:
            self._path.mkdir(exist_ok=True)
            write_text_durably(self.file(name), json.dumps(record))
        except OSError as exc:
            raise StorageError(
                f"{self._path}: the request cannot be written: {exc.strerror}"
            ) from exc
        return name

    def file(self, name: str) -> Path:
        """Return the file of a request."""
        return self._path / f"{name}.json"

    def pending(self) -> list[tuple[str, Request]]:
        """Return the requests with their names, the oldest one first.

        A file that holds no request is set aside, as ``<name>.refused``.
        """
        found = []
        for name in sorted(self._names()):
            try:
                found.append((name, _parse(self.file(name).read_bytes())))
            except FileNotFoundError:
                continue  # it was withdrawn
            except OSError as exc:
                logger.warning("%s: cannot be read: %s", self.file(name), exc)
            except ValueError as exc:
                logger.warning("%s is no request: %s", self.file(name), exc)
                self._set_aside(name, f"{name}.refused")
        return found

    def remove(self, name: str) -> None:
        """Remove a request that was handled, or is withdrawn."""
        try:
            self.file(name).unlink(missing_ok=True)
        except OSError as exc:
            # It does no harm: its name is in the journal.
            logger.warning("%s: cannot be removed: %s", self.file(name), exc)

    def _names(self) -> list[str]:
        try:
            names = os.listdir(self._path)  # noqa: PTH208 - each second, maybe on NFS
        except FileNotFoundError:
            return []
        except OSError as exc:
            logger.warning("%s: cannot be read: %s", self._path, exc)
            return []
        return [
            name.removesuffix(".json")
            for name in names
            if name.endswith(".json") and not name.startswith(".")
        ]

    def _set_aside(self, name: str, to: str) -> None:
        try:
            self.file(name).replace(self._path / to)
        except OSError as exc:
            logger.warning("%s: cannot be set aside: %s", self.file(name), exc)


class RequestInbox:
    """Turns requests into events, each exactly once."""

    def __init__(
        self, journal: Journal, requests: RequestFolder | None, clock: Clock
    ) -> None:
        """Assemble an inbox.

        Args:
            journal: Where the events go.
            requests: The folder of requests; ``None`` to handle none.
            clock: Tells the time.
        """
        self._journal = journal
        self._requests = requests
        self._clock = clock

    def process(self) -> None:
        """Handle the requests that are pending.

        A driver that has lost the experiment to another one must notice before it takes
        a request that is meant for that one.

        Raises:
            StorageError: The journal cannot be written, or is another driver's now.
        """
        self._journal.check()
        if self._requests is None:
            return
        for name, request in self._requests.pending():
            if name not in self._journal.experiment.requests:
                event = answer(
                    self._journal.experiment, name, request, self._clock.now()
                )
                self._journal.append(event)
                logger.info(
                    "%s asked to %s %s: %s",
                    request.by,
                    request.verb,
                    "all trials" if request.trials is None else _list(request.trials),
                    _list(event.trial_indices),
                )
            self._requests.remove(name)


def answer(
    experiment: Experiment, name: str, request: Request, now: float
) -> ev.TrialsCancelled | ev.TrialsReopened:
    """Return the event that a request becomes, for the trials to which it applies.

    Trials that have not ended can be cancelled, those that failed or were abandoned can
    be retried. Others are left out: they may have changed since the person asked.
    """

    def named(trials: Iterable[Trial]) -> list[Trial]:
        wanted = request.trials
        return [t for t in trials if wanted is None or t.index in wanted]

    if request.verb == "retry":
        again = [t for t in named(experiment.trials) if t.status.may_be_reopened]
        return ev.TrialsReopened(now, _indices(again), request.by, name)
    ended = _indices(named(experiment.open_trials()))
    is_all = request.trials is None
    return ev.TrialsCancelled(now, ended, request.by, name, is_all)


def _parse(data: bytes) -> Request:
    """Return the request in a file.

    Raises:
        ValueError: It holds none.
    """
    record = json.loads(data)
    if not isinstance(record, dict):
        raise ValueError(f"expected an object, found {record!r}")
    match record.get("verb"), record.get("trials"), record.get("by"):
        case ("cancel" | "retry") as verb, None, str(by):
            return Request(verb, None, by)
        case ("cancel" | "retry") as verb, list(trials), str(by) if all(
            type(index) is int for index in trials
        ):
            return Request(verb, tuple(trials), by)
    raise ValueError(f"expected a verb, trials and who asks, found {record!r}")


def _indices(trials: Iterable[Trial]) -> tuple[int, ...]:
    return tuple(trial.index for trial in trials)


def _list(indices: Iterable[int]) -> str:
    return ", ".join(map(str, indices)) or "none"
