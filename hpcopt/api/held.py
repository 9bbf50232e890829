"""The experiments whose lease this process holds, one for each folder."""

from __future__ import annotations

import threading
import weakref
from contextlib import ExitStack
from pathlib import Path

from hpcopt.core.experiment import Experiment
from hpcopt.driver.ask_tell import ManualTrials
from hpcopt.experiment.build import check_space
from hpcopt.experiment.continuation import continuation
from hpcopt.experiment.folder import make_folder
from hpcopt.experiment.journal import open_journal
from hpcopt.experiment.spec import ExperimentSpec
from hpcopt.host.clock import SystemClock

#: Held by the one thread of this process that writes.
WRITING = threading.RLock()

#: By folder. What no client refers to any more is closed, and vanishes from here.
_HELD: weakref.WeakValueDictionary[Path, HeldExperiment] = weakref.WeakValueDictionary()


class HeldExperiment:
    """An experiment whose journal this process may write, as it holds the lease.

    It is closed when the last of its holders releases it. Holders that were garbage
    collected (those of a notebook whose cells are run again) do not count, and what is
    still open when the interpreter exits is closed then.
    """

    def __init__(self, spec: ExperimentSpec) -> None:
        """Take the experiment up; begin it if it is new.

        Raises:
            ConfigError: The folder holds another experiment, or cannot be used.
            LeaseHeldError: Another process runs it.
            StorageError: The journal cannot be read or written.
        """
        clock = SystemClock()
        self.settings = spec.settings
        """What may change, as it was when this was taken up."""
        check_space(spec.space)
        make_folder(spec.folder)
        with ExitStack() as stack:
            journal = stack.enter_context(
                open_journal(
                    spec.folder,
                    spec.definition(),
                    spec.settings,
                    clock,
                    keeps_other_settings=True,
                )
            )
            self.experiment: Experiment = journal.experiment
            self.manual_trials = ManualTrials(journal, clock)
            self._close = weakref.finalize(self, stack.pop_all().close)
        self._holders: weakref.WeakSet[object] = weakref.WeakSet()

    @property
    def is_closed(self) -> bool:
        """Whether the journal is closed and the lease released."""
        return not self._close.alive

    def is_as(self, spec: ExperimentSpec) -> bool:
        """Whether goals and settings are those of ``spec``."""
        is_same_goal = self.experiment.goals == spec.goals
        return is_same_goal and self.settings == spec.settings

    def add(self, holder: object) -> None:
        """Keep it open for another holder."""
        self._holders.add(holder)

    def release(self, holder: object) -> None:
        """Close it, unless there is another holder."""
        self._holders.discard(holder)
        if not self._holders:
            self.close()

    def close(self) -> None:
        """Close the journal and release the lease, whoever still holds this."""
        self._close()

    @classmethod
    def acquire(cls, spec: ExperimentSpec, holder: object) -> HeldExperiment:
        """Return the experiment for ``holder`` to write; begin it if it is new.

        Raises:
            ConfigError: The folder holds another experiment, or cannot be used.
            LeaseHeldError: Another process runs it.
            StorageError: The journal cannot be read or written.
        """
        held = find_held(spec.folder)
        if held is not None:
            going_on = continuation(held.experiment, spec.definition(), spec.folder)
            if going_on.changes or not held.is_as(spec):
                held.close()  # to be taken up again with what has changed
        if held is None or held.is_closed:
            held = _HELD[spec.folder] = cls(spec)
        held.add(holder)
        return held


def find_held(folder: Path) -> HeldExperiment | None:
    """Return the experiment in ``folder`` if this process writes it."""
    held = _HELD.get(folder)
    return None if held is None or held.is_closed else held
