"""What the commands show of an experiment of an earlier version.

The texts in ``views/<version>`` are those that the earlier version's own commands
printed, at the same time of the clock and with the placeholders of the fixtures. Where
a view is changed on purpose, its text changes with it.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from hpcopt.cli.main import command_line
from tests.support.relocate import HOME, HOST, PYTHON, relocate

HERE = Path(__file__).parent
VERSION = "0.1.0"

#: An hour after the experiments were left, in seconds since the epoch.
NOW = 1_795_799_900.0

#: What is looked at: the words before the experiment's folder.
LOOKS = ("status", "status --json", "trials", "best", "show 1", "logs 1")

#: The lines of JSON that later versions print besides.
ADDED = frozenset(
    {
        '"generator": null,',
        '"generator_note": null,',
        '"origin": null,',
        '"outside": [],',
    }
)


@pytest.fixture(autouse=True)
def _then(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let it be the same time everywhere, on a terminal of the same width."""
    monkeypatch.setattr(time, "time", lambda: NOW)
    monkeypatch.setenv("COLUMNS", "100")
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


def shown(experiment: Path) -> str:
    """Return what the commands print of the experiment in a folder."""
    parts = []
    for look in LOOKS:
        words = [*look.split(), str(experiment)]
        result = CliRunner().invoke(command_line, words, prog_name="hpcopt")
        parts.append(f"$ hpcopt {look}\n{result.output}exit {result.exit_code}\n")
    return "\n".join(parts)


def test_there_is_a_view_of_every_fixture() -> None:
    fixtures = [path.name for path in (HERE / "fixtures" / VERSION).iterdir()]
    views = [path.stem for path in (HERE / "views" / VERSION).iterdir()]
    assert sorted(views) == sorted(fixtures)


@pytest.mark.parametrize(
    "view", sorted((HERE / "views" / VERSION).iterdir()), ids=lambda path: path.stem
)
def test_an_experiment_looks_as_it_did(view: Path, tmp_path: Path) -> None:
    fixture = HERE / "fixtures" / VERSION / view.stem
    copy = relocate(fixture, tmp_path, python=PYTHON, host=HOST)
    untouched = shutil.copytree(copy, tmp_path / "untouched", symlinks=True)
    text = shown(copy / "experiment").replace(str(tmp_path), HOME)
    lines = [line for line in text.splitlines() if line.strip() not in ADDED]
    assert lines == view.read_text().splitlines()
    assert files(copy) == files(untouched)


def files(folder: Path) -> dict[str, bytes]:
    """Return what is in the files of a folder, by their paths."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }
