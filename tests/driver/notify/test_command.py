"""A person's command: what it is given, and that it harms nothing."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
from pathlib import Path

import pytest

from hpcopt.driver.notify import command as command_module
from hpcopt.driver.notify.command import CommandRunner, Notification

MESSAGE = Notification("demo: done\n", {"HPCOPT_EVENT": "end"})


def shell(script: str) -> list[str]:
    return ["sh", "-c", script]


def test_it_gets_the_text_and_the_facts_in_its_folder(tmp_path: Path) -> None:
    runner = CommandRunner(shell('cat > told; echo "$HPCOPT_EVENT" >> told'), tmp_path)
    runner.send(MESSAGE)
    runner.close()
    assert (tmp_path / "told").read_text() == "demo: done\nend\n"


def test_no_shell_reads_the_words(tmp_path: Path) -> None:
    runner = CommandRunner(["touch", "$HOME `id`; *"], tmp_path)
    runner.send(MESSAGE)
    runner.close()
    assert [path.name for path in tmp_path.iterdir()] == ["$HOME `id`; *"]


def test_it_leads_a_session_of_its_own(tmp_path: Path) -> None:
    script = 'cut -d" " -f1,6 /proc/self/stat > stat; echo $$ >> stat'
    runner = CommandRunner(shell(script), tmp_path)
    runner.send(MESSAGE)
    runner.close()
    stat, leader = (tmp_path / "stat").read_text().splitlines()
    assert stat.split()[1] == leader != str(os.getsid(0))


def test_messages_are_delivered_one_after_the_other(tmp_path: Path) -> None:
    runner = CommandRunner(shell("cat >> told"), tmp_path)
    for k in range(4):
        runner.send(Notification(f"{k}\n", {}))
    runner.close()
    assert (tmp_path / "told").read_text() == "0\n1\n2\n3\n"


def test_what_it_says_is_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    runner = CommandRunner(shell("echo queued; echo as 17 >&2"), tmp_path)
    runner.send(MESSAGE)
    runner.close()
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
        ("INFO", "notify: sh: queued / as 17")
    ]


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (shell("echo no such user >&2; exit 3"), "exit code 3: no such user"),
        (["no-such-mailer"], "it cannot be run: No such file or directory"),
        (["true", "\0"], "it cannot be run: embedded null byte"),
    ],
    ids=["fails", "missing", "nul"],
)
def test_a_failure_is_a_warning_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, command: list[str], why: str
) -> None:
    runner = CommandRunner(command, tmp_path)
    for _ in range(3):
        runner.send(MESSAGE)
    runner.close()
    warnings = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert f"{why}; nobody was told" in warnings[0].getMessage()


def test_it_is_killed_when_it_is_late_and_leaves_no_zombie(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Watched(subprocess.Popen[bytes]):
        def __init__(self, *args: object, **kwargs: object) -> None:
            super().__init__(*args, **kwargs)  # type: ignore[call-overload]
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Watched)
    runner = CommandRunner(["sleep", "600"], tmp_path, timeout_s=0.0)
    runner.send(MESSAGE)
    runner.close()
    [process] = started
    assert process.returncode == -9
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    assert "it was killed after 0 s; nobody was told" in caplog.text


def test_what_cannot_be_killed_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a command that became another user's, or waits for a disk that is away."""
    asked: list[int] = []

    def refused(group: int, number: int) -> None:
        asked.append(group)
        if len(asked) == 1:
            raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "killpg", refused)
    monkeypatch.setattr(command_module, "_DIES_WITHIN_S", 0.0)
    runner = CommandRunner(["sleep", "600"], tmp_path, timeout_s=0.0)
    for _ in range(2):
        runner.send(MESSAGE)
        runner.close()
    monkeypatch.undo()
    assert len(asked) == 2
    undead = list(runner._undead)
    assert [process.pid for process in undead] == asked
    for process in undead:
        process.kill()
        process.wait()
    runner.poll()
    assert not runner._undead
