from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcopt.core.errors import ConfigError
from hpcopt.core.trials.trial import Cause
from hpcopt.runners.script.attempt_folder import (
    AttemptFiles,
    AttemptFolder,
    Started,
    Stopped,
    attempt_folder,
)
from hpcopt.runners.script.exit_status import exit_reason
from hpcopt.runners.script.time_limit import parse_slurm_time


def test_each_attempt_has_a_folder_of_its_own(tmp_path: Path) -> None:
    folder = attempt_folder(tmp_path, 7, 2)
    assert folder.path == tmp_path / "trials" / "0007" / "attempt-2"
    assert attempt_folder(tmp_path, 12345, 0).path.parent.name == "12345"


def test_nothing_is_read_where_there_is_no_folder(tmp_path: Path) -> None:
    folder = AttemptFolder(tmp_path / "none")
    assert folder.read_started() is None
    assert folder.read_ended() is None
    assert folder.read_stopped() is None


def test_started_tells_who_runs_the_attempt(tmp_path: Path) -> None:
    folder = AttemptFolder(tmp_path)
    folder.started.write_text("13_1 node7 4711 0-1-2 99887\n")
    assert folder.read_started() == Started("13_1", "node7", 4711, "0-1-2", "99887")


@pytest.mark.parametrize("text", ["", "13", "13 node7 pid boot 99\n"])
def test_a_started_that_is_being_written_is_not_there_yet(
    tmp_path: Path, text: str
) -> None:
    folder = AttemptFolder(tmp_path)
    folder.started.write_text(text)
    assert folder.read_started() is None


@pytest.mark.parametrize(
    ("text", "code", "signal"),
    [
        ("0\n", 0, ""),
        ("137\n", 137, ""),
        ("0 TERM\n", 0, "TERM"),
        ("", None, ""),
        ("13", None, ""),
        ("143 TE", None, ""),
    ],
)
def test_ended_holds_the_exit_code_and_a_signal(
    tmp_path: Path, text: str, code: int | None, signal: str
) -> None:
    folder = AttemptFolder(tmp_path)
    folder.ended.write_text(text)
    assert (folder.read_ended(), folder.read().last_signal) == (code, signal)


@pytest.mark.parametrize("cause", [Cause.USER, Cause.TIME])
def test_stopped_says_why_and_when(tmp_path: Path, cause: Cause) -> None:
    folder = AttemptFolder(tmp_path)
    folder.write_stopped(Stopped(cause, 1.25e9))
    assert folder.read_stopped() == Stopped(cause, 1.25e9)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (3, "the trial's script ended with exit code 3"),
        (127, "the trial's script ended with exit code 127: its command was not found"),
        (137, "the trial's script was ended by SIGKILL (exit code 137)"),
        (255, "the trial's script ended with exit code 255"),
    ],
)
def test_an_exit_code_is_put_into_words(code: int, reason: str) -> None:
    assert exit_reason(code) == reason


@given(st.integers(1, 10**7))
def test_a_time_limit_is_read_as_slurm_prints_it(total: int) -> None:
    minutes, seconds = divmod(total, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    printed = f"{days}-{hours:02d}:{minutes:02d}:{seconds:02d}"
    assert parse_slurm_time(printed) == total


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 1800),
        ("30:15", 1815),
        ("01:30:15", 5415),
        ("2-3", 183600),
        ("2-3:30", 185400),
        ("UNLIMITED", None),
        ("infinite", None),
        ("0", None),
    ],
)
def test_a_time_limit_has_many_forms(text: str, seconds: float | None) -> None:
    assert parse_slurm_time(text) == seconds


@pytest.mark.parametrize("text", ["", "1h", "1:2:3:4", "-5", "1.5", "1-", "٣"])
def test_any_other_time_limit_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"job\.slurm\.time: expected a time"):
        parse_slurm_time(text)


def test_the_run_time_is_that_of_the_files_whoever_looks(tmp_path: Path) -> None:
    folder = AttemptFolder(tmp_path)
    folder.started.write_text("13 node7 12 boot 99\n")
    assert folder.read().run_facts == {}
    folder.ended.write_text("0\n")
    os.utime(folder.started, (100.0, 100.0))
    os.utime(folder.ended, (107.5, 107.5))
    assert folder.read().run_facts == {"started_at": 100.0, "elapsed_s": 7.5}


def test_all_is_seen_in_one_look(tmp_path: Path) -> None:
    folder = AttemptFolder(tmp_path)
    assert folder.read() == AttemptFiles(None, None, "", None)
    folder.started.write_text("13 node7 12 boot 99\n")
    folder.ended.write_text("143 TERM\n")
    folder.write_stopped(Stopped(Cause.USER, 1.0))
    started = Started("13", "node7", 12, "boot", "99")
    assert folder.read() == AttemptFiles(started, 143, "TERM", Stopped(Cause.USER, 1.0))
