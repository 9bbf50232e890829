from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from hpcopt.core import events as ev
from hpcopt.core.errors import StorageError
from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.trial import Cause, Observation, Phase, TrialStatus
from hpcopt.core.types import JSONValue
from tests.support.store_contract import BEGUN, EVENTS


def generated(*indices: int) -> ev.TrialsGenerated:
    return ev.TrialsGenerated(
        2.0, tuple(ev.GeneratedTrial(i, {"x": i / 10}, "sobol") for i in indices)
    )


def staged(number: int = 0, index: int = 0, time: float = 3.0) -> ev.AttemptsStaged:
    name = f"hpcopt:mug:{index}:{number}"
    return ev.AttemptsStaged(time, (ev.StagedAttempt(index, number, name),))


def submitted(number: int = 0, index: int = 0) -> ev.AttemptsSubmitted:
    attempt = ev.SubmittedAttempt(index, number, {"job_id": "17"})
    return ev.AttemptsSubmitted(4.0, (attempt,))


def observed(phase: Phase, time: float = 5.0, number: int = 0) -> ev.AttemptObserved:
    return ev.AttemptObserved(time, 0, number, phase, "because", {"node": "n1"})


def ended(cause: Cause = Cause.SUCCESS, number: int = 0) -> ev.AttemptEnded:
    return ev.AttemptEnded(6.0, 0, number, cause, "it ended", {"exit_code": 0})


def completed(index: int = 0, loss: float = 1.0) -> ev.TrialCompleted:
    return ev.TrialCompleted(7.0, index, {"loss": ev.ObservedMetric(loss, 0.5, 3)})


def experiment(*events: ev.Event) -> Experiment:
    return Experiment.from_events([BEGUN, *events])


# What it is


def test_a_new_experiment_has_its_definition_and_nothing_else() -> None:
    new = experiment()
    assert (new.name, new.seed, new.n_trials, new.trials) == ("mug", 0, 0, ())
    assert new.space.parameters[0].name == "x"
    assert new.objective.weights == {"loss": -1.0}
    assert new.settings == {"max_trials": 3}
    assert new.best_trials() == []
    assert (new.n_events, new.last_event_time) == (1, 0.5)


def test_drivers_and_settings_are_those_of_the_latest_events() -> None:
    begun = ev.DriverBegun(1.0, "login1", 1, "0.1.0")
    over = ev.DriverEnded(2.0, "done", {"squeue": 2, "sbatch": 1})
    one = experiment(begun, over)
    assert one.ended == over
    two = experiment(
        begun, over, replace(begun, pid=2), ev.SettingsChanged(4.0, {"a": 1}, ("a",))
    )
    assert two.ended is None
    assert [driver.pid for driver in two.drivers] == [1, 2]
    assert two.settings == {"a": 1}
    two.apply(replace(over, time=9.0))
    assert two.driver_activity.calls == {"squeue": 4, "sbatch": 2}
    assert (two.n_events, two.last_event_time) == (6, 9.0)


# A trial's life


def test_a_trial_goes_from_candidate_to_completed() -> None:
    one = experiment(generated(0))
    statuses = [one.trial(0).status]
    for event in (
        staged(),
        submitted(),
        observed(Phase.WAITING),
        observed(Phase.RUNNING),
        ended(),
        completed(),
    ):
        one.apply(event)
        statuses.append(one.trial(0).status)
    assert [status.name for status in statuses] == [
        "CANDIDATE", "STAGED", "STAGED", "STAGED", "RUNNING", "RUNNING", "COMPLETED",
    ]  # fmt: skip
    trial = one.trial(0)
    assert trial.outcome == {"loss": Observation(1.0, 0.5, 3)}
    assert (trial.created_at, trial.ended_at) == (2.0, 7.0)
    assert trial.generation_method == "sobol"


def test_an_attempt_keeps_what_was_seen_of_it() -> None:
    one = experiment(generated(0), staged(), submitted(), observed(Phase.RUNNING))
    one.apply(observed(Phase.RUNNING, time=5.5))
    one.apply(ended(Cause.TRIAL))
    attempt = one.trial(0).attempt
    assert attempt is not None
    assert attempt.name == "hpcopt:mug:0:0"
    assert attempt.metadata == {"job_id": "17"}
    assert (attempt.staged_at, attempt.submitted_at) == (3.0, 4.0)
    assert (attempt.started_at, attempt.ended_at) == (5.0, 6.0)
    assert (attempt.phase, attempt.cause) == (Phase.ENDED, Cause.TRIAL)
    assert (attempt.reason, attempt.facts) == ("it ended", {"exit_code": 0})


