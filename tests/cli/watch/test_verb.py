"""``hpcopt watch`` before anything is drawn."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hpcopt.cli.verbs import watch
from tests.support.cli_world import hpcopt, make_experiment


def test_a_terminal_is_needed(tmp_path: Path) -> None:
    folder = make_experiment(tmp_path / "demo")
    message = hpcopt("watch", folder, code=2).stderr
    assert message == (
        "error: hpcopt watch needs a terminal that can be drawn on; see hpcopt status\n"
    )


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_that_can_do_nothing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, term: str
) -> None:
    monkeypatch.setattr(watch, "_is_terminal", lambda: True)
    monkeypatch.setenv("TERM", term)
    folder = make_experiment(tmp_path / "demo")
    assert "needs a terminal" in hpcopt("watch", folder, code=2).stderr


def test_what_to_install_is_said_where_textual_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_is_terminal", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    for name in [name for name in sys.modules if name.startswith("hpcopt.cli.watch.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "textual", None)
    folder = make_experiment(tmp_path / "demo")
    message = hpcopt("watch", folder, code=1).stderr
    assert "hpcopt watch needs textual, and textual is not installed here" in message
    assert message.count("\n") == 1


def test_nothing_heavy_is_loaded(tmp_path: Path) -> None:
    code = "import sys, hpcopt.cli.watch.app; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    heavy = {"torch", "numpy", "scipy", "plotly", "pandas", "submitit", "h5py"}
    assert {name.split(".")[0] for name in done.stdout.split()} & heavy == set()


def test_there_must_be_an_experiment(tmp_path: Path) -> None:
    assert "found no journal.jsonl" in hpcopt("watch", tmp_path, code=2).stderr
