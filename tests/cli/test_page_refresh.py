"""The report is kept fresh by one process at a time, and hinders nothing."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from hpcopt.cli.page_refresh import PageRefresh
from tests.support.cli_world import hpcopt
from tests.support.gated_world import change, make_config
from tests.support.waiting import wait_until


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def n_lines(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0


def test_a_page_is_written_at_once_and_then_as_often_as_was_asked(
    tmp_path: Path,
) -> None:
    runs, time = tmp_path / "runs", Time()
    words = python(f"open({str(runs)!r}, 'a').write('x\\n')")
    refresh = PageRefresh(tmp_path, 60.0, words=words, now=time)
    refresh.observe()
    wait_until(lambda: n_lines(runs) == 1)
    wait_until(lambda: not refresh._is_busy())
    time.now = 59.0
    refresh.observe()
    assert not refresh._is_busy()
    time.now = 60.0
    refresh.observe()
    wait_until(lambda: n_lines(runs) == 2)
    refresh.end(wait=True)
    assert n_lines(runs) == 3


def test_there_are_never_two_and_one_that_hangs_is_ended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    runs, time = tmp_path / "runs", Time()
    words = python(
        f"import time; open({str(runs)!r}, 'a').write('x\\n'); time.sleep(600)"
    )
    refresh = PageRefresh(tmp_path, 60.0, words=words, now=time)
    refresh.observe()
    wait_until(lambda: n_lines(runs) == 1)
    time.now = 600.0
    refresh.observe()
    assert refresh._is_busy()
    time.now = 901.0
    with caplog.at_level(logging.WARNING):
        refresh.observe()
    assert not refresh._is_busy()
    assert "longer than 15 min" in caplog.text
    assert n_lines(runs) == 1


def test_a_failure_is_told_once_with_its_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    words = python("import sys; sys.exit('error: no room')")
    refresh = PageRefresh(tmp_path, 60.0, words=words)
    with caplog.at_level(logging.WARNING):
        refresh.end(wait=True)
        refresh.end(wait=True)
    assert [record.getMessage() for record in caplog.records] == [
        "the report was not written: no room"
    ]


def test_a_command_that_is_not_there_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    refresh = PageRefresh(tmp_path, 60.0, words=[str(tmp_path / "none")])
    with caplog.at_level(logging.WARNING):
        refresh.observe()
        refresh.end(wait=True)
    assert len(caplog.records) == 1


def test_modules_are_looked_for_beside_the_config(tmp_path: Path) -> None:
    config = tmp_path / "tiny.yaml"
    words = PageRefresh(tmp_path / "out", 60.0, config=config)._words
    assert words[-4:] == [
        "report",
        str(config),
        "--output",
        str(tmp_path / "out" / "report.html"),
    ]


@pytest.mark.slow
def test_a_run_keeps_its_report_fresh_and_says_where_it_is(tmp_path: Path) -> None:
    config = make_config(tmp_path)
    change(config, "run:\n", "report: {every: 1h}\nrun:\n")
    done = hpcopt("run", config)
    path = tmp_path / "out" / "report.html"
    assert f"the report is kept fresh: {path}" in done.stderr
    assert str(path) in done.stdout
    assert "all 3 trials have ended" in path.read_text()
