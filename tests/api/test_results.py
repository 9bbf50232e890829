from __future__ import annotations

from collections.abc import Sequence

import pytest

from hpcopt.api.best import best_parameterization, pareto_frontier, predictions
from hpcopt.api.configs import ChoiceParameterConfig
from hpcopt.core import events as ev
from hpcopt.core.errors import GenerationError, UsageError
from hpcopt.core.experiment import Experiment
from hpcopt.core.trials.trial import Cause
from tests.support.api_world import X

# linear_operator still compiles a function with torch.jit when it is imported.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.torch.jit.script. is deprecated:DeprecationWarning"
)

KIND = ChoiceParameterConfig("kind", ["a", "b"], "str")

Outcome = dict[str, ev.ObservedMetric]


def experiment(
    objective: str,
    outcomes: Sequence[Outcome | None],
    outcome_constraints: Sequence[str] = (),
) -> Experiment:
    """Return an experiment with a trial for each outcome; ``None`` is a failed one."""
    events: list[ev.Event] = [
        ev.ExperimentBegun(
            0.0,
            "test",
            {
                "name": "bowl",
                "parameters": [X.parameter().to_json(), KIND.parameter().to_json()],
                "objective": objective,
                "outcome_constraints": list(outcome_constraints),
                "metrics": [{"name": "loss"}, {"name": "cost"}],
                "seed": 0,
            },
            {},
        )
    ]
    for index, outcome in enumerate(outcomes):
        x = index / 10
        trial = ev.GeneratedTrial(index, {"x": x, "kind": "a"}, "sobol")
        events.append(ev.TrialsGenerated(1.0, (trial,)))
        if outcome is None:
            events.append(ev.TrialFailed(2.0, index, Cause.TRIAL, "exit code 3"))
        elif outcome:
            events.append(ev.TrialCompleted(2.0, index, outcome))
    return Experiment.from_events(events)


def losses(*means: float, sem: float | None = None) -> list[Outcome]:
    return [{"loss": ev.ObservedMetric(mean, sem)} for mean in means]


def test_the_best_observed_trial_is_that_of_the_best_objective() -> None:
    minimised = experiment("-loss", losses(3.0, 1.0, 2.0))
    found = best_parameterization(minimised, use_model=False)
    assert str(found) == "({'x': 0.1, 'kind': 'a'}, {'loss': (1.0, nan)}, 1, '1_0')"
    maximised = experiment("loss", losses(3.0, 1.0, 2.0, sem=0.5))
    _, outcome, index, _ = best_parameterization(maximised, use_model=False)
    assert (outcome, index) == ({"loss": (3.0, 0.5)}, 0)


def test_failed_trials_are_never_the_best() -> None:
    found = best_parameterization(
        experiment("-loss", [None, *losses(2.0), None]), use_model=False
    )
    assert found[2] == 1


def test_without_a_completed_trial_there_is_no_best() -> None:
    with pytest.raises(UsageError, match="'bowl', found none among its 2 trials"):
        best_parameterization(experiment("-loss", [None, {}]), use_model=True)


def test_one_trial_is_the_best_as_it_was_observed() -> None:
    found = best_parameterization(experiment("-loss", losses(2.0)), use_model=True)
    assert str(found) == "({'x': 0.0, 'kind': 'a'}, {'loss': (2.0, nan)}, 0, '0_0')"


@pytest.mark.parametrize(
    ("objective", "best"), [("-loss", 4), ("loss", 0), ("-3*loss", 4)]
)
def test_the_model_tells_the_metric_in_its_own_sign_and_unit(
    objective: str, best: int
) -> None:
    means = [10 + (x / 10 - 0.4) ** 2 for x in range(8)]
    means[0] = 11.0
    found = best_parameterization(experiment(objective, losses(*means)), use_model=True)
    _, outcome, index, name = found
    assert (index, name) == (best, f"{best}_0")
    assert isinstance(outcome["loss"], tuple)
    mean, sem = outcome["loss"]
    assert mean == pytest.approx(means[best], abs=0.1)
    assert 0 <= sem < 0.3


def test_the_model_overrules_a_lucky_observation() -> None:
    means = [10 * abs(x / 10 - 0.4) for x in range(8)]
    outcomes = losses(*means, sem=0.05)
    outcomes[7] = {"loss": ev.ObservedMetric(-1.0, 20.0)}
    noisy = experiment("-loss", outcomes)
    assert best_parameterization(noisy, use_model=False)[2] == 7
    assert best_parameterization(noisy, use_model=True)[2] == 4


