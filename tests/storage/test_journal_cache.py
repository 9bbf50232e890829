"""What is kept beside a journal, and that it is never believed wrongly."""

from __future__ import annotations

import errno
import json
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any, get_args
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpcopt.core import events as ev
from hpcopt.core.errors import StorageError
from hpcopt.core.experiment import Experiment
from hpcopt.core.experiment_codec import experiment_to_json
from hpcopt.core.trials.trial import Trial
from hpcopt.core.trials.trial_codec import TrialCodec
from hpcopt.experiment.folder import JOURNAL, read_experiment
from hpcopt.storage import journal_cache
from hpcopt.storage.frames import encode, frame
from hpcopt.storage.journal import Journal
from hpcopt.storage.journal_cache import (
    cache_beside,
    leave_cache,
    read_cache,
    write_cache,
)
from hpcopt.storage.journal_data import HEADER, Position
from hpcopt.storage.journal_file import JournalFile
from hpcopt.storage.journal_tail import JournalTail
from hpcopt.storage.lease import Lease
from tests.support.random_journals import random_journal
from tests.support.store_contract import BEGUN, EVENTS

ME = os.geteuid()

#: Those that earlier versions have written.
JOURNALS = Path(__file__).parents[1] / "compatibility" / "fixtures"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / JOURNAL


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal's path that every example of a property writes anew."""
    return tmp_path_factory.mktemp("scratch") / JOURNAL


def as_read(events: list[ev.Event]) -> bytes:
    return HEADER + b"".join(frame(encode(event)) for event in events)


def whole_fold(data: bytes, path: Path) -> Experiment | str:
    """What the journal says where there is no cache, or why nothing."""
    beside = path.parent / "alone" / JOURNAL
    beside.parent.mkdir(exist_ok=True)
    beside.write_bytes(data)
    return told(beside)


def told(path: Path) -> Experiment | str:
    """What the journal says, or why nothing."""
    tail = JournalTail(path)
    try:
        tail.update()
    except StorageError as exc:
        return str(exc).replace(str(path), "")
    return tail.experiment or "nothing"


def known(experiment: Experiment | str) -> Any:
    """All that an experiment is, to compare: ``0`` is not ``0.0``, nor ``True`` 1."""
    if isinstance(experiment, str):
        return experiment
    attributes = dict(vars(experiment))
    table = dict(vars(attributes.pop("_table")))
    activity = attributes.pop("driver_activity")
    trials = repr(list(table.pop("_trials")))
    for derived in ("space", "_goals"):
        attributes.pop(derived, None)
    table.pop("_origin")
    calls = Counter(activity.past_calls), activity.past_s, activity.present_calls
    return repr((attributes, table, trials, calls, activity.note, activity.begun_at))


def keep(path: Path, data: bytes) -> None:
    """Write a journal, and the cache of it."""
    path.write_bytes(data)
    cache_beside(path).unlink(missing_ok=True)
    tail = JournalTail(path)
    tail.update()
    assert tail.experiment is not None
    write_cache(path, data, ME, tail.experiment, tail.position)
    assert cache_beside(path).exists()


# What is kept is what the events have made


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 2**32), share=st.floats(0, 1), more=st.floats(0, 1))
def test_a_cache_and_what_follows_are_the_whole_fold(
    scratch: Path, seed: int, share: float, more: float
) -> None:
    events = random_journal(seed)
    n_cached = 1 + int(share * (len(events) - 1))
    n_there = n_cached + int(more * (len(events) - n_cached))
    keep(scratch, as_read(events[:n_cached]))
    scratch.write_bytes(as_read(events[:n_there]))
    tail = JournalTail(scratch)
    tail.update()
    scratch.write_bytes(as_read(events))
    tail.update()
    assert tail.experiment is not None
    assert known(tail.experiment) == known(whole_fold(as_read(events), scratch))


def test_random_journals_hold_everything_that_may_happen() -> None:
    found = {type(event) for seed in range(30) for event in random_journal(seed)}
    assert found == set(get_args(ev.Event))


def test_every_attribute_is_kept(path: Path) -> None:
    keep(path, as_read(list(EVENTS)))
    cached = read_cache(path, path.read_bytes(), ME)
    assert cached is not None
    fresh, kept = Experiment.from_events(EVENTS), cached[0]
    assert vars(kept).keys() == vars(fresh).keys()
    assert vars(kept._table).keys() == vars(fresh._table).keys()
    assert cached[1] == Position(path.stat().st_size, len(EVENTS) + 1)


