"""Reading what a worker has left behind, whoever wrote it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcopt.runners.script.worker_error import WorkerError, parse_error

FIELDS = {
    "kind": "ValueError",
    "message": "the function raised ValueError: no",
    "traceback": "Traceback: …",
    "run": "12 n1 7 boot 1\n",
}


def test_an_error_is_read_as_it_was_written() -> None:
    assert parse_error(json.dumps(FIELDS), FIELDS["run"]) == WorkerError(**FIELDS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        json.dumps({**FIELDS, "run": "another"}),
        json.dumps({**FIELDS, "message": 3}),
        json.dumps({"kind": "ValueError"}),
    ],
)
def test_what_is_no_error_of_this_run_is_none(text: str) -> None:
    assert parse_error(text, FIELDS["run"]) is None


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    parse_error(text, "")


def test_a_message_is_one_line_that_a_terminal_can_show() -> None:
    text = json.dumps({**FIELDS, "message": "one\ntwo \x1b[31m" + "x" * 1000})
    error = parse_error(text, FIELDS["run"])
    assert error is not None
    assert error.message.startswith("one two \N{REPLACEMENT CHARACTER}[31mxxx")
    assert len(error.message) == 501


@pytest.mark.parametrize(
    ("traceback", "expected"),
    [
        ("MemoryError", True),
        (
            "BrokenProcessPool: A process in the process pool was terminated abruptly "
            "while the future was running or pending.",
            True,
        ),
        ("RuntimeError: DataLoader worker (pid 7) is killed by signal: Killed.", True),
        ("CalledProcessError: Command 'a' died with <Signals.SIGKILL: 9>.", True),
        ("OSError: [Errno 12] Cannot allocate memory", True),
        ("ValueError: the mesh is bad", False),
    ],
)
def test_a_lack_of_memory_is_suspected(traceback: str, expected: bool) -> None:
    error = WorkerError("RuntimeError", "failed", traceback, "")
    assert error.may_be_memory is expected
