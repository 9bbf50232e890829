"""Experiments that this process writes: one for each folder, for all its clients."""

from __future__ import annotations

import weakref
from contextlib import ExitStack
from pathlib import Path

from hpcopt.core.experiment import Experiment
from hpcopt.driver.ask_tell import ManualTrials
from hpcopt.experiment.build import check_space
from hpcopt.experiment.continuation import continued_space
from hpcopt.experiment.folder import is_begun, make_folder, read_experiment
from hpcopt.experiment.journal import open_journal
from hpcopt.experiment.spec import ExperimentSpec
from hpcopt.host.clock import SystemClock

#: By folder. Those that nobody holds any more are closed, and vanish from here.
_OPENED: weakref.WeakValueDictionary[Path, Opened] = weakref.WeakValueDictionary()


class Opened:
    """An experiment whose journal this process holds, until nobody holds this.

    A script that makes clients and forgets them, or a notebook whose cells are run
    again, need not close anything: when the last client is gone, so is the lease.
    """

    def __init__(self, spec: ExperimentSpec) -> None:
        clock = SystemClock()
        check_space(spec.space)
        make_folder(spec.folder)
        settings = spec.settings
        if is_begun(spec.folder):
            settings = {**read_experiment(spec.folder).settings, **settings}
        with ExitStack() as stack:
            journal = stack.enter_context(
                open_journal(spec.folder, spec.definition(), settings, clock)
            )
            self.experiment: Experiment = journal.experiment
            self.manual_trials = ManualTrials(journal, clock)
            self._close = weakref.finalize(self, stack.pop_all().close)

    @property
    def is_closed(self) -> bool:
        """Whether the journal is let go."""
        return not self._close.alive

    def close(self) -> None:
        """Let go of the journal, whoever still holds this."""
        self._close()


def open_experiment(spec: ExperimentSpec) -> Opened:
    """Return the experiment, ready to be written; begin it if it is new.

    Raises:
        ConfigError: The folder holds another experiment, or cannot be used.
        LeaseHeldError: Another process runs it.
        StorageError: The journal cannot be read or written.
    """
    opened = find_opened(spec.folder)
    if opened is not None:
        _, changes = continued_space(opened.experiment, spec.definition(), spec.folder)
        if not changes:
            return opened
        opened.close()  # to be taken up again in the changed search space
    opened = Opened(spec)
    _OPENED[spec.folder] = opened
    return opened


def find_opened(folder: Path) -> Opened | None:
    """Return the experiment in ``folder`` if this process writes it."""
    opened = _OPENED.get(folder)
    return None if opened is None or opened.is_closed else opened
