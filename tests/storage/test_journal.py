from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from typing_extensions import override

from hpcopt.core import events as ev
from hpcopt.core.errors import StorageError
from hpcopt.storage.journal import Journal
from tests.support.memory_store import MemoryStore
from tests.support.store_contract import BEGUN, EVENTS, StoreContract

GENERATED = ev.TrialsGenerated(1.0, (ev.GeneratedTrial(0, {"x": 0.5}, "center"),))


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def make(self) -> Callable[[], MemoryStore]:
        return MemoryStore


class _FullStore(MemoryStore):
    @override
    def append(self, events: Sequence[ev.Event]) -> None:
        if any(isinstance(event, ev.TrialsGenerated) for event in events):
            raise StorageError("no space left on device")
        super().append(events)


def test_a_loaded_journal_has_the_experiment_that_was_appended() -> None:
    store = MemoryStore()
    journal = Journal.begin(store, BEGUN)
    journal.append(*EVENTS[1:])
    again = Journal.load(store).experiment
    assert again.trials == journal.experiment.trials
    assert again.n_events == journal.experiment.n_events == len(EVENTS)


@pytest.mark.parametrize("is_collecting", [True, False])
def test_loading_leaves_the_garbage_collector_as_it_was(is_collecting: bool) -> None:
    store = MemoryStore()
    Journal.begin(store, BEGUN).append(GENERATED)
    broken = MemoryStore()
    (gc.enable if is_collecting else gc.disable)()
    try:
        assert Journal.load(store).experiment.n_trials == 1
        assert gc.isenabled() is is_collecting
        with pytest.raises(StorageError):
            Journal.load(broken)
        assert gc.isenabled() is is_collecting
    finally:
        gc.enable()


def test_the_experiment_stays_the_same_object_while_it_grows() -> None:
    journal = Journal.begin(MemoryStore(), BEGUN)
    experiment = journal.experiment
    journal.append(GENERATED)
    assert journal.experiment is experiment
    assert experiment.n_trials == 1


def test_a_contradiction_reaches_neither_the_store_nor_the_experiment() -> None:
    store = MemoryStore()
    journal = Journal.begin(store, BEGUN)
    with pytest.raises(StorageError, match="expected trial 1 to be generated next"):
        journal.append(GENERATED, GENERATED)
    assert list(store.read()) == [BEGUN]
    assert (journal.experiment.n_trials, journal.experiment.n_events) == (0, 1)


def test_what_could_not_be_written_did_not_happen() -> None:
    journal = Journal.begin(_FullStore(), BEGUN)
    with pytest.raises(StorageError, match="no space left"):
        journal.append(EVENTS[1], GENERATED)
    assert (journal.experiment.n_trials, journal.experiment.n_events) == (0, 1)
    assert journal.experiment.drivers == []


def test_a_begun_store_cannot_be_begun_again() -> None:
    store = MemoryStore()
    Journal.begin(store, BEGUN)
    with pytest.raises(StorageError, match="to begin experiment 'mug' in, found one"):
        Journal.begin(store, replace(BEGUN, version="9"))
    assert list(store.read()) == [BEGUN]


def test_a_journal_is_loaded_once_it_is_begun() -> None:
    store = MemoryStore()
    assert Journal.load_if_begun(store) is None
    Journal.begin(store, BEGUN).append(GENERATED)
    journal = Journal.load_if_begun(store)
    assert journal is not None
    assert journal.experiment.begun == BEGUN
    assert journal.experiment.n_trials == 1


def test_an_empty_store_cannot_be_loaded() -> None:
    with pytest.raises(
        StorageError, match="starts with ExperimentBegun, found nothing"
    ):
        Journal.load(MemoryStore())


def test_a_closed_journal_closes_its_store() -> None:
    closed = []

    class Store(MemoryStore):
        @override
        def close(self) -> None:
            closed.append(True)

    Journal.begin(Store(), BEGUN).close()
    assert closed == [True]
