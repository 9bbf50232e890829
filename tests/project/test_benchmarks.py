"""The benchmarks are found by their names, and the documents name those that are."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import benchmarks, module, summary

ROOT = Path(__file__).parents[2]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "benchmarks"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_benchmark_is_found_by_its_group_or_without() -> None:
    assert module("slurm/kills") == module("kills") == "benchmarks.slurm.kills"
    assert module("quality") == "benchmarks.quality.__main__"
    assert module("quality/protocol/simulate") == "benchmarks.quality.protocol.simulate"
    assert module("nothing") is None


def test_no_two_benchmarks_have_one_name() -> None:
    names = [name.rpartition("/")[2] for name in benchmarks()]
    assert len(names) == len(set(names))


def test_the_list_has_a_line_for_each() -> None:
    lines = run().stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(benchmarks())
    assert all(len(line) <= 100 for line in lines)
    assert all(summary(path).endswith(".") for path in benchmarks().values())


def test_what_is_no_benchmark_is_told() -> None:
    done = run("nothing")
    assert done.returncode == 2
    assert "there is no benchmark nothing; there are: quality, " in done.stderr


@pytest.mark.parametrize("document", ["benchmarks.md", "testing.md"])
def test_the_documents_name_what_there_is(document: str) -> None:
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    named = re.findall(r"`scripts/bench ([a-z][\w/]*)", text)
    named += re.findall(r"`(slurm/[a-z_]+)", text)
    assert named
    assert [name for name in named if module(name) is None] == []
