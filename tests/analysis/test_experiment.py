"""The experiment as analyses see it, by the names of Ax's ``Experiment``."""

from __future__ import annotations

import math

import pytest

from hpcopt.analysis.experiment import (
    ExperimentView,
    required,
)
from hpcopt.analysis.metrics import check_metrics, selected_metric
from hpcopt.analysis.models import models_of
from hpcopt.core import events as ev
from hpcopt.core.errors import UsageError
from hpcopt.core.trials.trial import TrialStatus
from tests.support.analysis_world import experiment, losses, observed, view


def test_trials_are_found_by_index_and_by_status() -> None:
    seen = view("-loss", [*losses(1.0), None, {}])
    assert list(seen.trials) == [0, 1, 2]
    trial = seen.trials[1]
    assert (trial.index, trial.status) == (1, TrialStatus.FAILED)
    assert trial.status_reason == "exit code 3"
    assert (trial.arm.name, trial.arms) == ("1_0", [trial.arm])
    assert trial.arm.parameters == {"x": 0.1, "kind": "a"}
    assert trial.run_metadata == {}
    assert "index=1" in repr(trial)
    assert seen.trials_by_status[TrialStatus.FAILED] == {trial}
    assert seen.trial_indices_by_status[TrialStatus.COMPLETED] == {0}
    assert seen.trial_indices_by_status[TrialStatus.RUNNING] == set()
    assert seen.arms_by_name["1_0"] is trial.arm
    assert seen.status_quo is None


def test_what_is_wanted_is_told_of_each_metric() -> None:
    seen = view(
        "-abs(ph - 7), -cost",
        [observed(ph=7.0, cost=1.0, heat=2.0, seen=3.0)],
        ["heat <= 4", "cost <= 9"],
    )
    lower = {name: metric.lower_is_better for name, metric in seen.metrics.items()}
    assert lower == {"ph": None, "cost": True, "heat": True, "seen": None}
    config = seen.optimization_config
    assert [one.expression for one in config.outcome_constraints] == ["heat <= 4"]
    assert len(config.objectives) == len(config.objective_thresholds) == 2
    assert list(config.metrics) == ["ph", "cost", "heat"]
    with pytest.raises(UsageError, match="found 2"):
        _ = config.objective
    assert view("-loss", []).optimization_config.objective.expression == "-loss"


def test_the_data_are_a_row_for_each_trial_and_metric() -> None:
    df = view("-loss", [observed(loss=(1.0, 0.5), seen=2.0)]).lookup_data().df
    assert df["metric_name"].tolist() == ["loss", "seen"]
    assert df["mean"].tolist() == [1.0, 2.0]
    assert df["sem"].tolist()[0] == 0.5
    assert math.isnan(df["sem"].tolist()[1])
    assert "step" not in df.columns
    empty = view("-loss", []).lookup_data().df
    assert empty.empty
    assert "mean" in empty.columns


def test_the_data_have_a_row_for_each_step() -> None:
    core = experiment("-loss", [{}])
    core.apply(ev.TrialsHandedOut(1.5, (0,)))
    for time, step, mean in ((2.0, 1, 5.0), (3.0, 2, 4.0), (4.0, 2, 3.0)):
        told = {"loss": ev.ObservedMetric(mean, None, step)}
        core.apply(ev.DataAttached(time, 0, told))
    core.apply(ev.TrialCompleted(5.0, 0, core.trial(0).outcome))
    df = ExperimentView(core).lookup_data().df
    assert df[["step", "mean"]].to_numpy().tolist() == [[1.0, 5.0], [2.0, 3.0]]
    assert [report.time for report in core.trial(0).reports] == [2.0, 3.0, 4.0]


def test_it_stays_as_it_was() -> None:
    core = experiment("-loss", [{}])
    seen = ExperimentView(core)
    core.apply(ev.TrialCompleted(5.0, 0, losses(1.0)[0]))
    assert seen.trials[0].status is TrialStatus.CANDIDATE
    assert seen.lookup_data().df.empty


def test_a_metric_that_there_is_not_is_refused() -> None:
    seen = view("-loss", losses(1.0))
    with pytest.raises(UsageError, match="expected one of loss, found 'los'; did you"):
        check_metrics(seen, ["los"])
    assert selected_metric(seen, None) == selected_metric(seen, "loss") == "loss"
    with pytest.raises(UsageError, match="expected one of a, b"):
        selected_metric(view("a, b", []), None)
    with pytest.raises(UsageError, match="has several metrics"):
        selected_metric(view("a - b", []), None)
    with pytest.raises(UsageError, match="expected one to analyse"):
        required(None)


def test_a_view_may_show_only_some_trials_and_knows_all() -> None:
    whole = view("-loss", [*losses(1.0, 0.5, 0.2), None])
    assert list(whole.trials) == [0, 1, 2, 3]
    some = whole.showing([2, 0, 2])
    assert list(some.trials) == [0, 2]
    assert list(some.arms_by_name) == ["0_0", "2_0"]
    assert some.trials_by_status[TrialStatus.FAILED] == set()
    assert some.trials[3].status is TrialStatus.FAILED
    assert list(some.trials) == [0, 2]
    assert some.core.n_trials == 4
    assert models_of(some) is models_of(whole)
    assert list(whole.trials) == [0, 1, 2, 3]