def test_a_requeued_attempt_waits_again_and_starts_anew() -> None:
    one = experiment(generated(0), staged(), submitted(), observed(Phase.RUNNING, 5.0))
    one.apply(observed(Phase.WAITING, 6.0))
    attempt = one.trial(0).attempt
    assert attempt is not None
    assert attempt.started_at is None
    assert one.trial(0).status is TrialStatus.STAGED
    one.apply(observed(Phase.RUNNING, 7.0))
    attempt = one.trial(0).attempt
    assert attempt is not None
    assert attempt.started_at == 7.0


def test_an_attempt_that_cannot_be_seen_just_now_stays_what_it_was() -> None:
    one = experiment(generated(0), staged(), submitted(), observed(Phase.RUNNING))
    one.apply(observed(Phase.UNKNOWN, 6.0))
    attempt = one.trial(0).attempt
    assert attempt is not None
    assert attempt.started_at == 5.0
    assert one.trial(0).status is TrialStatus.RUNNING


def test_a_retried_trial_has_both_attempts() -> None:
    one = experiment(generated(0), staged(), submitted(), ended(Cause.INFRASTRUCTURE))
    one.apply(staged(1))
    assert [a.cause for a in one.trial(0).attempts] == [Cause.INFRASTRUCTURE, None]
    assert one.trial(0).status is TrialStatus.STAGED
    assert [a.key for a in one.staged_attempts()] == [(0, 1)]


def test_staged_attempts_may_be_submitted_and_live_ones_are() -> None:
    one = experiment(generated(0, 1, 2), staged(), staged(index=1), submitted())
    assert [a.key for a in one.live_attempts()] == [(0, 0)]
    assert [a.key for a in one.staged_attempts()] == [(1, 0)]
    one.apply(ended())
    assert one.live_attempts() == []
    assert [t.index for t in one.open_trials()] == [0, 1, 2]


def test_a_failed_or_abandoned_trial_says_why() -> None:
    one = experiment(generated(0, 1))
    one.apply(ev.TrialFailed(7.0, 0, Cause.MEMORY, "too large"))
    one.apply(ev.TrialAbandoned(8.0, 1, "asked for"))
    first, second = one.trials
    assert (first.status, first.cause, first.reason, first.ended_at) == (
        TrialStatus.FAILED, Cause.MEMORY, "too large", 7.0,
    )  # fmt: skip
    assert (second.status, second.cause, second.reason, second.ended_at) == (
        TrialStatus.ABANDONED, Cause.USER, "asked for", 8.0,
    )  # fmt: skip
    assert one.open_trials() == []


def test_the_counts_are_those_of_the_trials() -> None:
    one = Experiment.from_events(EVENTS)
    for status in TrialStatus:
        assert one.count(status) == sum(t.status is status for t in one.trials)
    assert one.count(TrialStatus.COMPLETED, TrialStatus.FAILED) == 2
    assert one.n_events == len(EVENTS)


def test_the_best_trial_is_the_completed_one_with_the_best_objective() -> None:
    one = experiment(generated(0, 1, 2, 3))
    for index, loss in enumerate((3.0, 1.0, 2.0)):
        one.apply(completed(index, loss))
    best = one.best_trials()[0]
    assert best.index == 1


def test_a_trial_without_the_objectives_metric_is_not_the_best() -> None:
    one = experiment(generated(0))
    one.apply(ev.TrialCompleted(1.0, 0, {"cost": ev.ObservedMetric(1.0)}))
    assert one.best_trials() == []


def constrained(*heats: float | None) -> Experiment:
    """Return an experiment with a trial for each heat, a better one each time."""
    definition: Mapping[str, JSONValue] = {
        **BEGUN.definition,
        "outcome_constraints": ["heat <= 5"],
    }
    one = Experiment(replace(BEGUN, definition=definition))
    one.apply(generated(*range(len(heats))))
    for index, heat in enumerate(heats):
        outcome = {"loss": ev.ObservedMetric(-index)}
        if heat is not None:
            outcome["heat"] = ev.ObservedMetric(heat)
        one.apply(ev.TrialCompleted(7.0, index, outcome))
    return one


