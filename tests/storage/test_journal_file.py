from __future__ import annotations

import errno
import logging
import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from hpcopt.core import events as ev
from hpcopt.core.errors import JournalDamagedError, LeaseLostError, StorageError
from hpcopt.storage.frames import encode, frame
from hpcopt.storage.journal_file import JournalFile
from hpcopt.storage.lease import Lease
from tests.support.store_contract import BEGUN, EVENTS, StoreContract
from tests.support.uncounted import uncounted

HEADER = frame(b'{"format":"hpcopt journal","version":1}')
LINES = [frame(encode(event)) for event in EVENTS]
WHOLE = HEADER + b"".join(LINES)


@pytest.fixture(scope="module")
def lease(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lease]:
    path = tmp_path_factory.mktemp("lease") / "lease.json"
    with Lease.acquire(path, heartbeat_s=None) as lease:
        yield lease


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal's path that every example of a property writes anew."""
    return tmp_path_factory.mktemp("scratch") / "journal.jsonl"


def read(path: Path) -> list[ev.Event]:
    return list(JournalFile.open_for_reading(path).read())


def ended(reason: str, counts: dict[str, int] | None = None) -> ev.DriverEnded:
    return ev.DriverEnded(1.0, reason, counts or {})


class TestJournalFile(StoreContract):
    @pytest.fixture
    def make(self, tmp_path: Path, lease: Lease) -> Iterator[Callable[[], JournalFile]]:
        made: list[JournalFile] = []

        def make() -> JournalFile:
            made.append(JournalFile.create(tmp_path / f"{len(made)}.jsonl", lease))
            return made[-1]

        yield make
        for store in made:
            store.close()


# What is written


def test_the_file_is_a_header_and_a_framed_line_an_event(
    path: Path, lease: Lease
) -> None:
    store = JournalFile.create(path, lease)
    store.append(EVENTS)
    store.close()
    assert path.read_bytes() == WHOLE
    first = path.read_text().splitlines()[0]
    assert first == '39 86c8f6ec {"format":"hpcopt journal","version":1}'


def test_a_journal_that_is_there_is_not_created_again(path: Path, lease: Lease) -> None:
    path.write_bytes(WHOLE)
    with pytest.raises(StorageError, match=r"journal\.jsonl: .* File exists"):
        JournalFile.create(path, lease)
    assert path.read_bytes() == WHOLE


def test_a_journal_is_created_once_and_opened_ever_after(
    path: Path, lease: Lease
) -> None:
    for event in EVENTS:
        store = JournalFile.open_or_create(path, lease)
        store.append([event])
        store.close()
    assert path.read_bytes() == WHOLE


def test_a_journal_in_no_folder_is_not_created(tmp_path: Path, lease: Lease) -> None:
    with pytest.raises(StorageError, match="No such file or directory"):
        JournalFile.create(tmp_path / "missing" / "journal.jsonl", lease)


@settings(max_examples=50, deadline=None)
@given(
    batches=st.lists(
        st.lists(
            st.builds(
                ended,
                st.text(st.characters(), max_size=30),
                st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
            ),
            max_size=4,
        ),
        max_size=4,
    )
)
def test_any_events_in_any_batches_come_back(
    scratch: Path, lease: Lease, batches: list[list[ev.Event]]
) -> None:
    scratch.unlink(missing_ok=True)
    store = JournalFile.create(scratch, lease)
    for batch in batches:
        store.append(batch)
    store.close()
    assert read(scratch) == [event for batch in batches for event in batch]


