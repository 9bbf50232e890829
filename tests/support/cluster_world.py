"""Experiments whose trials ran on a cluster, as analyses see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hpcopt.analysis.experiment import ExperimentView
from hpcopt.core import events as ev
from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.trial import Cause, Phase
from tests.support.analysis_world import SPACE, observed

#: When all begins, in seconds since the epoch.
T0 = 1_800_000_000.0


@dataclass(frozen=True)
class Ran:
    """One attempt, and what is known of it; times are in seconds since ``T0``."""

    submitted: float
    started: float | None
    ended: float | None
    cause: Cause = Cause.SUCCESS
    facts: Mapping[str, Any] = field(default_factory=dict)
    requested: Mapping[str, Any] = field(default_factory=lambda: {"cpus": 2})

    def accounted(self, cpus: int, **more: Any) -> Ran:
        """Return it with what an accounting told of it."""
        assert self.ended is not None
        told = {
            "cpus": cpus,
            "submitted_at": T0 + self.submitted,
            "elapsed_s": self.ended - (self.started or self.ended),
            "ended_at": T0 + self.ended,
            **({} if self.started is None else {"started_at": T0 + self.started}),
            **more,
        }
        facts = {**self.facts, "accounting": told}
        return Ran(self.submitted, self.started, self.ended, self.cause, facts)


def cluster_view(
    trials: Sequence[Sequence[Ran]],
    *,
    parameters: Sequence[Mapping[str, Any]] | None = None,
    space: Any = SPACE,
    settings: Mapping[str, Any] | None = None,
    calls: Mapping[str, int] | None = None,
    early_stopped: Sequence[int] = (),
    end: float | None = None,
) -> ExperimentView:
    """Return an experiment of which each trial has the given attempts.

    Args:
        trials: The attempts of each trial.
        parameters: Of each trial; by default ``x`` goes up by a tenth.
        space: What is searched.
        settings: What may change from run to run.
        calls: The calls of the scheduler that the driver tells at its end.
        early_stopped: The trials that were stopped early.
        end: When the last event is, if not at the last attempt's.
    """
    definition: dict[str, Any] = {
        "name": "on a cluster",
        **space.definition(),
        "objective": "-loss",
        "outcome_constraints": [],
        "seed": 0,
    }
    made: list[ev.Event] = [
        ev.ExperimentBegun(T0, "test", definition, settings or {}),
        ev.DriverBegun(T0, "login1", 1, "test"),
    ]
    last = 0.0
    for index, attempts in enumerate(trials):
        values: dict[str, Any] = {"x": (index % 11) / 10, "kind": "ab"[index % 2]}
        values = values if parameters is None else dict(parameters[index])
        made.append(
            ev.TrialsGenerated(T0, (ev.GeneratedTrial(index, values, "sobol"),))
        )
        for number, ran in enumerate(attempts):
            made += _events(index, number, ran)
            last = max(last, ran.ended or ran.started or ran.submitted)
        if attempts and attempts[-1].ended is not None:
            stopped = index in early_stopped
            made.append(_verdict(index, attempts[-1], is_early_stopped=stopped))
    end = last if end is None else end
    if calls is not None:
        made.append(ev.DriverEnded(T0 + end, "all trials have ended", calls))
    else:
        made.append(ev.DriverNoted(T0 + end, "", {}))
    return ExperimentView(Experiment.from_events(made))


def _events(index: int, number: int, ran: Ran) -> list[ev.Event]:
    staged = ev.StagedAttempt(index, number, f"hpcopt:a:{index}:{number}")
    metadata: dict[str, Any] = {"job_id": f"{index}", "requested": dict(ran.requested)}
    submitted = ev.SubmittedAttempt(index, number, metadata)
    made: list[ev.Event] = [
        ev.AttemptsStaged(T0 + ran.submitted, (staged,)),
        ev.AttemptsSubmitted(T0 + ran.submitted, (submitted,)),
    ]
    which = (index, number)
    if ran.started is not None:
        time = T0 + ran.started
        made.append(ev.AttemptObserved(time, *which, Phase.RUNNING, "", {}))
    if ran.ended is not None:
        time = T0 + ran.ended
        made.append(ev.AttemptEnded(time, *which, ran.cause, "it ended", ran.facts))
    return made


def _verdict(index: int, ran: Ran, *, is_early_stopped: bool) -> ev.Event:
    assert ran.ended is not None
    time = T0 + ran.ended
    if is_early_stopped:
        return ev.TrialEarlyStopped(time, index, "it was not promising")
    if ran.cause is Cause.SUCCESS:
        return ev.TrialCompleted(time, index, observed(loss=float(index)))
    if ran.cause is Cause.USER:
        return ev.TrialAbandoned(time, index, "a person cancelled it")
    return ev.TrialFailed(time, index, ran.cause, "it failed")
