"""What follows when an attempt fails, and what the next one is given."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as given_any
from hypothesis import strategies as st
from typing_extensions import override

from hpcopt.config.file import parse_config
from hpcopt.core.errors import ConfigError
from hpcopt.core.trials.adjustment import Adjustment
from hpcopt.core.trials.retry_policy import BAD_NODE, RetryPolicies, RetryPolicy
from hpcopt.core.trials.trial import Attempt, AttemptState, Cause, Phase, TrialStatus
from hpcopt.core.types import JSONValue
from hpcopt.driver.limits import Limits
from hpcopt.runners.protocol import AttemptRequest, Submission, SubmissionMetadata
from hpcopt.runners.script.escalation import ResourceEscalation, parse_memory_mb
from hpcopt.runners.script.time_limit import format_slurm_time, parse_slurm_time
from tests.support.driver_world import Cluster, ClusterRunner, Hazards, Killed, World

GROW = RetryPolicies(
    memory=RetryPolicy(2, 2.0), time=RetryPolicy(1, 3.0), trial=RetryPolicy(1)
)


def ended(number: int, cause: Cause, facts: Mapping[str, JSONValue]) -> Attempt:
    return Attempt(0, number, "n", phase=Phase.ENDED, cause=cause, facts=facts)


def attempts(*causes: Cause) -> list[Attempt]:
    return [ended(k, cause, {}) for k, cause in enumerate(causes)]


# Policies


def test_what_was_short_grows_with_each_failure_for_want_of_it() -> None:
    had = attempts(Cause.MEMORY, Cause.INFRASTRUCTURE, Cause.MEMORY, Cause.TIME)
    assert GROW.adjustment(had) == Adjustment(memory=4.0, time=3.0)
    assert GROW.adjustment([]) == Adjustment()


def test_retries_are_counted_by_cause() -> None:
    assert GROW.may_retry(attempts(Cause.MEMORY, Cause.TIME, Cause.MEMORY))
    assert not GROW.may_retry(attempts(Cause.TIME, Cause.MEMORY, Cause.TIME))
    assert GROW.may_retry(attempts(*[Cause.INFRASTRUCTURE] * 5))
    assert not GROW.may_retry(attempts(*[Cause.INFRASTRUCTURE] * 6))


@pytest.mark.parametrize("cause", [Cause.RESULT, Cause.USER, Cause.SUCCESS])
def test_some_ends_are_never_retried(cause: Cause) -> None:
    assert not GROW.may_retry(attempts(cause))


def test_the_nodes_that_failed_are_avoided_the_latest_first() -> None:
    had = [
        ended(0, Cause.INFRASTRUCTURE, {BAD_NODE: "n1"}),
        ended(1, Cause.INFRASTRUCTURE, {}),
        ended(2, Cause.INFRASTRUCTURE, {BAD_NODE: "n2"}),
        ended(3, Cause.INFRASTRUCTURE, {BAD_NODE: "n1"}),
    ]
    assert GROW.adjustment(had).avoid == ("n1", "n2")


@given_any(
    st.builds(
        Adjustment,
        st.floats(1, 1e6),
        st.floats(1, 1e6),
        st.lists(st.text(min_size=1), max_size=3).map(tuple),
    )
)
def test_an_adjustment_comes_back_from_json(adjustment: Adjustment) -> None:
    assert Adjustment.from_json(adjustment.to_json()) == adjustment


# Resource escalation


@pytest.mark.parametrize(
    ("text", "megabytes"),
    [("4000", 4000), ("4G", 4096), ("2048K", 2), ("1t", 1024**2), ("1.5GB", 1536)],
)
def test_memory_is_read_as_slurm_reads_it(text: str, megabytes: float) -> None:
    assert parse_memory_mb(text, "mem") == megabytes


@pytest.mark.parametrize("text", ["", "much", "-4G", "4 G", "1e3", "\uff14G"])
def test_memory_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"job\.on\.memory\.cap: expected an amount"):
        parse_memory_mb(text, "job.on.memory.cap")


@given_any(st.integers(1, 10**7))
def test_a_time_limit_comes_back_as_it_was(seconds: int) -> None:
    assert parse_slurm_time(format_slurm_time(seconds)) == seconds


MORE = Adjustment(memory=2.0, time=2.0)


@pytest.mark.parametrize(
    ("options", "directives", "expected"),
    [
        ({"mem": "4G"}, (), {"mem": "8192M"}),
        ({"mem": "4G"}, ("#SBATCH --mem=1G",), {"mem": "8192M"}),
        ({}, ("#SBATCH --mem-per-cpu=900",), {"mem-per-cpu": "1800M"}),
        ({}, ("#SBATCH -n 4 --mem-per-gpu 3G # why",), {"mem-per-gpu": "6144M"}),
        ({"mem": "0"}, (), {"mem": "0"}),
        ({"mem": "6G"}, (), {"mem": "10240M"}),
        ({"mem": "12G"}, (), {"mem": "12288M"}),
    ],
)
def test_memory_grows_where_it_was_given_and_up_to_the_cap(
    options: dict[str, str | None],
    directives: tuple[str, ...],
    expected: dict[str, str],
) -> None:
    escalation = ResourceEscalation(memory=True, memory_cap_mb=10240)
    assert escalation.apply(options, directives, MORE) == expected


@pytest.mark.parametrize(
    ("options", "directives", "expected"),
    [
        ({"time": "30"}, (), "01:00:00"),
        ({}, ("#SBATCH -t 00:10:00",), "00:20:00"),
        ({}, ("#SBATCH -t10", "#SBATCH --time=20"), "00:40:00"),
        ({"time": "20:00:00"}, (), "1-00:00:00"),
        ({"time": "UNLIMITED"}, (), "UNLIMITED"),
    ],
)
def test_time_grows_where_it_was_given_and_up_to_the_cap(
    options: dict[str, str | None], directives: tuple[str, ...], expected: str
) -> None:
    escalation = ResourceEscalation(time=True, time_cap_s=86400)
    assert escalation.apply(options, directives, MORE)["time"] == expected


def test_nothing_changes_for_a_first_attempt() -> None:
    options = {"mem": "4G", "time": "30", "exclude": "n7"}
    escalation = ResourceEscalation(memory=True, time=True)
    assert escalation.apply(options, (), Adjustment()) == options


@pytest.mark.parametrize(
    ("escalation", "sentence"),
    [
        (
            ResourceEscalation(memory=True),
            r"job\.on\.memory: expected job\.slurm or the template",
        ),
        (
            ResourceEscalation(time=True),
            r"job\.on\.time: expected job\.slurm or the template",
        ),
    ],
)
def test_what_is_given_by_nobody_cannot_grow(
    escalation: ResourceEscalation, sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        escalation.apply({}, ("#SBATCH --nodes=1",), Adjustment())


def test_bad_nodes_are_excluded_beside_those_of_the_user() -> None:
    adjusted = ResourceEscalation().apply(
        {}, ("#SBATCH -x n[7-8]",), Adjustment(avoid=("n1", "n2"))
    )
    assert adjusted == {"exclude": "n[7-8],n1,n2"}


# Config

CONFIG = """
parameters: [{name: x, type: range, bounds: [0, 1]}]
objective: "-loss"
metrics: [{name: loss, dataset: /loss}]
job:
  command: ["true"]
  on: %s
