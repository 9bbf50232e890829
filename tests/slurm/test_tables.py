"""Reading what squeue and sacct print."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcopt.slurm.call_log import parse_answer, parse_log
from hpcopt.slurm.site import number, parse_config
from hpcopt.slurm.tables import (
    SEPARATOR,
    JobId,
    parse_accounting,
    parse_job_id,
    parse_queue,
)
from tests.support.slurm_support import accounting_line

#: Text that is likely to be half right.
LIKELY = f"0123456789_[]-,:%+.|;= \n{SEPARATOR}aAé²\x85"
NOISE = st.text(st.sampled_from(LIKELY)) | st.text()


def row(*cells: str) -> str:
    return SEPARATOR.join(cells)


@pytest.mark.parametrize(
    ("text", "covered", "not_covered"),
    [
        ("13", ["13"], ["13_0", "1", "131"]),
        ("13_1", ["13_1"], ["13", "13_0", "13_11"]),
        ("14_[1-43:2]", ["14_1", "14_43"], ["14_2", "14_45", "14"]),
        ("20_[2-7,12%56]", ["20_2", "20_7", "20_12"], ["20_8", "20_56"]),
        ("20_[5]", ["20_5"], ["20_4"]),
        ("12+1", ["12"], ["12_1"]),
        ("13_1.batch", ["13_1"], ["13"]),
        ("13.extern", ["13"], ["13_1"]),
        ("12+0.0", ["12"], []),
    ],
)
def test_every_form_of_a_job_id_is_read(
    text: str, covered: list[str], not_covered: list[str]
) -> None:
    job = parse_job_id(text)
    assert job is not None
    assert [each for each in covered if not job.covers(each)] == []
    assert [each for each in not_covered if job.covers(each)] == []


def test_parts_of_a_heterogeneous_job_and_steps_are_told_apart() -> None:
    assert parse_job_id("12+1") == JobId("12", component=1)
    assert parse_job_id("13_1.batch") == JobId("13", (range(1, 2),), step="batch")


@pytest.mark.parametrize(
    "text", ["", "x", "13_", "13_[", "13_[]", "13_[1-3...]", "13_[5-2]", "²", "13 14"]
)
def test_what_is_no_job_id_is_none(text: str) -> None:
    assert parse_job_id(text) is None


def test_an_array_of_any_size_costs_nothing_to_read() -> None:
    job = parse_job_id("1_[0-999999999]")
    assert job is not None
    assert job.n_tasks == 1_000_000_000


def test_a_line_of_squeue_is_read_with_spaces_in_its_reason() -> None:
    reason = "Nodes required for job are DOWN, DRAINED or reserved for jobs"
    text = row("3_1", "PENDING", "1795476599", "", reason, "a|b", "/a b") + "\n"
    ((found,), strange) = parse_queue(text)
    assert strange == []
    assert (found.job, found.word, found.reason) == (
        JobId("3", (range(1, 2),)),
        "PENDING",
        reason,
    )
    assert (found.submitted_at, found.name, found.folder) == (1795476599, "a|b", "/a b")


def test_a_line_of_sacct_is_read_with_the_canceller_in_its_state() -> None:
    text = accounting_line(
        *("7", "CANCELLED by 0", "0:15", "1795476599", "4", "n1", "j", "/a")
    )
    ((found,), strange) = parse_accounting(text)
    assert strange == []
    assert (found.word, found.exit_code, found.signal) == ("CANCELLED by 0", 0, 15)
    assert (found.elapsed_s, found.node) == (4, "n1")


def test_what_is_not_understood_is_handed_back_and_the_rest_is_read() -> None:
    good = row("7", "RUNNING", "Unknown", "n1", "None", "j", "/a")
    text = f"CLUSTER: dev\nslurm is tired today\n{good}\n8{SEPARATOR}RUNNING\n"
    rows, strange = parse_queue(text)
    assert [(r.job.base, r.submitted_at) for r in rows] == [("7", None)]
    assert strange == ["slurm is tired today", f"8{SEPARATOR}RUNNING"]


@given(NOISE)
def test_no_text_at_all_is_an_error(text: str) -> None:
    for parse in (parse_queue, parse_accounting):
        rows, strange = parse(text)
        n_lines = sum(bool(line.strip()) for line in text.split("\n"))
        assert len(rows) + len(strange) <= n_lines
    parse_job_id(text)
    parse_answer(text)
    parse_log(text)
    number({"x": text}, "x", 0)
    parse_config(text)


@given(
    st.integers(1, 10**9),
    st.integers(0, 10**6),
    st.text(st.characters(exclude_characters=f"\n{SEPARATOR}", codec="utf-8")),
)
def test_rows_come_back_as_they_were_printed(base: int, task: int, name: str) -> None:
    line = row(f"{base}_{task}", "RUNNING", "5", "n1", "None", name, "/f")
    ((found,), strange) = parse_queue(line)
    assert strange == []
    assert found.job.covers(f"{base}_{task}")
    assert found.name == name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("123\n", ("123", "")),
        ("Welcome to the cluster!\n123;dev-1\n", ("123", "dev-1")),
        ("123\nPlease mind your quota\n", ("123", "")),
        ("Submitted batch job 12\n", None),
        ("", None),
    ],
)
def test_the_job_id_is_found_among_what_a_site_says(
    text: str, expected: tuple[str, str] | None
) -> None:
    assert parse_answer(text) == expected


def test_the_numbers_of_the_configuration_are_read() -> None:
    config = parse_config("MessageTimeout          = 100 sec\nMaxArraySize = 1001\n")
    assert number(config, "MessageTimeout", 10) == 100
    assert number(config, "MinJobAge", 300) == 300
