"""What the tests of analyses share: experiments made from outcomes alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hpcopt.analysis.experiment import ExperimentView
from hpcopt.core import events as ev
from hpcopt.core.experiment import Experiment
from hpcopt.core.space.search_space import ChoiceParameter, RangeParameter, SearchSpace
from hpcopt.core.trials.trial import Cause

Outcome = Mapping[str, ev.ObservedMetric]

#: Two parameters, one of them a choice.
SPACE = SearchSpace(
    (RangeParameter("x", 0.0, 1.0), ChoiceParameter("kind", ("a", "b")))
)


def experiment(
    objective: str,
    outcomes: Sequence[Outcome | None],
    constraints: Sequence[str] = (),
    *,
    space: SearchSpace = SPACE,
    parameters: Sequence[Mapping[str, Any]] | None = None,
    name: str = "bowl",
    settings: Mapping[str, Any] | None = None,
) -> Experiment:
    """Return an experiment with a trial for each outcome.

    Args:
        objective: As it is written.
        outcomes: What each trial gave; ``None`` is a failed one, an empty one a
            candidate.
        constraints: Outcome constraints, as they are written.
        space: What is searched.
        parameters: Of each trial; by default ``x`` goes up by a tenth.
        name: The experiment's name.
        settings: What may change from run to run.
    """
    definition: dict[str, Any] = {
        "name": name,
        **space.definition(),
        "objective": objective,
        "outcome_constraints": list(constraints),
        "seed": 0,
    }
    events: list[ev.Event] = [
        ev.ExperimentBegun(0.0, "test", definition, settings or {})
    ]
    for index, outcome in enumerate(outcomes):
        values: Mapping[str, Any] = (
            {"x": (index % 11) / 10, "kind": "a"}
            if parameters is None
            else parameters[index]
        )
        generated = ev.GeneratedTrial(index, values, "sobol")
        events.append(ev.TrialsGenerated(1.0 + index, (generated,)))
        if outcome is None:
            events.append(
                ev.TrialFailed(2.0 + index, index, Cause.TRIAL, "exit code 3")
            )
        elif outcome:
            events.append(ev.TrialCompleted(2.0 + index, index, outcome))
    return Experiment.from_events(events)


def view(*args: Any, **kwargs: Any) -> ExperimentView:
    """Return ``experiment(…)`` as analyses see it."""
    return ExperimentView(experiment(*args, **kwargs))


def observed(**values: float | tuple[float, float]) -> Outcome:
    """Return an outcome: means, or means with standard errors."""
    return {
        name: ev.ObservedMetric(*value)
        if isinstance(value, tuple)
        else ev.ObservedMetric(value)
        for name, value in values.items()
    }


def losses(*means: float) -> list[Outcome]:
    """Return outcomes of the one metric ``loss``."""
    return [observed(loss=mean) for mean in means]
