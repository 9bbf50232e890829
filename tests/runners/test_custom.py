from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from hpcopt.core.errors import PollError, RunnerError, SubmissionDeferredError
from hpcopt.core.trials.trial import Attempt, Cause, Phase, TrialStatus
from hpcopt.core.types import TParameterization
from hpcopt.runners.custom import OwnRunner
from hpcopt.runners.protocol import IRunner
from tests.support.runner_contract import RunnerContract, poll_until, request, submit


class Rack(IRunner):
    """A user's runner: trials are numbers on a rack that outlives the driver."""

    def __init__(self) -> None:
        self.trials: dict[int, TrialStatus] = {}
        self.ends: dict[int, TrialStatus] = {}

    def run_trial(
        self, trial_index: int, parameterization: TParameterization
    ) -> dict[str, Any]:
        is_bad = parameterization["code"] != 0
        end = TrialStatus.FAILED if is_bad else TrialStatus.COMPLETED
        self.ends[trial_index] = end
        is_held = parameterization["hold"] == "yes"
        self.trials[trial_index] = TrialStatus.RUNNING if is_held else end
        return {"place": trial_index}

    def poll_trial(
        self, trial_index: int, trial_metadata: Mapping[str, Any]
    ) -> TrialStatus:
        return self.trials[trial_metadata["place"]]

    def stop_trial(
        self, trial_index: int, trial_metadata: Mapping[str, Any]
    ) -> dict[str, Any]:
        self.trials[trial_metadata["place"]] = TrialStatus.ABANDONED
        return {}

    def find_trial(
        self, trial_index: int, parameterization: TParameterization
    ) -> dict[str, Any] | None:
        return {"place": trial_index} if trial_index in self.trials else None


class RackWorld:
    def __init__(self) -> None:
        self.rack = Rack()

    def runner(self) -> OwnRunner:
        return OwnRunner(self.rack, "demo")

    def release(self) -> None:
        for index, status in self.rack.trials.items():
            if status is TrialStatus.RUNNING:
                self.rack.trials[index] = self.rack.ends[index]


class TestOwnRunner(RunnerContract):
    @pytest.fixture
    def world(self) -> RackWorld:
        return RackWorld()


class Plain(IRunner):
    """Answers what it is told to; an exception is raised."""

    def __init__(self, run: Any = None, poll: Any = TrialStatus.RUNNING) -> None:
        self.run = {} if run is None else run
        self.poll = poll

    def run_trial(self, trial_index: int, parameterization: TParameterization) -> Any:
        return self._answer(self.run)

    def poll_trial(self, trial_index: int, trial_metadata: Mapping[str, Any]) -> Any:
        return self._answer(self.poll)

    def _answer(self, answer: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer


def run(own: IRunner) -> tuple[OwnRunner, list[Attempt]]:
    runner = OwnRunner(own, "demo")
    return runner, submit(runner, runner.plan([request(5)]))


@pytest.mark.parametrize(
    ("status", "phase", "cause"),
    [
        (TrialStatus.CANDIDATE, Phase.WAITING, None),
        (TrialStatus.STAGED, Phase.WAITING, None),
        (TrialStatus.RUNNING, Phase.RUNNING, None),
        (TrialStatus.COMPLETED, Phase.ENDED, Cause.SUCCESS),
        (TrialStatus.FAILED, Phase.ENDED, Cause.TRIAL),
        (TrialStatus.ABANDONED, Phase.ENDED, Cause.USER),
        (TrialStatus.EARLY_STOPPED, Phase.ENDED, Cause.USER),
        (TrialStatus.STALE, Phase.ENDED, Cause.USER),
    ],
    ids=str,
)
def test_every_status_has_its_state(
    status: TrialStatus, phase: Phase, cause: Cause | None
) -> None:
    runner, attempts = run(Plain(poll=status))
    state = runner.poll(attempts)[5, 0]
    assert (state.phase, state.cause) == (phase, cause)


def test_a_run_trial_that_raises_fails_that_trial_alone() -> None:
    runner, attempts = run(Plain(run=ValueError("no such mesh")))
    state = runner.poll(attempts)[5, 0]
    assert state.cause is Cause.TRIAL
    assert state.reason == "run_trial raised ValueError: no such mesh"
    runner.stop(attempts)


def test_an_error_about_the_submission_keeps_its_meaning() -> None:
    with pytest.raises(SubmissionDeferredError, match="queue is full"):
        run(Plain(run=SubmissionDeferredError("the queue is full")))


def test_a_poll_trial_that_raises_is_no_failed_trial() -> None:
    own = Plain(poll=TimeoutError())
    runner, attempts = run(own)
    state = runner.poll(attempts)[5, 0]
    assert state.phase is Phase.UNKNOWN
    assert state.reason == "poll_trial raised TimeoutError"
    own.poll = TrialStatus.COMPLETED
    poll_until(runner, attempts, Phase.ENDED)


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (7, r"trial 5: metadata from run_trial: expected a dict, found 7"),
        ({"handle": object()}, r"trial 5: .*expected a JSON value for 'handle'"),
        ({"x": float("nan")}, r"trial 5: .*expected a JSON value for 'x', found nan"),
        ({3: 1}, r"trial 5: .*expected strings as keys, found 3"),
    ],
    ids=["no-dict", "object", "nan", "key"],
)
def test_metadata_that_a_journal_cannot_hold_is_refused(
    metadata: object, message: str
) -> None:
    with pytest.raises(RunnerError, match=message):
        run(Plain(run=metadata))


