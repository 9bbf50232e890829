"""What attempts cost, accounted for or estimated, and what it went into."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from hpcopt.core.errors import StorageError
from hpcopt.core.trials import events as ev
from hpcopt.core.trials import life_cycle
from hpcopt.core.trials.cost import (
    Use,
    cost_of,
    queue_s,
    run_s,
    spending,
    use_of,
)
from hpcopt.core.trials.trial import Attempt, Cause, Phase, Trial, TrialStatus

ACCOUNTED = {
    "cpus": 4,
    "nodes": 2,
    "submitted_at": 1000,
    "eligible_at": 1010,
    "started_at": 1100,
    "ended_at": 2900,
    "elapsed_s": 1800,
    "max_rss_bytes": 1 << 20,
}


def attempt(cause: Cause | None = Cause.SUCCESS, **fields: Any) -> Attempt:
    fields = {"submitted_at": 990.0, "started_at": 1110.0, "ended_at": 2950.0} | fields
    phase = Phase.RUNNING if cause is None else Phase.ENDED
    return Attempt(
        0, fields.pop("number", 0), "name", cause=cause, phase=phase, **fields
    )


def trial(status: TrialStatus, *attempts: Attempt) -> Trial:
    return Trial(0, {}, status, attempts=attempts)


def test_what_the_accounting_told_goes_before_what_was_seen() -> None:
    cost = cost_of(
        attempt(
            facts={"accounting": ACCOUNTED, "elapsed_s": 1},
            metadata={"requested": {"cpus": 1}},
        )
    )
    assert cost.is_accounted
    assert (cost.queue_s, cost.run_s, cost.cpus) == (100.0, 1800.0, 4.0)
    assert (cost.nodes, cost.gpus, cost.max_rss_bytes) == (2, None, 1 << 20)
    assert (cost.started_at, cost.ended_at) == (1100.0, 2900.0)
    assert cost.core_hours == 2.0
    assert cost.gpu_hours is None


def test_without_accounting_it_is_the_files_and_the_request() -> None:
    cost = cost_of(
        attempt(
            facts={"elapsed_s": 900.0, "started_at": 1105.5},
            metadata={"requested": {"cpus": 8, "nodes": 1, "gpus": 2}},
        )
    )
    assert not cost.is_accounted
    assert (cost.queue_s, cost.run_s, cost.cpus) == (115.5, 900.0, 8.0)
    assert cost.core_hours == 2.0
    assert cost.gpu_hours == 0.5


@pytest.mark.parametrize(
    "fields",
    [
        {"facts": {"accounting": ACCOUNTED, "elapsed_s": 1}},
        {"facts": {"elapsed_s": 900.0, "started_at": 1105.5}},
        {"facts": {"accounting": {"node": "n1"}}},
        {"cause": None, "ended_at": None},
        {"cause": Cause.USER, "started_at": None},
    ],
)
def test_times_are_the_same_without_the_rest_of_the_cost(fields: Any) -> None:
    one = attempt(**fields)
    assert (queue_s(one), run_s(one)) == (cost_of(one).queue_s, cost_of(one).run_s)


def test_what_was_never_seen_running_ran_since_its_submission() -> None:
    assert run_s(attempt(started_at=None)) == 1960.0
    assert run_s(attempt(Cause.USER, started_at=None)) == 0.0


def test_an_attempt_of_a_pack_has_its_share() -> None:
    asked = {"cpus": 8, "gpus": 1, "shared_by": 16}
    cost = cost_of(attempt(facts={"elapsed_s": 3600}, metadata={"requested": asked}))
    assert cost.core_hours == 0.5
    assert cost.gpu_hours is None


def test_without_files_it_is_what_polls_saw() -> None:
    cost = cost_of(attempt(metadata={"requested": {"cpus": 1}}))
    assert (cost.queue_s, cost.run_s) == (120.0, 1840.0)


@pytest.mark.parametrize(
    ("cause", "run_s"), [(Cause.USER, 0.0), (Cause.INFRASTRUCTURE, None)]
)
def test_one_that_was_never_seen_running(cause: Cause, run_s: float | None) -> None:
    cost = cost_of(attempt(cause, started_at=None))
    assert (cost.queue_s, cost.run_s, cost.core_hours) == (None, run_s, run_s)


@pytest.mark.parametrize("told", ["", 1, True, [], {"cpus": "4"}, {"elapsed_s": 3}])
def test_what_an_unknown_runner_wrote_is_no_accounting(told: Any) -> None:
    cost = cost_of(attempt(facts={"accounting": told}, metadata={"requested": told}))
    assert (cost.cpus, cost.core_hours) == (None, None)


def test_one_that_runs_is_counted_until_now() -> None:
    running = attempt(None, ended_at=None, metadata={"requested": {"cpus": 2}})
    assert cost_of(running).core_hours is None
    assert cost_of(running, now=1110.0 + 1800).core_hours == 1.0
    waiting = Attempt(0, 0, "name", submitted_at=5.0)
    assert cost_of(waiting, now=9.0).core_hours is None


S, F = TrialStatus, Cause


@pytest.mark.parametrize(
    ("status", "causes", "uses"),
    [
        (S.COMPLETED, [F.TRIAL, F.SUCCESS], [Use.FAILED, Use.SUCCESS]),
        (S.COMPLETED, [F.INFRASTRUCTURE, F.SUCCESS], [Use.INFRASTRUCTURE, Use.SUCCESS]),
        (S.COMPLETED, [F.SUCCESS, F.SUCCESS], [Use.FAILED, Use.SUCCESS]),
        (S.FAILED, [F.TIME, F.MEMORY], [Use.TIME, Use.MEMORY]),
        (S.FAILED, [F.SUCCESS], [Use.FAILED]),
        (S.FAILED, [F.RESULT], [Use.FAILED]),
        (S.ABANDONED, [F.USER], [Use.USER]),
        (S.ABANDONED, [F.SUCCESS], [Use.USER]),
        (S.EARLY_STOPPED, [F.TIME, F.USER], [Use.TIME, Use.EARLY_STOPPED]),
        (S.RUNNING, [F.INFRASTRUCTURE, None], [Use.INFRASTRUCTURE, Use.RUNNING]),
    ],
)
def test_what_the_time_of_attempts_went_into(
    status: TrialStatus, causes: list[Cause | None], uses: list[Use]
) -> None:
    one = trial(status, *(attempt(c, number=k) for k, c in enumerate(causes)))
    assert [use_of(one, a) for a in one.attempts] == uses


def test_what_a_trial_did_before_it_was_reopened_gave_no_result() -> None:
    one = life_cycle.reopened(trial(S.FAILED, attempt(F.SUCCESS)))
    assert use_of(one, one.attempts[0]) is Use.FAILED
    one = dataclasses.replace(one, status=S.EARLY_STOPPED)
    assert use_of(one, one.attempts[0]) is Use.FAILED


def test_core_hours_are_summed_by_what_they_went_into() -> None:
    facts = {"accounting": ACCOUNTED}
    asked = {"requested": {"cpus": 1}}
    trials = [
        trial(
            S.COMPLETED, attempt(F.TIME, facts=facts), attempt(number=1, facts=facts)
        ),
        trial(S.EARLY_STOPPED, attempt(F.USER, facts=facts)),
        trial(S.FAILED, attempt(F.TRIAL, facts={"elapsed_s": 3600}, metadata=asked)),
        trial(S.FAILED, attempt(F.INFRASTRUCTURE)),
        trial(S.RUNNING, attempt(None, ended_at=None, metadata=asked)),
    ]
    found = spending(trials)
    assert found.core_hours == {
        Use.SUCCESS: 2.0,
        Use.EARLY_STOPPED: 2.0,
        Use.FAILED: 1.0,
        Use.TIME: 2.0,
        Use.INFRASTRUCTURE: 0.0,
    }
    assert (found.spent, found.wasted) == (7.0, 3.0)
    assert (found.n_accounted, found.n_estimated, found.n_unknown) == (3, 1, 1)
    assert found.n_attempts[Use.TIME] == 1
    assert spending(trials, now=1110.0 + 3600).core_hours[Use.RUNNING] == 1.0
    assert spending([]).spent == 0.0


def told(number: int) -> ev.AttemptAccounted:
    return ev.AttemptAccounted(9.0, 0, number, {"cpus": 4, "elapsed_s": 1800})


def test_what_is_told_later_is_added_to_the_attempt_alone() -> None:
    first = attempt(Cause.TRIAL, facts={"exit_code": 1})
    one = trial(S.COMPLETED, first, attempt(number=1))
    found = life_cycle.attempt_accounted(one, told(0))
    assert found.attempts[1] == one.attempts[1]
    assert found.attempts[0].facts["exit_code"] == 1
    assert cost_of(found.attempts[0]).core_hours == 2.0
    assert dataclasses.replace(found, attempts=one.attempts) == one


@pytest.mark.parametrize("number", [0, 1])
def test_no_cost_is_told_before_the_end(number: int) -> None:
    one = trial(S.RUNNING, attempt(None, ended_at=None))
    with pytest.raises(StorageError, match="to have ended before its cost is told"):
        life_cycle.attempt_accounted(one, told(number))