def test_one_trial_is_decoded_alone(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = []
    decode = TrialCodec.decode

    def noted(codec: TrialCodec, packed: list[Any], index: int) -> Trial:
        decoded.append(index)
        return decode(codec, packed, index)

    monkeypatch.setattr(TrialCodec, "decode", noted)
    keep(path, as_read(list(EVENTS)))
    decoded.clear()
    tail = JournalTail(path)
    tail.update()
    assert tail.experiment is not None
    assert decoded == []
    assert tail.experiment.trial(2).index == 2
    assert tail.experiment.trial(2).index == 2
    assert decoded == [2]
    assert [trial.index for trial in tail.experiment.trials] == list(range(5))
    assert decoded == [2, 0, 1, 3, 4]
    assert tail.experiment.copy().trials == tail.experiment.trials
    assert len(decoded) == 5
    with pytest.raises(StorageError, match="trial 5 does not exist; there are 0 to 4"):
        tail.experiment.trial(5)


def test_what_older_journals_have_come_to_is_what_it_was() -> None:
    # What is kept is not folded again. Where this fails an event has come to mean
    # something else: raise ``VERSION`` of hpcopt/storage/journal_cache.py, and write
    # what is found here.
    found = {}
    for path in sorted(JOURNALS.glob("*/*/experiment/journal.jsonl")):
        tail = JournalTail(path)
        tail.update()
        assert tail.experiment is not None
        _, trials = experiment_to_json(tail.experiment)
        name = "/".join(path.parts[-4:-2])
        found[name] = crc32(json.dumps(trials).encode())
    expected = {
        "0.1.0/array": 1139136062,
        "0.1.0/asked": 1655013420,
        "0.1.0/ended": 3633227797,
        "0.1.0/killed": 881264776,
        "0.1.0/packed": 1353520985,
    }
    assert (journal_cache.VERSION, found) == (2, expected)


# It is never believed wrongly


@pytest.fixture(scope="module")
def example() -> bytes:
    return as_read(random_journal(7))


@pytest.mark.parametrize("seed", range(8))
def test_a_damaged_cache_is_not_read(scratch: Path, example: bytes, seed: int) -> None:
    rng = random.Random(seed)
    keep(scratch, example)
    whole, expected = cache_beside(scratch).read_bytes(), known(told(scratch))
    assert expected == known(whole_fold(example, scratch))
    for _ in range(100):
        damaged = bytearray(whole)
        match rng.randrange(4):
            case 0:
                damaged[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
            case 1:
                del damaged[rng.randrange(len(whole)) :]
            case 2:
                begin = rng.randrange(len(whole))
                del damaged[begin : begin + rng.randrange(1, 40)]
            case _:
                damaged.insert(rng.randrange(len(whole) + 1), rng.randrange(256))
        cache_beside(scratch).write_bytes(damaged)
        assert read_cache(scratch, example, ME) is None
        assert known(told(scratch)) == expected


@pytest.mark.parametrize("seed", range(8))
def test_a_changed_journal_is_read_as_if_there_were_no_cache(
    scratch: Path, example: bytes, seed: int
) -> None:
    rng = random.Random(seed)
    events = random_journal(7)
    n_cached = rng.randrange(1, len(events) + 1)
    keep(scratch, as_read(events[:n_cached]))
    for _ in range(60):
        changed = bytearray(example)
        match rng.randrange(4):
            case 0:
                changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
            case 1:
                del changed[rng.randrange(len(changed)) :]
            case 2:  # an event less, or another in its place, as a person may edit
                lines = example.splitlines(keepends=True)
                k = rng.randrange(1, len(lines))
                note = ev.DriverNoted(1.0, "edited")
                lines[k : k + 1] = [frame(encode(note))] if rng.random() < 0.5 else []
                changed = bytearray(b"".join(lines))
            case _:
                changed = bytearray(as_read(random_journal(rng.randrange(99))))
        scratch.write_bytes(changed)
        assert known(told(scratch)) == known(whole_fold(bytes(changed), scratch))


def test_a_cache_of_another_version_is_not_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(path, as_read(list(EVENTS)))
    assert read_cache(path, path.read_bytes(), ME) is not None
    monkeypatch.setattr(journal_cache, "_MADE_BY", "0.3.0, 1, abc")
    assert read_cache(path, path.read_bytes(), ME) is None


def test_a_cache_that_others_may_write_is_not_read(path: Path) -> None:
    keep(path, as_read(list(EVENTS)))
    data, cache = path.read_bytes(), cache_beside(path)
    assert cache.stat().st_mode & 0o022 == 0
    for mode in (0o664, 0o646, 0o602):
        cache.chmod(mode)
        assert read_cache(path, data, ME) is None
    cache.chmod(0o644)
    assert read_cache(path, data, ME) is not None
    assert read_cache(path, data, ME + 1) is None  # of another than the journal


def test_what_is_no_regular_file_is_not_read(path: Path) -> None:
    keep(path, as_read(list(EVENTS)))
    data, cache = path.read_bytes(), cache_beside(path)
    elsewhere = cache.rename(path.with_name("elsewhere"))
    cache.symlink_to(elsewhere)
    assert read_cache(path, data, ME) is None
    cache.unlink()
    os.mkfifo(cache, 0o600)  # which would wait for a writer
    assert read_cache(path, data, ME) is None
    cache.unlink()
    cache.mkdir()
    assert read_cache(path, data, ME) is None
    cache.rmdir()
    with cache.open("wb") as file:
        file.truncate(2**40)
    assert read_cache(path, data, ME) is None


def test_a_cache_replaces_a_link_and_not_what_it_leads_to(path: Path) -> None:
    precious = path.with_name("precious")
    precious.write_text("precious")
    path.write_bytes(as_read(list(EVENTS)))
    cache_beside(path).symlink_to(precious)
    tail = JournalTail(path)
    tail.update()
    assert tail.experiment is not None
    write_cache(path, path.read_bytes(), ME, tail.experiment, tail.position)
    assert precious.read_text() == "precious"
    assert not cache_beside(path).is_symlink()
    assert read_cache(path, path.read_bytes(), ME) is not None


def test_who_may_not_read_the_journal_may_not_read_the_cache(path: Path) -> None:
    path.write_bytes(as_read(list(EVENTS)))
    path.chmod(0o640)
    keep(path, path.read_bytes())
    assert cache_beside(path).stat().st_mode & 0o777 == 0o640


# Who leaves one


def files(path: Path) -> list[str]:
    return sorted(beside.name for beside in path.parent.iterdir())


def which(path: Path) -> int | None:
    """Which file the cache is, if there is one; each new one is another."""
    cache = cache_beside(path)
    return cache.stat().st_ino if cache.exists() else None


def many(n: int) -> list[ev.Event]:
    notes = [ev.DriverNoted(float(k), f"note {k}") for k in range(n - len(EVENTS))]
    return [*EVENTS, *notes]


def test_a_reader_of_many_events_leaves_a_cache(path: Path) -> None:
    path.write_bytes(as_read(many(2000)))
    assert read_experiment(path.parent).n_events == 2000
    assert files(path) == [JOURNAL]
    path.write_bytes(as_read(many(2001)))
    read_experiment(path.parent)
    first = which(path)
    path.write_bytes(as_read(many(4001)))
    assert read_experiment(path.parent).n_events == 4001
    assert which(path) == first  # it saves enough as it is
    path.write_bytes(as_read(many(4002)))
    assert read_experiment(path.parent).n_events == 4002
    assert which(path) != first
    assert files(path) == ["journal.cache", JOURNAL]


def test_of_many_events_a_tenth_is_folded_anew_without_a_new_cache() -> None:
    assert journal_cache.is_worth_keeping(100_000, 80_000)
    assert not journal_cache.is_worth_keeping(100_000, 90_000)


def test_who_only_follows_a_journal_leaves_none(path: Path) -> None:
    path.write_bytes(as_read(many(3000)))
    JournalTail(path).update()
    assert files(path) == [JOURNAL]


def test_a_driver_that_ends_leaves_what_its_journal_has_come_to(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_cache, "_FEW_EVENTS", 30)
    for seed in range(10):
        events = random_journal(seed)
        path.unlink(missing_ok=True)
        cache_beside(path).unlink(missing_ok=True)
        with Lease.acquire(path.with_name("lease.json"), heartbeat_s=None) as lease:
            store = JournalFile.create(path, lease)
            journal = Journal.begin(store, BEGUN)
            for event in events[1:]:
                journal.append(event)
            store.close()
        leave_cache(path, journal.experiment)
        cached = read_cache(path, path.read_bytes(), ME)
        assert cached is not None
        assert cached[1] == Position(path.stat().st_size, len(events) + 1)
        assert known(cached[0]) == known(whole_fold(path.read_bytes(), path))


def test_a_driver_leaves_a_cache_where_it_saves_time(path: Path) -> None:
    for n, is_new in ((2000, False), (2001, True), (4001, False), (4002, True)):
        before = which(path)
        path.write_bytes(as_read(many(n)))
        leave_cache(path, Experiment.from_events(many(n)))
        assert (which(path) != before) == is_new


def test_a_driver_leaves_none_of_what_another_goes_on_writing(path: Path) -> None:
    path.write_bytes(as_read(many(3001)))
    leave_cache(path, Experiment.from_events(many(3000)))
    assert files(path) == [JOURNAL]
    path.unlink()
    leave_cache(path, Experiment.from_events(many(3000)))
    assert files(path) == []


def test_who_is_not_the_owner_leaves_none(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(as_read(many(3000)))
    monkeypatch.setattr(os, "geteuid", lambda: ME + 1)
    assert read_experiment(path.parent).n_events == 3000
    assert files(path) == [JOURNAL]


def test_where_none_can_be_left_reading_goes_on(
    path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full(fd: int, data: memoryview) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    path.write_bytes(as_read(many(3000)))
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        assert read_experiment(path.parent).n_events == 3000
    assert capfd.readouterr() == ("", "")
    assert files(path) == [JOURNAL]


def test_a_journal_that_is_not_begun_is_said_to_be_so(path: Path) -> None:
    path.write_bytes(HEADER)
    with pytest.raises(StorageError, match="ExperimentBegun, found nothing"):
        read_experiment(path.parent)
