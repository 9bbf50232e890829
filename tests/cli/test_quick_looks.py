"""What verbs that look need, and that they show the same with a cache as without."""

from __future__ import annotations

import gc
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from hpcopt.cli.main import command_line
from hpcopt.storage import journal_cache
from hpcopt.storage.journal_cache import cache_beside
from tests.support.large_experiment import Shape, write_experiment
from tests.support.uncounted import uncounted

VERBS = (
    ["status"],
    ["status", "--json"],
    ["trials"],
    ["trials", "--json"],
    ["trials", "--csv"],
    ["show", "7"],
    ["show", "7", "--json"],
    ["best"],
)

#: What passes while one looks.
_AGES = re.compile(
    r"\d+(\.\d+)? (s|min|h|d)\b|\"(for_s|silent_s|heartbeat_s)\": [\d.]+"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shape = Shape(60, n_objectives=2, is_constrained=True, n_slots=8, n_live=5)
    return write_experiment(tmp_path_factory.mktemp("looking") / "experiment", shape)


def shown(*words: str) -> str:
    result = CliRunner().invoke(command_line, words)
    assert result.exception is None, result.output
    return _AGES.sub("", result.output)


def test_what_is_shown_is_the_same_with_a_cache(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [shown(*verb, str(folder)) for verb in VERBS]
    assert not cache_beside(folder / "journal.jsonl").exists()
    monkeypatch.setattr(journal_cache, "_FEW_EVENTS", 10)
    assert [shown(*verb, str(folder)) for verb in VERBS] == before
    assert cache_beside(folder / "journal.jsonl").exists()
    assert [shown(*verb, str(folder)) for verb in VERBS] == before


_LOOKS = """
import atexit, gc, sys
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
atexit.register(lambda: print(gc.get_threshold()[0], gc.get_freeze_count() > 0))
from hpcopt.cli.main import main
main()
"""


@pytest.mark.parametrize("verb", [["status"], ["trials"], ["show", "7"], ["best"]])
def test_to_look_needs_little_and_clears_nothing_away(
    folder: Path, verb: list[str]
) -> None:
    threshold = gc.get_threshold()
    done = subprocess.run(
        [sys.executable, "-c", _LOOKS, *verb, str(folder)],
        capture_output=True,
        text=True,
        check=True,
        env=uncounted(),
    )
    loaded = {module.split(".")[0] for module in done.stderr.split()}
    assert "hpcopt" in loaded
    heavy = {"numpy", "scipy", "torch", "pandas", "pydantic", "yaml", "difflib"}
    assert loaded & heavy == set()
    assert done.stdout.splitlines()[-1] == "1000000 True"
    shown(*verb, str(folder))  # where the process goes on, it does as before
    assert gc.get_threshold() == threshold