def test_an_event_is_on_disk_before_append_returns(
    path: Path, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    write, fsync = os.write, os.fsync

    def noted_write(fd: int, data: memoryview) -> int:
        calls.append("write")
        return write(fd, data)

    def noted_fsync(fd: int) -> None:
        calls.append("fsync")
        fsync(fd)

    monkeypatch.setattr(os, "write", noted_write)
    monkeypatch.setattr(os, "fsync", noted_fsync)
    store = JournalFile.create(path, lease)
    calls.clear()
    store.append(EVENTS)
    store.close()
    assert calls == ["write", "fsync"]


def test_a_journal_that_is_taken_up_is_read_from_disk_once(
    path: Path, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = JournalFile.create(path, lease)
    store.append(EVENTS)
    store.close()
    n_reads = 0
    read_bytes = Path.read_bytes

    def counted(one: Path) -> bytes:
        nonlocal n_reads
        n_reads += one == path
        return read_bytes(one)

    monkeypatch.setattr(Path, "read_bytes", counted)
    store = JournalFile.open_for_writing(path, lease)
    assert list(store.read()) == list(EVENTS)
    assert n_reads == 1
    # Afterwards, and once more was added, what is on disk counts.
    assert list(store.read()) == list(EVENTS)
    store.close()
    store = JournalFile.open_for_writing(path, lease)
    store.append(EVENTS[1:2])
    assert list(store.read()) == [*EVENTS, EVENTS[1]]
    store.close()


# What is read


def events_in(data: bytes) -> int:
    """How many events lie whole in ``data``, a beginning of ``WHOLE``."""
    return max(0, data.count(b"\n") - 1)


def test_a_journal_cut_anywhere_reads_as_a_prefix(path: Path) -> None:
    for size in range(len(WHOLE) + 1):
        path.write_bytes(WHOLE[:size])
        assert read(path) == list(EVENTS[: events_in(WHOLE[:size])])


@pytest.mark.slow
def test_a_journal_cut_anywhere_can_be_continued(
    path: Path, lease: Lease, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    more = ended("killed, and taken up again")
    for size in range(0, len(WHOLE) + 1, 3):
        for kept in path.parent.glob("journal.torn-*"):
            kept.unlink()
        path.write_bytes(WHOLE[:size])
        store = JournalFile.open_for_writing(path, lease)
        store.append([more])
        store.close()
        n = events_in(WHOLE[:size])
        assert read(path) == [*EVENTS[:n], more]
        torn = WHOLE[:size].rpartition(b"\n")[2]
        found = [kept.read_bytes() for kept in path.parent.glob("journal.torn-*")]
        assert found == ([torn] if torn else [])


def test_a_torn_end_is_kept_beside_the_journal_and_reported(
    path: Path, lease: Lease, caplog: pytest.LogCaptureFixture
) -> None:
    (path.parent / "journal.torn-0").write_bytes(b"of an earlier time")
    path.write_bytes(WHOLE + LINES[-1][:-1])
    JournalFile.open_for_writing(path, lease).close()
    assert path.read_bytes() == WHOLE
    assert (path.parent / "journal.torn-1").read_bytes() == LINES[-1][:-1]
    assert f"last {len(LINES[-1]) - 1} bytes" in caplog.text
    assert "journal.torn-1" in caplog.text


def test_a_torn_end_of_zeros_is_taken_off(path: Path, lease: Lease) -> None:
    path.write_bytes(WHOLE + bytes(5000))
    JournalFile.open_for_writing(path, lease).close()
    assert path.read_bytes() == WHOLE


def test_a_torn_end_of_several_lines_is_taken_off_whole(
    path: Path, lease: Lease
) -> None:
    path.write_bytes(WHOLE + b"x\ny\n" + LINES[-1][:20])
    JournalFile.open_for_writing(path, lease).close()
    assert path.read_bytes() == WHOLE
    kept = path.parent / "journal.torn-0"
    assert kept.read_bytes() == b"x\ny\n" + LINES[-1][:20]


def test_a_reader_leaves_a_torn_end_alone(path: Path) -> None:
    path.write_bytes(WHOLE[:-7])
    assert read(path) == list(EVENTS[:-1])
    assert path.read_bytes() == WHOLE[:-7]
    assert [p.name for p in path.parent.iterdir()] == ["journal.jsonl"]


def test_a_reader_follows_a_journal_that_is_being_written(
    path: Path, lease: Lease
) -> None:
    store = JournalFile.create(path, lease)
    reader = JournalFile.open_for_reading(path)
    for n, event in enumerate(EVENTS):
        assert list(reader.read()) == list(EVENTS[:n])
        store.append([event])
    store.close()
    assert list(reader.read()) == list(EVENTS)


@settings(max_examples=400, deadline=None)
@given(
    position=st.integers(len(HEADER), len(WHOLE) - 1),
    byte=st.one_of(st.sampled_from(b"\n 0123456789abcdef{}\0"), st.integers(0, 255)),
)
def test_a_changed_byte_is_never_read_as_another_event(
    scratch: Path, position: int, byte: int
) -> None:
    changed = bytearray(WHOLE)
    changed[position] = byte
    scratch.write_bytes(changed)
    if bytes(changed) == WHOLE:
        assert read(scratch) == list(EVENTS)
    elif position >= len(WHOLE) - len(LINES[-1]):
        assert read(scratch) == list(EVENTS[:-1])
    else:
        with pytest.raises(JournalDamagedError, match=r"line \d+, byte \d+"):
            read(scratch)


@pytest.mark.parametrize("byte", list(b"0123456789 x"), ids=chr)
def test_a_line_break_that_was_changed_hides_no_event(path: Path, byte: int) -> None:
    changed = bytearray(WHOLE)
    changed[len(WHOLE) - len(LINES[-1]) - 1] = byte
    path.write_bytes(changed)
    with pytest.raises(JournalDamagedError, match=f"line {len(LINES)}, "):
        read(path)


def test_damage_is_reported_with_its_place_and_changes_nothing(
    path: Path, lease: Lease
) -> None:
    start = len(HEADER) + len(LINES[0])
    damaged = WHOLE[:start] + b"#" + WHOLE[start + 1 :]
    path.write_bytes(damaged)
    where = re.escape(f"{path}, line 3, byte {start}: expected a length, a checksum")
    with pytest.raises(JournalDamagedError, match=where):
        JournalFile.open_for_writing(path, lease)
    assert path.read_bytes() == damaged
    stream = JournalFile.open_for_reading(path).read()
    assert next(stream) == EVENTS[0]
    with pytest.raises(JournalDamagedError, match=where):
        next(stream)


def test_a_changed_header_is_damage(path: Path) -> None:
    for position in range(len(HEADER)):
        changed = bytearray(WHOLE)
        changed[position] ^= 0x04
        path.write_bytes(changed)
        with pytest.raises(JournalDamagedError, match=r"line 1, byte 0: expected"):
            read(path)


def test_a_journal_of_another_format_is_not_called_damaged(path: Path) -> None:
    path.write_bytes(frame(b'{"format":"hpcopt journal","version":2}'))
    with pytest.raises(StorageError, match="of this version of hpcopt") as caught:
        read(path)
    assert type(caught.value) is StorageError


def test_an_event_of_a_newer_version_is_reported_with_its_line(path: Path) -> None:
    path.write_bytes(HEADER + LINES[0] + frame(b'{"event":"Moon","time":1}'))
    with pytest.raises(
        StorageError, match=r"line 3: expected a known kind of event, found 'Moon'"
    ):
        read(path)


def test_what_is_wrong_in_a_long_journal_is_reported_after_all_that_is_before_it(
    path: Path,
) -> None:
    notes = [ev.DriverNoted(float(k), "") for k in range(2500)]
    lines = [frame(encode(note)) for note in notes]
    moon = frame(b'{"event":"Moon","time":1}')
    for wrong, message in ((b"#\n", "line 2202, byte"), (moon, "line 2202: .*'Moon'")):
        path.write_bytes(HEADER + b"".join([*lines[:2200], wrong, *lines[2200:]]))
        found: list[ev.Event] = []
        with pytest.raises(StorageError, match=message):
            found.extend(JournalFile.open_for_reading(path).read())
        assert found == notes[:2200]


@pytest.mark.parametrize("verb", ["read", "write"])
def test_a_missing_journal_is_reported_with_its_path(
    path: Path, lease: Lease, verb: str
) -> None:
    with pytest.raises(StorageError, match=r"journal\.jsonl: .* No such file"):
        read(path) if verb == "read" else JournalFile.open_for_writing(path, lease)


def test_a_journal_that_is_open_for_reading_takes_no_events(path: Path) -> None:
    path.write_bytes(WHOLE)
    reader = JournalFile.open_for_reading(path)
    with pytest.raises(StorageError, match="not open for writing"):
        reader.append([ended("no")])
    assert path.read_bytes() == WHOLE


# What fails


class _Disk:
    """Stands in for ``os.write``: so many bytes at a time, and then an error."""

    def __init__(self, chunk: int, room: int, code: int = errno.ENOSPC) -> None:
        self._chunk = chunk
        self._room = room
        self._code = code
        self._write = os.write

    def __call__(self, fd: int, data: memoryview) -> int:
        size = min(self._chunk, self._room, len(data))
        if size == 0:
            raise OSError(self._code, os.strerror(self._code))
        self._room -= size
        return self._write(fd, data[:size])


@settings(max_examples=60, deadline=None)
@given(
    chunk=st.integers(1, 200),
    room=st.integers(0, sum(map(len, LINES))),
    code=st.sampled_from([errno.ENOSPC, errno.EIO, errno.EDQUOT]),
)
def test_a_write_that_fails_adds_nothing(
    scratch: Path, lease: Lease, chunk: int, room: int, code: int
) -> None:
    scratch.unlink(missing_ok=True)
    store = JournalFile.create(scratch, lease)
    store.append([BEGUN])
    size = sum(map(len, LINES[1:]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", _Disk(chunk, room, code))
        if room < size:
            words = re.escape(f"{scratch}: {size} bytes could not be written: ")
            with pytest.raises(StorageError, match=words + os.strerror(code)):
                store.append(EVENTS[1:])
            assert scratch.read_bytes() == HEADER + LINES[0]
        else:
            store.append(EVENTS[1:])
    if room < size:
        store.append(EVENTS[1:])
    store.close()
    assert scratch.read_bytes() == WHOLE


def test_a_sync_that_fails_adds_nothing(
    path: Path, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = JournalFile.create(path, lease)
    fsync = os.fsync
    answers: list[OSError | None] = [OSError(errno.EIO, "Input/output error"), None]

    def failing(fd: int) -> None:
        answer = answers.pop(0)
        if answer is not None:
            raise answer
        fsync(fd)

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(StorageError, match=r"Input/output error; nothing was added"):
        store.append([BEGUN])
    store.close()
    assert answers == []
    assert path.read_bytes() == HEADER


def test_an_interrupted_append_adds_nothing(
    path: Path, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = JournalFile.create(path, lease)
    write = os.write

    def interrupted(fd: int, data: memoryview) -> int:
        write(fd, data[:10])
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "write", interrupted)
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        store.append([BEGUN])
    monkeypatch.undo()
    store.append([BEGUN])
    store.close()
    assert path.read_bytes() == HEADER + LINES[0]


def test_after_a_write_that_cannot_be_taken_back_nothing_is_appended(
    path: Path, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(fd: int, size: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    store = JournalFile.create(path, lease)
    store.append([BEGUN])
    monkeypatch.setattr(os, "write", _Disk(chunk=100, room=50))
    monkeypatch.setattr(os, "ftruncate", broken)
    with pytest.raises(StorageError, match="could not be taken off: Input/output"):
        store.append(EVENTS[1:])
    monkeypatch.undo()
    with pytest.raises(StorageError, match="start the driver again to repair"):
        store.append(EVENTS[1:])
    store.close()
    assert read(path) == [BEGUN]
    store = JournalFile.open_for_writing(path, lease)
    store.append(EVENTS[1:])
    store.close()
    assert path.read_bytes() == WHOLE


_FULL_DISK = """
import resource, sys
from pathlib import Path
from hpcopt.core.errors import StorageError
from hpcopt.core.events import DriverEnded
from hpcopt.storage.journal_file import JournalFile
from hpcopt.storage.lease import Lease

path = Path(sys.argv[1])
lease = Lease.acquire(path.parent / "lease.json")
store = JournalFile.create(path, lease)
store.append([DriverEnded(1.0, "small")])
size = path.stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 1000, resource.RLIM_INFINITY))
try:
    store.append([DriverEnded(2.0, "large" * 1000)])
except StorageError as exc:
    print(exc)
assert path.stat().st_size == size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10000, resource.RLIM_INFINITY))
store.append([DriverEnded(3.0, "large" * 1000)])
lease.release()
"""


def test_a_file_that_may_not_grow_keeps_what_it_has(path: Path) -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    done = subprocess.run(
        [sys.executable, "-c", _FULL_DISK, str(path)],
        capture_output=True,
        text=True,
        env=uncounted(),
    )
    assert done.stderr == ""
    assert "File too large; nothing was added" in done.stdout
    assert [event.time for event in read(path)] == [1.0, 3.0]


_WRITES_UNTIL_KILLED = """
import sys
from pathlib import Path
from hpcopt.core.events import DriverEnded
from hpcopt.storage.journal_file import JournalFile
from hpcopt.storage.lease import Lease

path = Path(sys.argv[1])
lease = Lease.acquire(path.parent / "lease.json")
store = JournalFile.open_or_create(path, lease)
n = len(list(store.read()))
while True:
    store.append([DriverEnded(float(k), "x" * 3000) for k in range(n, n + 3)])
    n += 3
    print(n, flush=True)
"""


def test_a_killed_writer_loses_nothing_that_it_had_written(path: Path) -> None:
    n_written = 0
    for _ in range(5):
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITES_UNTIL_KILLED, str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout is not None
        for _ in range(7):
            assert writer.stdout.readline()
        writer.kill()
        out, err = writer.communicate()
        assert "Traceback" not in err
        whole_lines = out.rpartition("\n")[0].splitlines()
        n_written = max([n_written + 21, *map(int, whole_lines)])
        times = [event.time for event in read(path)]
        assert times == [float(k) for k in range(len(times))]
        assert len(times) >= n_written
        n_written = len(times)


# Who may write


class _LostLease(Lease):
    """Stands in for a lease that another driver takes while this one sleeps."""

    def __init__(self, good_checks: int) -> None:
        self._good_checks = good_checks

    @override
    def check(self) -> None:
        self._good_checks -= 1
        if self._good_checks < 0:
            raise LeaseLostError("taken over")


def test_nothing_is_added_once_the_lease_is_lost(path: Path) -> None:
    store = JournalFile.create(path, _LostLease(good_checks=3))
    store.append([BEGUN])
    with pytest.raises(LeaseLostError, match="taken over"):
        store.append(EVENTS[1:])
    store.close()
    assert read(path) == [BEGUN]


@pytest.mark.parametrize("exists", [True, False])
def test_without_the_lease_no_journal_is_opened(path: Path, exists: bool) -> None:
    if exists:
        path.write_bytes(WHOLE[:-3])
    open_ = JournalFile.open_for_writing if exists else JournalFile.create
    with pytest.raises(LeaseLostError, match="taken over"):
        open_(path, _LostLease(good_checks=0))
    assert path.exists() == exists
    assert not exists or path.read_bytes() == WHOLE[:-3]


def test_what_a_successor_has_written_is_not_taken_back(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = JournalFile.create(path, _LostLease(good_checks=3))

    def hang_and_fail(fd: int, data: memoryview) -> int:
        with path.open("ab") as file:
            file.write(LINES[0])
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "write", hang_and_fail)
    with pytest.raises(LeaseLostError, match="taken over"):
        store.append(EVENTS[1:])
    store.close()
    assert read(path) == [BEGUN]


def test_a_journal_that_something_else_wrote_to_is_not_written(
    path: Path, lease: Lease
) -> None:
    store = JournalFile.create(path, lease)
    with path.open("ab") as file:
        file.write(b"hello\n")
    with pytest.raises(StorageError, match="something else than this driver"):
        store.append([BEGUN])
    store.close()
    assert path.read_bytes() == HEADER + b"hello\n"


def test_the_events_of_these_tests_are_of_every_kind() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(ev.Event))