def test_the_best_trials_are_feasible() -> None:
    best = constrained(3.0, 5.0, 6.0, None).best_trials()
    assert [trial.index for trial in best] == [1, 0]


def test_there_is_no_best_trial_where_none_is_feasible() -> None:
    assert constrained(6.0, 7.0).best_trials() == []


def test_a_definition_without_constraints_has_none() -> None:
    assert experiment().goals.constraints == ()


# By hand


def test_a_trial_that_is_handed_out_runs_without_a_runner() -> None:
    one = experiment(generated(0, 1), ev.TrialsHandedOut(3.0, (1,)))
    trial = one.trial(1)
    assert (trial.status, trial.is_manual) == (TrialStatus.RUNNING, True)
    assert [trial.index for trial in one.open_trials()] == [0]
    assert [trial.index for trial in one.manual_trials()] == [1]
    one.apply(completed(1))
    assert one.manual_trials() == []
    assert one.best_trials()[0] == one.trial(1)


def test_only_a_candidate_is_handed_out() -> None:
    one = experiment(generated(0), staged())
    with pytest.raises(StorageError, match="trial 0: expected a candidate"):
        one.apply(ev.TrialsHandedOut(4.0, (0,)))


def test_what_is_handed_out_is_not_handed_out_again() -> None:
    one = experiment(generated(0, 1), ev.TrialsHandedOut(3.0, (1,)))
    with pytest.raises(StorageError, match=r"1: .* one that a script has"):
        one.apply(ev.TrialsHandedOut(4.0, (1,)))


def test_an_attached_trial_has_the_name_it_was_given() -> None:
    one = experiment(
        ev.TrialAttached(1.0, 0, {"x": 0.5}, "mine"),
        ev.TrialAttached(2.0, 1, {"x": 0.5}),
    )
    assert [trial.arm_name for trial in one.trials] == ["mine", "1_0"]
    assert one.trial(0).generation_method == "manual"
    assert one.count(TrialStatus.RUNNING) == 2
    with pytest.raises(StorageError, match="expected trial 2 to be attached next"):
        one.apply(ev.TrialAttached(2.0, 5, {"x": 0.5}))


def test_later_data_add_to_and_replace_earlier_ones() -> None:
    one = experiment(
        ev.TrialAttached(1.0, 0, {"x": 0.5}),
        ev.DataAttached(2.0, 0, {"loss": ev.ObservedMetric(3.0, step=1)}),
        ev.DataAttached(3.0, 0, {"loss": ev.ObservedMetric(2.0, step=2)}),
        completed(0),
        ev.DataAttached(8.0, 0, {"cost": ev.ObservedMetric(7.0)}),
    )
    outcome = {"loss": Observation(1.0, 0.5, 3), "cost": Observation(7.0)}
    assert one.trial(0).outcome == outcome
    assert one.trial(0).status is TrialStatus.COMPLETED


def test_what_a_failed_trial_measured_means_nothing() -> None:
    one = experiment(
        ev.TrialAttached(1.0, 0, {"x": 0.5}),
        ev.TrialFailed(2.0, 0, Cause.TRIAL, "it burst"),
    )
    with pytest.raises(StorageError, match="trial 0 is FAILED: data of it mean"):
        one.apply(ev.DataAttached(3.0, 0, {"loss": ev.ObservedMetric(3.0)}))


def test_a_relative_constraint_waits_for_the_baseline() -> None:
    definition: Mapping[str, JSONValue] = {
        **BEGUN.definition,
        "outcome_constraints": ["heat <= 2 * baseline"],
    }
    one = Experiment(replace(BEGUN, definition=definition))
    one.apply(ev.TrialAttached(1.0, 0, {"x": 0.5}, "baseline", is_baseline=True))
    assert not one.absolute_goals.is_absolute
    outcome = {"loss": ev.ObservedMetric(1.0), "heat": ev.ObservedMetric(10.0)}
    one.apply(ev.TrialCompleted(2.0, 0, outcome))
    assert one.absolute_goals.constraint_expressions == ("heat <= 20.0",)
    assert one.best_trials()[0] == one.baseline


def test_a_copy_hands_out_by_itself() -> None:
    one = experiment(generated(0))
    twin = one.copy()
    twin.apply(ev.TrialsHandedOut(3.0, (0,)))
    assert one.manual_trials() == []
    assert len(one.open_trials()) == 1


