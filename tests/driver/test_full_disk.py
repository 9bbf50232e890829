"""A disk that is full or read-only: a clear stop, and nothing lost."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpcopt.core.trials.trial import Cause
from hpcopt.experiment.folder import read_experiment
from hpcopt.host.durable import cannot_write, is_lasting
from hpcopt.runners.script.attempt_folder import AttemptFolder
from hpcopt.runners.script.exit_status import CANNOT_WRITE, disk_was_full
from tests.support.cli_world import hpcopt
from tests.support.gated_world import change, make_config
from tests.support.uncounted import uncounted

pytestmark = pytest.mark.slow

#: Enough for the folder of an experiment of three trials, with results of 64 KiB.
SIZE = 4 << 20

RESULT = """
import numpy as np
with h5py.File(folder / "result.h5", "a") as file:
    file["field"] = np.zeros(8192)
"""


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (errno.ENOSPC, "; make room, then continue with hpcopt run"),
        (errno.EDQUOT, "; make room, then continue with hpcopt run"),
        (errno.EROFS, "; make it writable, then continue with hpcopt run"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_what_to_do_is_said(code: int, advice: str) -> None:
    exc = OSError(code, os.strerror(code))
    assert advice in str(cannot_write(Path("/scratch/x"), exc))
    assert is_lasting(exc) is (code != errno.EIO)


@pytest.mark.parametrize(
    ("said", "exit_code", "noted", "expected"),
    [
        ("OSError: [Errno 28] No space left on device", 1, "1", True),
        ("write failed: Disk quota exceeded", 1, "1", True),
        ("it diverged", 1, "1", False),
        ("it diverged", CANNOT_WRITE, "74", False),
        ("", CANNOT_WRITE, None, True),
        ("", 1, None, False),
        ("", 1, "", True),
        ("", None, "", True),
    ],
)
def test_a_program_without_room_is_distinguished_from_one_that_failed(
    said: str, exit_code: int, noted: str | None, expected: bool, tmp_path: Path
) -> None:
    folder = AttemptFolder(tmp_path)
    assert not disk_was_full(folder, 1)
    folder.log.write_text("x" * 50_000 + said + "\n")
    if noted is not None:
        folder.ended.write_text(f"{noted}\n" if noted else "")
    assert disk_was_full(folder, exit_code) is expected


def test_a_failure_where_next_to_no_room_is_left_proves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = AttemptFolder(tmp_path)
    folder.ended.write_text("1\n")
    folder.log.touch()
    found = list(os.statvfs(tmp_path))
    found[1:5] = 4096, 1000, 1500, 1500  # blocks of 4 KiB, of which 1500 are free
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(found))
    assert disk_was_full(folder, 1)
    found[4] = 4000
    assert not disk_was_full(folder, 1)


def test_a_journal_that_may_not_grow_stops_the_run_which_then_continues(
    tmp_path: Path,
) -> None:
    config = make_config(tmp_path)
    # As a full disk, for any user: no file of this process may exceed 2 KiB.
    limited = (
        "import resource, sys; from hpcopt.cli.main import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048));"
        f"sys.argv[1:] = ['run', {str(config)!r}]; main()"
    )
    environment = {**uncounted(), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", limited],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    (line,) = [each for each in done.stderr.splitlines() if each.startswith("error:")]
    assert "journal.jsonl" in line
    assert "File too large" in line
    assert "make room, then continue with hpcopt run" in line
    assert "Traceback" not in done.stderr
    experiment = read_experiment(tmp_path / "out")  # it is whole
    n_attempts = sum(len(t.attempts) for t in experiment.trials)
    hpcopt("run", config)
    trials = read_experiment(tmp_path / "out").trials
    assert [t.status.name for t in trials] == ["COMPLETED"] * 3
    assert sum(len(t.attempts) for t in trials) >= n_attempts


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return a small file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode:
        pytest.fail(
            f"expected to be allowed to mount a small disk: {done.stderr.strip()}; "
            "deselect with -m 'not mount'"
        )
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path, *, leaving: int) -> Path:
    """Fill the disk but for some bytes."""
    hole = folder / "filler"
    with hole.open("ab") as file:
        stat = os.statvfs(folder)
        n = stat.f_bavail * stat.f_frsize - leaving
        os.posix_fallocate(file.fileno(), 0, max(1, n))
    return hole


def full_config(tmp_path: Path, disk: Path) -> Path:
    config = make_config(tmp_path)
    change(config, "folder: out", f"folder: {disk}/out")
    change(config, "parallelism: 3", "parallelism: 1")
    (tmp_path / "program.py").write_text((tmp_path / "program.py").read_text() + RESULT)
    return config


@pytest.mark.mount
@pytest.mark.parametrize("leaving", [0, 4096, 20 * 1024, 60 * 1024])
def test_a_full_disk_stops_the_run_which_then_continues(
    leaving: int, tmp_path: Path, disk: Path
) -> None:
    config = full_config(tmp_path, disk)
    change(config, "max_trials: 3", "max_trials: 1")
    hpcopt("run", config, "-q")
    change(config, "max_trials: 1", "max_trials: 3")
    hole = fill(disk, leaving=leaving)
    done = subprocess.run(
        [sys.executable, "-m", "hpcopt", "run", str(config)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    said = done.stdout + done.stderr
    if leaving <= 20 * 1024:
        assert done.returncode == 1, said
        errors = [e for e in done.stderr.splitlines() if e.startswith("error:")]
        assert len(errors) == 1
        assert str(disk) in errors[0]
        assert "No space left on device" in errors[0]
        assert "make room" in errors[0]
        assert "Traceback" not in done.stderr
    hole.unlink()
    hpcopt("run", config)
    trials = read_experiment(disk / "out").trials
    assert [t.status.name for t in trials] == ["COMPLETED"] * 3
    for trial in trials:  # what found no room is nobody's fault
        assert {a.cause for a in trial.attempts[:-1]} <= {Cause.INFRASTRUCTURE}


@pytest.mark.mount
def test_a_disk_that_became_read_only_stops_the_run_which_then_continues(
    tmp_path: Path, disk: Path
) -> None:
    config = full_config(tmp_path, disk)
    change(config, "max_trials: 3", "max_trials: 1")
    hpcopt("run", config, "-q")
    change(config, "max_trials: 1", "max_trials: 2")
    remount = ["mount", "-o"]
    subprocess.run([*remount, "remount,ro", str(disk)], check=True)
    error = hpcopt("run", config, code=2).stderr
    assert "expected a writable folder" in error
    subprocess.run([*remount, "remount,rw", str(disk)], check=True)
    hpcopt("run", config)
    trials = read_experiment(disk / "out").trials
    assert [t.status.name for t in trials] == ["COMPLETED"] * 2