def test_of_a_weighted_sum_each_metric_is_told() -> None:
    outcomes = [
        {"loss": ev.ObservedMetric(abs(k - 2.0)), "cost": ev.ObservedMetric(1.0, 0.1)}
        for k in range(5)
    ]
    _, outcome, index, _ = best_parameterization(
        experiment("-loss - 2*cost", outcomes), use_model=True
    )
    assert index == 2
    assert list(outcome) == ["loss", "cost"]
    assert isinstance(outcome["cost"], tuple)
    assert outcome["cost"][0] == pytest.approx(1.0, abs=0.05)


def test_the_best_of_a_target_is_what_is_expected_closest_to_it() -> None:
    outcomes = losses(*(float(k) for k in range(8)), sem=0.05)
    outcomes[6] = {"loss": ev.ObservedMetric(3.5, 4.0)}
    noisy = experiment("-abs(loss - 3.4)", outcomes)
    assert best_parameterization(noisy, use_model=False)[2] == 6
    _, outcome, index, _ = best_parameterization(noisy, use_model=True)
    assert index == 3
    assert isinstance(outcome["loss"], tuple)
    assert outcome["loss"][0] == pytest.approx(3.0, abs=0.1)


# Several objectives

#: The second is dominated by the third; the last is of no interest where loss <= 5.
TRADE_OFFS: list[Outcome] = [
    {"loss": ev.ObservedMetric(loss), "cost": ev.ObservedMetric(cost)}
    for loss, cost in [(1.0, 9.0), (4.0, 4.0), (3.0, 3.0), (9.0, 1.0)]
]


@pytest.mark.parametrize("use_model", [False, True])
def test_the_frontier_has_the_trials_that_none_dominates(use_model: bool) -> None:
    several = experiment("-loss, -cost", TRADE_OFFS)
    frontier = pareto_frontier(several, use_model=use_model)
    assert [index for _, _, index, _ in frontier] == [0, 2, 3]
    _, outcome, _, name = frontier[0]
    assert set(outcome) == {"loss", "cost"}
    assert name == "0_0"


def test_trials_beyond_a_threshold_are_not_on_the_frontier() -> None:
    several = experiment("-loss, -cost", TRADE_OFFS, ["loss <= 5"])
    assert [b[2] for b in pareto_frontier(several, use_model=False)] == [0, 2]
    none = experiment("-loss, -cost", TRADE_OFFS, ["loss <= 0"])
    for use_model in (False, True):
        assert pareto_frontier(none, use_model=use_model) == []


def test_one_objective_has_a_best_and_several_have_a_frontier() -> None:
    with pytest.raises(UsageError, match="get_best_parameterization tells the best"):
        pareto_frontier(experiment("-loss", TRADE_OFFS), use_model=False)
    with pytest.raises(UsageError, match="get_pareto_frontier tells the best trade"):
        best_parameterization(experiment("-loss, -cost", TRADE_OFFS), use_model=False)
    with pytest.raises(UsageError, match="expected a completed trial"):
        pareto_frontier(experiment("-loss, -cost", []), use_model=False)


def test_predictions_are_of_each_metric_in_its_own_unit() -> None:
    outcomes: list[Outcome | None] = [
        {"loss": ev.ObservedMetric(100.0 + k), "cost": ev.ObservedMetric(-5.0 * k)}
        for k in range(9)
    ]
    known = experiment("-loss", outcomes)
    [predicted] = predictions(known, [{"x": 0.4, "kind": "a"}])
    assert predicted["loss"][0] == pytest.approx(104, abs=0.5)
    assert predicted["cost"][0] == pytest.approx(-20, abs=2.5)
    assert all(sem >= 0 for _, sem in predicted.values())


def test_a_metric_of_a_single_trial_is_not_predicted() -> None:
    outcomes = losses(1.0, 2.0, 3.0)
    outcomes[0]["cost"] = ev.ObservedMetric(1.0)
    known = experiment("-loss", outcomes)
    assert list(predictions(known, [{"x": 0.4, "kind": "a"}])[0]) == ["loss"]


def test_what_cannot_be_predicted_is_told() -> None:
    with pytest.raises(GenerationError, match="expected at least 2 completed trials"):
        predictions(experiment("-loss", losses(1.0)), [{"x": 0.4, "kind": "a"}])
    with pytest.raises(UsageError, match="expected a value in"):
        predictions(experiment("-loss", losses(1.0)), [{"x": 4.0, "kind": "a"}])
