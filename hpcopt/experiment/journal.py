"""Takes an experiment up as its only writer; begins it if it is new."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hpcopt import __version__
from hpcopt.core import events as ev
from hpcopt.core.errors import ConfigError, UsageError
from hpcopt.core.types import JSONValue
from hpcopt.experiment.continuation import Continuation, changed_keys, continuation
from hpcopt.experiment.folder import ARRAYS, JOURNAL, LEASE, TRIALS
from hpcopt.experiment.live_trials import check_same_folder, check_same_runner
from hpcopt.host.clock import Clock
from hpcopt.storage.journal import Journal
from hpcopt.storage.journal_cache import leave_cache
from hpcopt.storage.journal_file import JournalFile
from hpcopt.storage.lease import Lease

logger = logging.getLogger(__name__)


@contextmanager
def open_journal(
    folder: Path,
    definition: Mapping[str, JSONValue],
    settings: Mapping[str, JSONValue],
    clock: Clock,
    *,
    keeps_other_settings: bool = False,
) -> Iterator[Journal]:
    """Take the experiment in ``folder`` up as its only writer; begin it if it is new.

    Args:
        folder: The experiment's folder, which exists.
        definition: What it is: of this, the search space and the goals may have
            changed.
        settings: What may change from run to run.
        clock: Tells the time.
        keeps_other_settings: Whether earlier settings stay that are not among these.

    Raises:
        LeaseHeldError: Another driver runs it.
        ConfigError: It was begun with another definition, or holds trials and no
            journal.
        UsageError: It has live trials that could not be watched from here.
        StorageError: The folder or the journal cannot be written or read.
    """
    with ExitStack() as stack:
        lease = Lease.acquire(folder / LEASE)
        stack.callback(lease.release)
        path = folder / JOURNAL
        if not path.exists():
            _check_no_lost_trials(folder)  # a refusal leaves no journal behind
        store = JournalFile.open_or_create(path, lease)
        stack.callback(store.close)
        journal = Journal.load_if_begun(store)
        if journal is None:
            _check_no_lost_trials(folder)
            begun = ev.ExperimentBegun(clock.now(), __version__, definition, settings)
            journal = Journal.begin(store, begun)
        elif keeps_other_settings:
            settings = {**journal.experiment.settings, **settings}
        going_on = continuation(journal.experiment, definition, folder)
        check_same_runner(journal.experiment, settings, folder)
        check_same_folder(journal.experiment, folder)
        if going_on.space_changes:
            _change_space(journal, going_on, clock)
        if going_on.goal_changes:
            _change_goals(journal, going_on, clock)
        changes = changed_keys(journal.experiment.settings, settings)
        if changes:
            journal.append(ev.SettingsChanged(clock.now(), settings, tuple(changes)))
        yield journal
    leave_cache(path, journal.experiment)  # for those who look, once it is free


def _change_space(journal: Journal, going_on: Continuation, clock: Clock) -> None:
    """Go on in another space; what was proposed and not yet begun outside it goes."""
    now, space, changes = clock.now(), going_on.space, going_on.space_changes
    abandoned = []
    for trial in journal.experiment.open_trials():
        if not trial.attempts:
            try:
                space.check(trial.parameters)
            except UsageError as exc:
                reason = f"it does not fit the changed search space: {exc}"
                abandoned.append(ev.TrialAbandoned(now, trial.index, reason))
    journal.append(ev.SpaceChanged(now, space.definition(), changes), *abandoned)
    for change in changes:
        logger.warning("the search space changed: %s", change)


def _change_goals(journal: Journal, going_on: Continuation, clock: Clock) -> None:
    """Go on with other goals; what was proposed for the earlier ones is still tried."""
    changes = going_on.goal_changes
    journal.append(ev.GoalsChanged(clock.now(), going_on.goals.to_json(), changes))
    for change in changes:
        logger.warning("the goal changed: %s", change)


@contextmanager
def reopen_journal(folder: Path) -> Iterator[Journal]:
    """Take the experiment in ``folder`` up as its only writer, to drive nothing.

    Raises:
        LeaseHeldError: Another driver runs it.
        StorageError: The folder or the journal cannot be written or read.
    """
    with ExitStack() as stack:
        lease = Lease.acquire(folder / LEASE)
        stack.callback(lease.release)
        store = JournalFile.open_for_writing(folder / JOURNAL, lease)
        stack.callback(store.close)
        yield Journal.load(store)


def _check_no_lost_trials(folder: Path) -> None:
    """Check that no earlier trials would be taken for those of a new experiment."""
    for name in (TRIALS, ARRAYS):
        if (folder / name).exists():
            raise ConfigError(
                f"{folder}: expected a folder to begin an experiment in, found "
                f"{name}/, the trials of an experiment without a journal; move it "
                "away, or choose another folder"
            )