def test_the_latest_generation_is_remembered() -> None:
    first = replace(generated(0), seconds=0.5, details={"a": 1})
    second = replace(generated(1), seconds=0.25, details={"b": 2})
    one = experiment(first, second)
    assert one.generation_details == {"b": 2}
    assert one.generation_seconds == [0.5, 0.25]


def test_a_copy_grows_by_itself() -> None:
    one = Experiment.from_events(EVENTS[:4])
    twin = one.copy()
    for event in EVENTS[4:]:
        twin.apply(event)
    twin.apply(EVENTS[1])
    assert (one.n_events, twin.n_events) == (4, len(EVENTS) + 1)
    assert {trial.status for trial in one.trials} == {TrialStatus.CANDIDATE}
    assert one.count(TrialStatus.CANDIDATE) == len(one.open_trials()) == 3
    assert (len(one.drivers), len(one.generation_seconds)) == (1, 1)
    assert not one.driver_activity.calls
    twin.apply(generated(5))
    assert (one.n_trials, len(one.generation_seconds)) == (3, 1)


def test_an_event_of_any_kind_changes_what_is_known() -> None:
    one = Experiment(BEGUN)
    for event in EVENTS[1:]:
        before = one.copy()
        one.apply(event)
        known = [
            {
                **vars(it),
                "n_events": 0,
                "last_event_time": 0.0,
                "_table": vars(it._table),
            }
            for it in (before, one)
        ]
        assert known[0] != known[1], type(event).__name__


# What cannot be


@pytest.mark.parametrize(
    ("first", "found"), [((), "nothing"), ((generated(0),), "TrialsGenerated")]
)
def test_a_journal_starts_with_its_experiment(
    first: tuple[ev.Event, ...], found: str
) -> None:
    with pytest.raises(
        StorageError, match=f"starts with ExperimentBegun, found {found}"
    ):
        Experiment.from_events(first)


LIVE = (generated(0), staged(), submitted())
OVER = (*LIVE, ended())


@pytest.mark.parametrize(
    ("before", "event", "message"),
    [
        ((), BEGUN, "ExperimentBegun appears twice"),
        ((), generated(1), "expected trial 0 to be generated next, found trial 1"),
        ((generated(0),), generated(0), "expected trial 1 to be generated next"),
        ((), staged(), "trial 0 does not exist; there are none so far"),
        (
            (generated(0, 1),),
            staged(index=2),
            "trial 2 does not exist; there are 0 to 1",
        ),
        ((generated(0),), completed(-1), "trial -1 does not exist"),
        (
            (generated(0),),
            staged(1),
            "trial 0: expected attempt 0 next, found attempt 1",
        ),
        (LIVE, staged(1), "trial 0: expected attempt 0 to end before another one"),
        (OVER, staged(0), "trial 0: expected attempt 1 next, found attempt 0"),
        ((generated(0),), submitted(), r"its live attempt \(none\), .* attempt 0"),
        (LIVE, submitted(), "trial 0: attempt 0 was submitted already, with .*17"),
        (
            OVER,
            submitted(),
            r"trial 0: expected a fact about its live attempt \(none\)",
        ),
        (
            LIVE,
            submitted(1),
            r"its live attempt \(attempt 0\), found one about attempt 1",
        ),
        (LIVE, observed(Phase.ENDED), "trial 0: expected AttemptEnded to tell that"),
        (LIVE, observed(Phase.RUNNING, number=1), r"\(attempt 0\), .* attempt 1"),
        (OVER, observed(Phase.RUNNING), r"its live attempt \(none\)"),
        ((generated(0),), observed(Phase.RUNNING), r"its live attempt \(none\)"),
        (OVER, ended(), r"its live attempt \(none\), found one about attempt 0"),
        ((*OVER, staged(1)), ended(number=0), r"\(attempt 1\), .* attempt 0"),
        (
            (*OVER, completed()),
            completed(),
            r"trial 0 has ended \(COMPLETED\); nothing",
        ),
        ((*OVER, completed()), staged(1), r"trial 0 has ended \(COMPLETED\)"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, tuple) else "",
)
def test_an_event_that_contradicts_the_others_is_refused(
    before: tuple[ev.Event, ...], event: ev.Event, message: str
) -> None:
    one = experiment(*before)
    trials, n_events = one.trials, one.n_events
    with pytest.raises(StorageError, match=message):
        one.apply(event)
    assert (one.trials, one.n_events) == (trials, n_events)
