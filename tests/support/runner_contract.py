"""What every ``AttemptRunner`` must do; its implementations' tests subclass it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import pytest

from hpcopt.core.trials.trial import Attempt, AttemptState, Cause, Phase
from hpcopt.runners.protocol import AttemptRequest, AttemptRunner, Submission
from tests.support.waiting import wait_until

Key = tuple[int, int]


class RunnerWorld(Protocol):
    """Where a runner starts trials that exit with their parameter ``code``.

    A trial with the parameter ``hold`` set to ``yes`` does not end before ``release``.
    """

    def runner(self) -> AttemptRunner:
        """Return a runner as a driver makes it that begins now."""

    def release(self) -> None:
        """Let all trials end that are held."""


def request(
    trial_index: int, number: int = 0, *, code: int = 0, hold: bool = False
) -> AttemptRequest:
    parameters = {"code": code, "hold": "yes" if hold else "no"}
    return AttemptRequest(trial_index, number, parameters)


def submit(runner: AttemptRunner, submissions: Iterable[Submission]) -> list[Attempt]:
    """Submit, and return the attempts as the driver would know them."""
    attempts = []
    for submission in submissions:
        for position, metadata in enumerate(runner.submit(submission)):
            made = submission.requests[position]
            attempts.append(
                Attempt(
                    trial_index=made.trial_index,
                    number=made.number,
                    name=submission.name,
                    task=submission.task(position),
                    metadata=json.loads(json.dumps(metadata, allow_nan=False)),
                )
            )
    return attempts


def poll_until(
    runner: AttemptRunner, attempts: Sequence[Attempt], *phases: Phase
) -> Mapping[Key, AttemptState]:
    """Poll until every attempt is in one of ``phases``."""
    states: Mapping[Key, AttemptState] = {}

    def all_are() -> bool:
        nonlocal states
        states = runner.poll(attempts)
        return all(state.phase in phases for state in states.values())

    wait_until(all_are, told=lambda: states)
    return states


class RunnerContract:
    """Subclasses define the fixture ``world``, a ``RunnerWorld``."""

    def test_a_plan_holds_each_request_once_under_distinct_names(
        self, world: RunnerWorld
    ) -> None:
        requests = [request(0), request(1), request(2, 1), request(7)]
        submissions = world.runner().plan(requests)
        planned = [made for s in submissions for made in s.requests]
        assert sorted(r.key for r in planned) == [r.key for r in requests]
        assert len({s.name for s in submissions}) == len(submissions)

    def test_a_plan_is_no_submission(self, world: RunnerWorld) -> None:
        runner = world.runner()
        (submission,) = runner.plan([request(0)])
        assert runner.find(submission) is None
        assert world.runner().find(submission) is None

    def test_nothing_to_poll_is_no_answer(self, world: RunnerWorld) -> None:
        assert world.runner().poll([]) == {}

    @pytest.mark.parametrize(
        ("code", "cause"), [(0, Cause.SUCCESS), (3, Cause.TRIAL)], ids=["0", "3"]
    )
    def test_the_exit_code_decides_why_a_trial_ended(
        self, world: RunnerWorld, code: int, cause: Cause
    ) -> None:
        runner = world.runner()
        attempts = submit(runner, runner.plan([request(0, code=code)]))
        states = poll_until(runner, attempts, Phase.ENDED)
        assert [state.cause for state in states.values()] == [cause]

    def test_each_of_many_trials_is_told_apart(self, world: RunnerWorld) -> None:
        runner = world.runner()
        requests = [request(index, code=index % 2) for index in range(4)]
        attempts = submit(runner, runner.plan(requests))
        states = poll_until(runner, attempts, Phase.ENDED)
        causes = [states[r.key].cause for r in requests]
        assert causes == [Cause.SUCCESS, Cause.TRIAL, Cause.SUCCESS, Cause.TRIAL]

    def test_a_trial_runs_until_it_ends(self, world: RunnerWorld) -> None:
        runner = world.runner()
        attempts = submit(runner, runner.plan([request(0, hold=True)]))
        poll_until(runner, attempts, Phase.RUNNING)
        world.release()
        states = poll_until(runner, attempts, Phase.ENDED)
        assert states[0, 0].cause is Cause.SUCCESS

    def test_a_stopped_trial_ends_by_the_user(self, world: RunnerWorld) -> None:
        runner = world.runner()
        attempts = submit(runner, runner.plan([request(0, hold=True)]))
        poll_until(runner, attempts, Phase.RUNNING)
        runner.stop(attempts)
        states = poll_until(runner, attempts, Phase.ENDED)
        assert states[0, 0].cause is Cause.USER

    def test_a_submission_is_found_by_a_later_driver(self, world: RunnerWorld) -> None:
        first = world.runner()
        submissions = first.plan([request(0, hold=True)])
        attempts = submit(first, submissions)
        poll_until(first, attempts, Phase.RUNNING)
        found = world.runner().find(submissions[0])
        assert found is not None
        assert json.loads(json.dumps(list(found))) == [a.metadata for a in attempts]
        world.release()
        poll_until(first, attempts, Phase.ENDED)

    def test_a_later_driver_sees_how_a_trial_ended(self, world: RunnerWorld) -> None:
        first = world.runner()
        attempts = submit(first, first.plan([request(0, code=3)]))
        expected = poll_until(first, attempts, Phase.ENDED)
        first.close()
        seen = world.runner().poll(attempts)
        assert seen[0, 0].cause is expected[0, 0].cause