run: {max_trials: 1}
"""


def test_policies_are_read_from_a_config() -> None:
    text = CONFIG % (
        "{memory: {retry: 2, factor: 1.5, cap: 64G}, time: {requeue: true}, "
        "infrastructure: {retry: 3}, trial: {retry: 1}}"
    )
    section = parse_config(text, Path("c.yaml")).job.on
    assert section.policies() == RetryPolicies(
        RetryPolicy(2, 1.5), RetryPolicy(10), RetryPolicy(3), RetryPolicy(1)
    )
    assert section.escalation() == ResourceEscalation(True, 65536, False, math.inf)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{memory: {retry: -1}}", r"job\.on\.memory\.retry: expected at least 0"),
        ("{memory: {cap: lots}}", r"job\.on\.memory\.cap: expected an amount of mem"),
        ("{time: {cap: lots}}", r"job\.on\.time\.cap: expected a time such as 30"),
        ("{time: {factor: 0.5}}", r"job\.on: factor: expected a number from 1"),
        ("{time: {requeue: true, factor: 2}}", "expected either requeue"),
        ("{time: {retries: 2}}", r"retries: unknown key; did you mean retry\?"),
        ("{memroy: {retry: 2}}", r"memroy: unknown key; did you mean memory\?"),
    ],
)
def test_a_wrong_policy_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        parse_config(CONFIG % text, Path("c.yaml"))


# The driver


class GrowingRunner(ClusterRunner):
    """Gives up to eight times as much, and keeps what each attempt was given."""

    cap = 8.0

    def __init__(self, cluster: Cluster, hazards: Hazards) -> None:
        super().__init__(cluster, hazards)
        self.given: dict[tuple[int, int], Adjustment] = {}

    @override
    def submit(self, submission: Submission) -> SubmissionMetadata:
        self.given |= {r.key: r.adjustment for r in submission.requests}
        return super().submit(submission)

    @override
    def gives_more(self, before: AttemptRequest, after: AttemptRequest) -> bool:
        return before.adjustment.memory < min(self.cap, after.adjustment.memory)


def growing_world(policies: RetryPolicies, **limits: Any) -> World:
    world = World(Limits(max_trials=2, policies=policies, **limits))
    world.runner = GrowingRunner(world.cluster, world.hazards)
    return world


def test_a_trial_that_ran_out_of_memory_runs_again_with_more() -> None:
    world = growing_world(GROW)
    world.cluster.cause = lambda key: (
        Cause.MEMORY if key in ((0, 0), (0, 1)) else Cause.SUCCESS
    )
    world.run()
    trial = world.journal.experiment.trial(0)
    assert trial.status is TrialStatus.COMPLETED
    assert [a.adjustment.memory for a in trial.attempts] == [1.0, 2.0, 4.0]
    assert isinstance(world.runner, GrowingRunner)
    assert world.runner.given[0, 2] == Adjustment(memory=4.0)
    assert world.runner.given[1, 0] == Adjustment()


def test_a_trial_that_always_runs_out_of_memory_fails_saying_so() -> None:
    world = growing_world(GROW)
    world.cluster.cause = lambda key: Cause.MEMORY
    world.run()
    trial = world.journal.experiment.trial(0)
    assert (trial.status, trial.cause) == (TrialStatus.FAILED, Cause.MEMORY)
    assert trial.reason == "bad; no retry is left after 3 attempts"


def test_at_the_cap_a_trial_is_not_run_again() -> None:
    world = growing_world(RetryPolicies(memory=RetryPolicy(9, 4.0)))
    world.cluster.cause = lambda key: Cause.MEMORY
    world.run()
    trial = world.journal.experiment.trial(0)
    assert len(trial.attempts) == 3  # 1, 4, 16: the latter cut to 8
    assert trial.reason == ("bad; it had as much as it may have, and is not run again")


def test_a_requeued_trial_gets_the_same_again() -> None:
    world = growing_world(RetryPolicies(time=RetryPolicy(3)))
    world.cluster.cause = lambda key: Cause.TIME if key[1] < 3 else Cause.SUCCESS
    world.run()
    for trial in world.journal.experiment.trials:
        assert trial.status is TrialStatus.COMPLETED
        assert {a.adjustment for a in trial.attempts} == {Adjustment()}


def test_a_failed_program_runs_again_only_where_that_is_asked_for() -> None:
    world = growing_world(GROW)
    world.cluster.cause = lambda key: Cause.TRIAL if key == (0, 0) else Cause.SUCCESS
    world.run()
    assert world.journal.experiment.count(TrialStatus.COMPLETED) == 2


def test_bad_nodes_reach_the_runner() -> None:
    world = growing_world(RetryPolicies())
    fails = AttemptState(Phase.ENDED, Cause.INFRASTRUCTURE, "down", {BAD_NODE: "n3"})
    state = world.cluster.state
    world.cluster.state = lambda key: (  # type: ignore[method-assign]
        fails if key == (0, 0) else state(key)
    )
    world.run()
    assert isinstance(world.runner, GrowingRunner)
    assert world.runner.given[0, 1] == Adjustment(avoid=("n3",))


def n_hazards() -> int:
    world = growing_world(GROW, parallelism=2)
    world.cluster.cause = lambda key: Cause.MEMORY if key == (0, 0) else Cause.SUCCESS
    world.run()
    return world.hazards.n_passed


@pytest.mark.parametrize("fatal", range(n_hazards()))
def test_killed_at_any_point_the_retry_gets_the_same(fatal: int) -> None:
    world = growing_world(GROW, parallelism=2)
    world.cluster.cause = lambda key: Cause.MEMORY if key == (0, 0) else Cause.SUCCESS
    world.store.hazards = world.runner.hazards = Hazards(fatal)
    with pytest.raises(Killed):
        world.run()
    world.store.hazards = world.runner.hazards = Hazards()
    # The journal counts, not what the config has come to say meanwhile.
    staged = world.driver().experiment.staged_attempts()
    if (0, 1) in {attempt.key for attempt in staged}:
        world.limits = Limits(
            max_trials=2,
            parallelism=2,
            policies=RetryPolicies(memory=RetryPolicy(2, 3.0)),
        )
    world.run()
    assert isinstance(world.runner, GrowingRunner)
    assert world.runner.given[0, 1] == Adjustment(memory=2.0)
    assert set(world.cluster.n_starts.values()) == {1}
    assert world.journal.experiment.count(TrialStatus.COMPLETED) == 2
