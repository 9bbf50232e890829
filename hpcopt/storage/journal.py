"""The journal: an experiment and its store, which change together."""

from __future__ import annotations

import itertools

from hpcopt.core.errors import StorageError
from hpcopt.core.events import Event, ExperimentBegun
from hpcopt.core.experiment import Experiment
from hpcopt.core.many_objects import without_garbage_collection
from hpcopt.storage.protocol import Store


class Journal:
    """An experiment and the store of its events, always in agreement."""

    def __init__(self, store: Store, experiment: Experiment) -> None:
        self._store = store
        self._experiment = experiment

    @classmethod
    def begin(cls, store: Store, begun: ExperimentBegun) -> Journal:
        """Begin an experiment with its first event.

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
        """Load the experiment that ``store`` holds.

        Raises:
            StorageError: The store is empty, or cannot be read.
        """
        with without_garbage_collection():
            return cls(store, Experiment.from_events(store.read()))

    @classmethod
    def load_if_begun(cls, store: Store) -> Journal | None:
        """Load the experiment that ``store`` holds; ``None`` if it is empty.

        A file that exists may be empty: a driver can die before the first event.

        Raises:
            StorageError: The store cannot be read.
        """
        with without_garbage_collection():
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
        """Add events atomically, on disk and to the experiment.

        They are first applied to a copy, since an event that contradicts earlier ones
        would make the journal unreadable for good; then written; then applied, since
        nothing may follow from what is not on disk. The latter cannot fail any more: it
        depends only on the experiment and the events.

        Raises:
            StorageError: An event contradicts those before it, or could not be written.
        """
        copy = self._experiment.copy()
        for event in events:
            copy.apply(event)
        self._store.append(events)
        for event in events:
            self._experiment.apply(event)

    def check(self) -> None:
        """Check that this process may still write; it may have been suspended.

        Raises:
            StorageError: Another driver owns the experiment now.
        """
        self._store.append(())

    def close(self) -> None:
        """Close the store."""
        self._store.close()
