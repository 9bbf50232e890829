"""What Slurm's words for a job's state mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpcopt.core.trials.trial import Cause, Phase
from hpcopt.slurm.states import (
    cause_of,
    is_known,
    is_stuck,
    phase_of,
    read_word,
    why_ended,
    why_waiting,
)


@pytest.mark.parametrize(
    ("text", "phase"),
    [
        ("PENDING", Phase.WAITING),
        ("CONFIGURING", Phase.WAITING),
        ("REQUEUED", Phase.WAITING),
        ("REQUEUE_HOLD", Phase.WAITING),
        ("SPECIAL_EXIT", Phase.WAITING),
        ("RUNNING", Phase.RUNNING),
        ("SUSPENDED", Phase.RUNNING),
        ("STOPPED", Phase.RUNNING),
        ("COMPLETING", Phase.RUNNING),
        ("CANCELLED by 1000", Phase.ENDED),
        ("CANCELLED+", Phase.ENDED),
        ("OUT_OF_ME+", Phase.UNKNOWN),
        ("REVOKED", Phase.UNKNOWN),
        ("DREAMING", Phase.UNKNOWN),
        ("", Phase.UNKNOWN),
    ],
)
def test_a_word_is_waiting_running_ended_or_unknown(text: str, phase: Phase) -> None:
    assert phase_of(read_word(text)) is phase


@pytest.mark.parametrize(
    ("word", "cause"),
    [
        ("COMPLETED", Cause.SUCCESS),
        ("FAILED", Cause.TRIAL),
        ("TIMEOUT", Cause.TIME),
        ("DEADLINE", Cause.TIME),
        ("OUT_OF_MEMORY", Cause.MEMORY),
        ("CANCELLED", Cause.USER),
        ("NODE_FAIL", Cause.INFRASTRUCTURE),
        ("BOOT_FAIL", Cause.INFRASTRUCTURE),
        ("LAUNCH_FAILED", Cause.INFRASTRUCTURE),
        ("PREEMPTED", Cause.INFRASTRUCTURE),
    ],
)
def test_a_terminal_word_has_a_cause(word: str, cause: Cause) -> None:
    assert cause_of(word) is cause


@given(st.text())
def test_any_word_can_be_asked_about(text: str) -> None:
    word = read_word(text)
    assert (phase_of(word) is Phase.UNKNOWN) or is_known(word)


@pytest.mark.parametrize(
    ("text", "code", "signal", "expected"),
    [
        ("FAILED", 3, 0, "exit code 3"),
        ("FAILED", 0, 9, "the job was killed by signal 9 (SIGKILL)"),
        ("FAILED", None, 99, "the job was killed by signal 99"),
        ("FAILED", None, 0, "the job failed"),
        ("CANCELLED by 0", 0, 15, "the job was cancelled by uid 0"),
        ("TIMEOUT", 0, 0, "the job reached its time limit"),
    ],
)
def test_the_end_is_told_in_one_sentence(
    text: str, code: int | None, signal: int, expected: str
) -> None:
    assert why_ended(text, code, signal) == expected


@pytest.mark.parametrize(
    ("word", "reason", "expected"),
    [
        ("PENDING", "None", ""),
        ("PENDING", "Priority", "waits: Priority"),
        (
            "PENDING",
            "JobHeldAdmin",
            "waits: JobHeldAdmin (an administrator holds it: ask why)",
        ),
        (
            "PENDING",
            "ReqNodeNotAvail, UnavailableNodes:n1",
            "waits: ReqNodeNotAvail, UnavailableNodes:n1 "
            "(a node that it needs is down or reserved, perhaps for a maintenance that "
            "it would run into: wait, or lower time)",
        ),
    ],
)
def test_the_wait_is_explained(word: str, reason: str, expected: str) -> None:
    assert why_waiting(word, reason) == expected


@pytest.mark.parametrize(
    "reason",
    [
        "PartitionNodeLimit",
        "PartitionTimeLimit",
        "InvalidQOS",
        "InvalidAccount",
        "AssocGrpCPUMinutesLimit",
        "AssocGrpBillingMinutes",
        "QOSGrpGRESMinutes",
        "QOSMaxWallDurationPerJobLimit",
        "AssocMaxCpuPerJobLimit",
        "QOSMinCpuNotSatisfied",
        "BadConstraints",
        "DependencyNeverSatisfied",
        "ReqNodeNotAvail, Reserved for maintenance",
    ],
)
def test_what_waits_in_vain_is_told_with_advice(reason: str) -> None:
    assert is_stuck("PENDING", reason)
    assert ": " in why_waiting("PENDING", reason).partition("(")[2]


@pytest.mark.parametrize(
    "reason",
    [
        "None",
        "Priority",
        "Resources",
        "Dependency",
        "BeginTime",
        "JobHeldUser",
        "JobHeldAdmin",
        "JobHoldMaxRequeue",
        "launch failed requeued held",
        "job requeued in held state",
        "AssocMaxJobsLimit",
        "QOSMaxJobsPerUserLimit",
        "QOSMaxCpuPerUserLimit",
        "AssocGrpCpuLimit",
        "AssocGrpCPURunMinutesLimit",
        "Licenses",
        "SomethingNew",
    ],
)
def test_what_waits_for_its_turn_is_not_stuck(reason: str) -> None:
    assert not is_stuck("PENDING", reason)