def test_metadata_is_what_the_journal_will_give_back() -> None:
    _, attempts = run(Plain(run={"ids": (1, 2), "by": {1: "a"}}))
    assert attempts[0].metadata == {"ids": [1, 2], "by": {"1": "a"}}


def test_a_status_of_another_type_is_refused() -> None:
    runner, attempts = run(Plain(poll="COMPLETED"))
    with pytest.raises(RunnerError, match=r"expected a TrialStatus .* 'COMPLETED'"):
        runner.poll(attempts)


def test_a_runner_that_cannot_stop_says_so() -> None:
    runner, attempts = run(Plain())
    with pytest.raises(RunnerError, match=r"trial 5: .*Plain has no stop_trial"):
        runner.stop(attempts)


def test_a_runner_without_find_trial_finds_nothing() -> None:
    runner, _ = run(Plain())
    (submission,) = runner.plan([request(5)])
    assert runner.find(submission) is None


def test_a_find_trial_that_raises_leaves_it_open() -> None:
    class Lost(Plain):
        def find_trial(
            self, trial_index: int, parameterization: TParameterization
        ) -> dict[str, Any] | None:
            raise OSError("no route")

    runner = OwnRunner(Lost(), "demo")
    (submission,) = runner.plan([request(5)])
    with pytest.raises(PollError, match="find_trial raised OSError: no route"):
        runner.find(submission)


def test_one_trial_is_launched_a_second_unless_the_runner_says_otherwise() -> None:
    now = 100.0
    rack = Rack()
    runner = OwnRunner(rack, "demo", clock=lambda: now)
    assert runner.n_acceptable == 0  # a driver that died may have launched one now
    now = 101.0
    assert runner.n_acceptable == 1
    submit(runner, runner.plan([request(0)]))
    assert runner.n_acceptable == 0
    now = 101.9
    assert runner.n_acceptable == 0
    now = 102.0
    assert runner.n_acceptable == 1
    rack.min_seconds_between_launches = 0.0
    now = 101.0
    assert runner.n_acceptable is None


def test_a_clock_that_is_set_back_holds_no_launch_up() -> None:
    now = 100.0
    runner = OwnRunner(Rack(), "demo", clock=lambda: now)
    now = 50.0
    assert runner.n_acceptable == 1
