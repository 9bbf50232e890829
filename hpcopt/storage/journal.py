"""The journal: the only thing that changes an experiment."""

from __future__ import annotations

import gc
import itertools
from collections.abc import Iterator
from contextlib import contextmanager

from hpcopt.core.errors import StorageError
from hpcopt.core.events import Event, ExperimentBegun
from hpcopt.core.experiment import Experiment
from hpcopt.storage.protocol import Store


def experiment_in(store: Store) -> Experiment:
    """Return the experiment that ``store`` holds.

    Raises:
        StorageError: The store is not begun, or cannot be read.
    """
    with _without_garbage_collection():
        return Experiment.from_events(store.read())


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Make many objects that stay: the collector would go through them repeatedly."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class Journal:
    """An experiment and the store of its events, always in step."""

    def __init__(self, store: Store, experiment: Experiment) -> None:
        self._store = store
        self._experiment = experiment

    @classmethod
    def begin(cls, store: Store, begun: ExperimentBegun) -> Journal:
        """Write the first event of an experiment.

        Raises:
            StorageError: The store holds events already, or cannot be written.
        """
        if next(iter(store.read()), None) is not None:
            raise StorageError(
                f"expected a journal without events to begin experiment "
                f"{begun.definition['name']!r} in, found one that is begun"
            )
        experiment = Experiment(begun)
        store.append([begun])
        return cls(store, experiment)

    @classmethod
    def load(cls, store: Store) -> Journal:
        """Take up the experiment that ``store`` holds.

        Raises:
            StorageError: The store is not begun, or cannot be read.
        """
        return cls(store, experiment_in(store))

    @classmethod
    def load_if_begun(cls, store: Store) -> Journal | None:
        """Take up the experiment that ``store`` holds; ``None`` if it holds none.

        It may not although its file exists: a driver can die between the two.

        Raises:
            StorageError: The store cannot be read.
        """
        with _without_garbage_collection():
            events = iter(store.read())
            first = next(events, None)
            if first is None:
                return None
            stream = itertools.chain([first], events)
            return cls(store, Experiment.from_events(stream))

    @property
    def experiment(self) -> Experiment:
        """The experiment; the same object throughout, growing with ``append``."""
        return self._experiment

    def append(self, *events: Event) -> None:
        """Add events: all of them, on disk and in the experiment, or none.

        They are rehearsed on a copy, then written, then applied. Rehearsed first, as a
        fact that contradicts the others would make the journal unreadable for good;
        applied last, as nothing may follow from what is not on disk. Applying cannot
        fail any more: it depends on nothing but the experiment and the events.

        Raises:
            StorageError: An event contradicts those before it, or could not be written.
        """
        rehearsal = self._experiment.copy()
        for event in events:
            rehearsal.apply(event)
        self._store.append(events)
        for event in events:
            self._experiment.apply(event)

    def check(self) -> None:
        """Make sure that this process may still write; it may have slept for long.

        Raises:
            StorageError: Another driver owns the experiment now.
        """
        self._store.append(())

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()
