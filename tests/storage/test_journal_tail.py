"""An experiment that follows its journal."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpcopt.core import events as ev
from hpcopt.core.errors import JournalDamagedError, StorageError
from hpcopt.core.experiment import Experiment
from hpcopt.storage.frames import encode, frame
from hpcopt.storage.journal_data import HEADER
from hpcopt.storage.journal_tail import JournalTail, News
from tests.support.store_contract import BEGUN, EVENTS

LINES = [frame(encode(event)) for event in EVENTS]
WHOLE = HEADER + b"".join(LINES)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal's path that every example of a property writes anew."""
    return tmp_path_factory.mktemp("scratch") / "journal.jsonl"


def add(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def known(tail: JournalTail) -> object:
    """What an experiment is, to compare."""
    experiment = tail.experiment
    return None if experiment is None else facts(experiment)


def facts(experiment: Experiment) -> object:
    return experiment.n_events, experiment.trials, experiment.driver_activity


def folded(*events: ev.Event) -> object:
    return facts(Experiment.from_events(events))


def test_what_is_added_is_told_and_applied_to_the_same_experiment(path: Path) -> None:
    path.write_bytes(HEADER + LINES[0])
    tail = JournalTail(path)
    assert tail.experiment is None
    assert tail.update() == News(is_anew=True)
    experiment = tail.experiment
    assert not tail.update()
    add(path, b"".join(LINES[1:4]))
    assert tail.update() == News(EVENTS[1:4])
    add(path, LINES[4])
    assert tail.update() == News(EVENTS[4:5])
    assert tail.experiment is experiment
    assert known(tail) == folded(*EVENTS[:5])
    assert tail.position.offset == path.stat().st_size
    assert tail.position.n_lines == 6


@settings(max_examples=100, deadline=None)
@given(cuts=st.lists(st.integers(0, len(WHOLE)), max_size=8))
def test_wherever_a_writer_is_met_all_is_read_once(
    scratch: Path, cuts: list[int]
) -> None:
    scratch.write_bytes(b"")
    tail = JournalTail(scratch)
    told: list[ev.Event] = []
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(WHOLE)], strict=True):
        add(scratch, WHOLE[begin:end])
        news = tail.update()
        if news.is_anew:
            assert told == []
            assert tail.experiment is not None
            told += EVENTS[: tail.experiment.n_events]
        told += news.events
    assert told == list(EVENTS)
    assert known(tail) == folded(*EVENTS)


def test_only_what_is_new_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(WHOLE)
    tail = JournalTail(path)
    tail.update()
    note = ev.DriverNoted(20.0, "x" * 3000)
    for _ in range(5):
        add(path, frame(encode(note)))
        tail.update()
    size = path.stat().st_size
    # Before the last 4096 bytes nothing is looked at again, though it was lost there.
    with path.open("r+b") as file:
        file.write(bytes(size - 4096))
    add(path, frame(encode(note)))
    assert tail.update() == News((note,))


def test_a_journal_that_is_not_begun_is_no_experiment_yet(path: Path) -> None:
    path.write_bytes(HEADER[:10])
    tail = JournalTail(path)
    assert not tail.update()
    add(path, HEADER[10:])
    assert not tail.update()
    assert tail.experiment is None
    add(path, LINES[0])
    assert tail.update().is_anew
    assert known(tail) == folded(BEGUN)


def test_a_torn_end_is_read_once_it_is_mended(path: Path) -> None:
    path.write_bytes(HEADER + LINES[0] + LINES[1][:-5])
    tail = JournalTail(path)
    tail.update()
    path.write_bytes(HEADER + LINES[0] + LINES[2])
    assert tail.update() == News((EVENTS[2],))


def test_an_append_that_was_taken_back_is_forgotten(path: Path) -> None:
    path.write_bytes(HEADER + b"".join(LINES[:4]))
    tail = JournalTail(path)
    tail.update()
    path.write_bytes(HEADER + b"".join(LINES[:2]))
    assert tail.update() == News(is_anew=True)
    assert known(tail) == folded(*EVENTS[:2])
    # More was written in its place, so that the file is longer than before.
    add(path, b"".join(LINES[2:8]))
    tail.update()
    other = [ev.DriverNoted(9.0, "y" * len(line)) for line in LINES[2:]]
    path.write_bytes(
        HEADER + b"".join([*LINES[:2], *(frame(encode(event)) for event in other)])
    )
    assert tail.update() == News(is_anew=True)
    assert known(tail) == folded(*EVENTS[:2], *other)


def test_another_file_of_the_same_name_is_read_anew(path: Path) -> None:
    path.write_bytes(WHOLE)
    tail = JournalTail(path)
    tail.update()
    first = tail.experiment
    replacement = path.with_name("other")
    replacement.write_bytes(WHOLE)
    replacement.replace(path)
    assert tail.update() == News(is_anew=True)
    assert tail.experiment is not first
    assert known(tail) == folded(*EVENTS)


def test_a_journal_that_is_away_leaves_the_experiment_as_it_was(path: Path) -> None:
    path.write_bytes(HEADER + b"".join(LINES[:2]))
    tail = JournalTail(path)
    tail.update()
    away = path.rename(path.with_name("away"))
    with pytest.raises(StorageError, match="No such file"):
        tail.update()
    assert known(tail) == folded(*EVENTS[:2])
    away.rename(path)
    add(path, LINES[2])
    assert tail.update() == News((EVENTS[2],))


def test_damage_is_told_each_time_with_its_line(path: Path) -> None:
    path.write_bytes(HEADER + b"".join(LINES[:3]))
    tail = JournalTail(path)
    tail.update()
    add(path, b"#" + b"".join(LINES[3:]))
    for _ in range(2):
        with pytest.raises(JournalDamagedError, match="line 5, byte"):
            tail.update()
    assert tail.experiment is None
    path.write_bytes(WHOLE)
    assert tail.update().is_anew
    assert known(tail) == folded(*EVENTS)


def test_what_a_newer_version_has_added_is_told_with_its_line(path: Path) -> None:
    path.write_bytes(HEADER + b"".join(LINES[:3]))
    tail = JournalTail(path)
    tail.update()
    add(path, LINES[3] + frame(b'{"event":"Moon","time":1}'))
    with pytest.raises(StorageError, match=r"line 6: .*'Moon'"):
        tail.update()
    with pytest.raises(StorageError, match=r"line 6: .*'Moon'"):
        tail.update()
