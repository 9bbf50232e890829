from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from hpcopt.core.errors import LeaseHeldError, LeaseLostError, StorageError
from hpcopt.host.process import Process
from hpcopt.storage.lease import Lease
from hpcopt.storage.lease_holder import read_lease
from tests.support.fake_clock import FakeClock

HERE = Process.this()
ELSEWHERE = replace(HERE, host="login9", pid=4242)
REBOOTED = replace(HERE, boot_id="before the reboot")
REUSED_PID = replace(HERE, start_time=HERE.start_time - 1)
CONTAINED = replace(HERE, pid_namespace="pid:[1]")

_HOLDER = """
import sys, time
from pathlib import Path
from hpcopt.storage.lease import Lease
lease = Lease.acquire(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(600)
"""

_TAKER = """
import sys
from pathlib import Path
from hpcopt.core.errors import LeaseHeldError
from hpcopt.storage.lease import Lease
path = Path(sys.argv[1])
for line in sys.stdin:
    try:
        lease = Lease.acquire(path)
    except LeaseHeldError:
        print("refused", flush=True)
        continue
    lease.check()
    print("won", flush=True)
    sys.stdin.readline()
    lease.check()
    lease.release()
    print("released", flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "lease.json"


def leave(path: Path, process: Process) -> Lease:
    """Leave a lease as ``process`` would, had it just died."""
    return Lease.acquire(path, process=process, heartbeat_s=None)


def age(path: Path, seconds: float) -> None:
    """Make a lease one that was written that long ago."""
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


def names(path: Path) -> list[str]:
    return sorted(p.name for p in path.parent.iterdir())


@contextmanager
def python(code: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go on\n")
    process.stdin.flush()


# One driver


def test_a_lease_says_who_holds_it(path: Path) -> None:
    with Lease.acquire(path) as lease:
        lease.check()
        holder = read_lease(path)
        assert holder is not None
        assert holder.process == HERE
        assert names(path) == ["lease.json"]


def test_a_released_lease_is_gone_and_can_be_taken(path: Path) -> None:
    lease = Lease.acquire(path)
    lease.release()
    lease.release()
    assert names(path) == []
    with pytest.raises(LeaseLostError, match="this driver's lease, found none"):
        lease.check()
    Lease.acquire(path).release()


def test_a_second_driver_is_refused_with_the_name_of_the_first(path: Path) -> None:
    with Lease.acquire(path) as first:
        with pytest.raises(LeaseHeldError) as caught:
            Lease.acquire(path)
        first.check()
    text = str(caught.value)
    assert f"the experiment in {path.parent} is run by driver pid {HERE.pid}" in text
    assert f"on host {HERE.host} since " in text
    assert text.endswith(f"stop it with: hpcopt stop {path.parent}")
    assert names(path) == []


def test_a_lease_in_no_folder_is_not_taken(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"take the lease: .*No such file"):
        Lease.acquire(tmp_path / "missing" / "lease.json")


def test_a_file_system_without_links_is_reported(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(StorageError, match=r"take the lease: .*not permitted"):
        Lease.acquire(path)
    assert names(path) == []


@pytest.mark.parametrize("content", ["", "[1]", "{}", '{"process": {}}', "\udcff"])
def test_a_file_that_is_no_lease_is_reported_and_left_alone(
    path: Path, content: str
) -> None:
    path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(StorageError, match="expected a lease, found something else"):
        Lease.acquire(path)
    assert names(path) == ["lease.json"]


def test_the_answer_about_a_link_that_was_lost_does_no_harm(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def link_twice(source: Path, target: Path) -> None:
        link(source, target)
        link(source, target)

    monkeypatch.setattr(os, "link", link_twice)
    with Lease.acquire(path) as lease:
        lease.check()


# A dead driver on this host


def test_a_killed_drivers_lease_is_taken_over_at_once(path: Path) -> None:
    with python(_HOLDER, path) as holder:
        assert line(holder) == "held"
        with pytest.raises(LeaseHeldError, match=f"driver pid {holder.pid} "):
            Lease.acquire(path)
        holder.kill()
        holder.wait()
        with Lease.acquire(path) as lease:
            lease.check()
            assert names(path) == ["lease.json"]


def test_a_killed_driver_that_nobody_waits_for_is_dead(path: Path) -> None:
    with python(_HOLDER, path) as holder:
        assert line(holder) == "held"
        os.kill(holder.pid, signal.SIGKILL)
        os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)
        with Lease.acquire(path) as lease:
            lease.check()


def test_a_stopped_driver_is_alive(path: Path) -> None:
    with python(_HOLDER, path) as holder:
        assert line(holder) == "held"
        os.kill(holder.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, holder.pid, os.WSTOPPED | os.WNOWAIT)
        with pytest.raises(LeaseHeldError, match=f"driver pid {holder.pid} "):
            Lease.acquire(path)


@pytest.mark.parametrize(
    ("dead", "silent_s"),
    [(REUSED_PID, 0), (REBOOTED, 60), (ELSEWHERE, 60), (CONTAINED, 60)],
    ids=["reused pid", "rebooted", "another host", "a container"],
)
def test_what_is_known_to_be_dead_is_succeeded_at_once(
    path: Path, dead: Process, silent_s: float
) -> None:
    old = leave(path, dead)
    age(path, silent_s)
    clock = FakeClock(0)
    with Lease.acquire(path, clock=clock.now, sleep=clock.wait) as lease:
        lease.check()
        assert clock.now() == 0
        with pytest.raises(
            LeaseLostError, match=f"found that of driver pid {HERE.pid} "
        ):
            old.check()
        old.beat()
        old.release()
        lease.check()
        assert names(path) == ["lease.json"]


def test_a_taker_that_died_on_its_way_is_succeeded_too(path: Path) -> None:
    leave(path, REUSED_PID)
    holder = read_lease(path)
    assert holder is not None
    leave(path.with_name(f"lease.json.after-{holder.token}"), REUSED_PID)
    with Lease.acquire(path) as lease:
        lease.check()
        assert names(path) == ["lease.json"]


def test_a_taker_that_is_on_its_way_is_not_disturbed(path: Path) -> None:
    leave(path, REUSED_PID)
    holder = read_lease(path)
    assert holder is not None
    right = leave(path.with_name(f"lease.json.after-{holder.token}"), HERE)
    with pytest.raises(LeaseHeldError, match=f"driver pid {HERE.pid} "):
        Lease.acquire(path)
    right.check()
    assert read_lease(path) == holder


def test_a_taker_that_comes_late_lets_the_winner_be(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(path, REUSED_PID)
    winners: list[Lease] = []
    link = os.link

    def link_late(source: Path, target: Path) -> None:
        if ".after-" in Path(target).name and not winners:
            monkeypatch.undo()
            winners.append(Lease.acquire(path))
        link(source, target)

    monkeypatch.setattr(os, "link", link_late)
    with pytest.raises(LeaseHeldError, match=f"driver pid {HERE.pid} "):
        Lease.acquire(path)
    winners[0].check()
    assert names(path) == ["lease.json"]
    winners[0].release()


def test_of_many_takers_of_a_dead_drivers_lease_exactly_one_wins(path: Path) -> None:
    with (
        python(_TAKER, path) as a,
        python(_TAKER, path) as b,
        python(_TAKER, path) as c,
    ):
        takers = [a, b, c]
        for round_ in range(100):
            if round_ % 4:  # every fourth round there is nobody to succeed
                leave(path, REUSED_PID)
            for taker in takers:
                tell(taker)
            answers = [line(taker) for taker in takers]
            assert sorted(answers) == ["refused", "refused", "won"]
            winner = takers[answers.index("won")]
            tell(winner)
            assert line(winner) == "released"
            assert names(path) == []


# A driver on another host


@pytest.mark.parametrize(
    "other",
    [ELSEWHERE, CONTAINED, REBOOTED],
    ids=["host", "container", "host of the same name"],
)
@pytest.mark.parametrize("silent_s", [0, 20])
def test_a_silent_driver_elsewhere_is_succeeded_after_the_expiry(
    path: Path, other: Process, silent_s: float
) -> None:
    leave(path, other)
    age(path, silent_s)
    clock = FakeClock(0)
    with Lease.acquire(path, clock=clock.now, sleep=clock.wait, expiry_s=30) as lease:
        lease.check()
    assert clock.now() == 30


def test_a_driver_elsewhere_that_gives_a_sign_of_life_is_left_alone(path: Path) -> None:
    other = leave(path, ELSEWHERE)
    clock = FakeClock(0, meanwhile=[None, None, other.beat])
    with pytest.raises(
        LeaseHeldError, match=r"is run by driver pid 4242 on host login9 since "
    ):
        Lease.acquire(path, clock=clock.now, sleep=clock.wait)
    assert clock.now() == 3
    other.check()


def test_a_driver_elsewhere_that_lets_go_is_followed_at_once(path: Path) -> None:
    other = leave(path, ELSEWHERE)
    clock = FakeClock(0, meanwhile=[None, other.release])
    with Lease.acquire(path, clock=clock.now, sleep=clock.wait) as lease:
        lease.check()
    assert clock.now() == 2


def test_a_hidden_process_of_another_user_is_watched(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = replace(HERE, pid=2**22 + 1)
    leave(path, gone)

    def refuse(pid: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    clock = FakeClock(0)
    Lease.acquire(path, clock=clock.now, sleep=clock.wait).release()
    assert clock.now() == 60


def test_a_heart_beats_by_itself_and_survives_a_failing_disk(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    beats = threading.Semaphore(0)
    answers: list[OSError | None] = [None, None, OSError(errno.EIO, "I/O error")]
    pwrite = os.pwrite

    def noted(fd: int, data: bytes, offset: int) -> int:
        answer = answers.pop(0) if answers else None
        if answer is not None:
            raise answer
        beats.release()
        return pwrite(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", noted)
    with Lease.acquire(path, heartbeat_s=0.001):
        for _ in range(4):
            assert beats.acquire(timeout=60)
        first = read_lease(path)
        assert first is not None
        assert first.heartbeat >= 3
    assert "no sign of life given: [Errno 5] I/O error" in caplog.text


# Children


_FORKS = """
import os, sys
from pathlib import Path
from hpcopt.core.errors import LeaseLostError
from hpcopt.storage.lease import Lease

with Lease.acquire(Path(sys.argv[1]), heartbeat_s=None) as lease:
    child = os.fork()
    if child == 0:
        try:
            lease.check()
        except LeaseLostError as exc:
            lease.release()
            print(exc, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    lease.check()
"""


def test_a_forked_child_does_not_hold_its_parents_lease(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _FORKS, str(path)],
        capture_output=True,
        text=True,
    )
    assert (done.stderr, done.returncode) == ("", 0)
    assert "which holds the lease, found process" in done.stdout
    assert names(path) == []


_LISTS_ITS_FILES = """
import os
for entry in os.listdir("/proc/self/fd"):
    try:
        print(os.readlink(f"/proc/self/fd/{entry}"))
    except FileNotFoundError:
        print("the listing itself")
"""


def test_a_started_program_does_not_hold_its_parents_file(path: Path) -> None:
    with Lease.acquire(path):
        found = subprocess.run(
            [sys.executable, "-c", _LISTS_ITS_FILES],
            close_fds=False,
            capture_output=True,
            text=True,
        )
    assert "the listing itself" in found.stdout
    assert str(path.parent) not in found.stdout
