from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from hpcopt.analysis.arms import ArmSelection, arm_table, arms_of, is_unlikely_feasible
from hpcopt.analysis.experiment import Arm, ExperimentView
from hpcopt.analysis.models import models_of
from hpcopt.core import events as ev
from hpcopt.core.errors import UsageError
from hpcopt.core.trials.trial import TrialStatus
from tests.support.analysis_world import experiment, observed, view


def observed_only(*names: str, **choices: object) -> ArmSelection:
    return ArmSelection(names, use_model_predictions=False, **choices)  # type: ignore[arg-type]


def test_what_was_observed_is_a_row_an_arm() -> None:
    seen = view("-loss", [observed(loss=(1.0, 0.5)), None, observed(loss=2.0), {}])
    df = arm_table(seen, observed_only("loss"))
    assert list(df.columns) == [
        "trial_index",
        "trial_status",
        "arm_name",
        "status_reason",
        "generation_node",
        "loss_mean",
        "loss_sem",
        "p_feasible_mean",
        "p_feasible_sem",
    ]
    assert df["arm_name"].tolist() == ["0_0", "2_0"]
    assert df["loss_mean"].tolist() == [1.0, 2.0]
    np.testing.assert_array_equal(df["loss_sem"], [0.5, math.nan])
    assert df["p_feasible_mean"].tolist() == [1.0, 1.0]


def test_what_the_model_says_is_of_pending_arms_too() -> None:
    seen = view("-loss", [observed(loss=k / 2) for k in range(4)] + [{}, None])
    df = arm_table(seen, ArmSelection(("loss",)))
    assert df["arm_name"].tolist() == ["0_0", "1_0", "2_0", "3_0", "4_0"]
    mean, sem = models_of(seen).predict("loss", [seen.trials[4].arm.parameters])
    assert df["loss_mean"].iloc[4] == pytest.approx(mean[0])
    assert df["loss_sem"].iloc[4] == pytest.approx(sem[0])


def test_arms_are_chosen_by_trial_or_by_status() -> None:
    seen = view("-loss", [observed(loss=1.0), None, observed(loss=2.0)])
    assert len(arm_table(seen, observed_only("loss", trial_index=2))) == 1
    failed = ArmSelection(("loss",), trial_statuses=[TrialStatus.FAILED])
    assert arm_table(seen, failed)["arm_name"].tolist() == ["1_0"]
    with pytest.raises(UsageError, match="expected it without trial_statuses"):
        ArmSelection(("loss",), trial_index=1, trial_statuses=[TrialStatus.FAILED])
    with pytest.raises(UsageError, match="one of the 3 trials"):
        arm_table(seen, observed_only("loss", trial_index=3))
    nothing = observed_only("loss", trial_statuses=[TrialStatus.RUNNING])
    assert nothing.why_not_yet(seen) == "No trial is of those that were chosen."


def test_an_arm_without_a_trial_is_predicted() -> None:
    seen = view("-loss", [observed(loss=k / 2) for k in range(4)])
    run = SimpleNamespace(
        arms=[SimpleNamespace(name="", parameters={"x": 0.7, "kind": "a"})]
    )
    extra = arms_of([Arm("mine", {"x": 0.5, "kind": "b"})], {"run": run})
    df = arm_table(seen, ArmSelection(("loss",), trial_index=-1, additional_arms=extra))
    assert df["arm_name"].tolist() == ["mine", "run_0"]
    assert df["trial_index"].tolist() == [-1, -1]
    assert df["trial_status"].tolist() == ["ADDITIONAL_ARM"] * 2
    with pytest.raises(UsageError, match="expected use_model_predictions=True"):
        observed_only("loss", additional_arms=extra)


def with_baseline() -> ExperimentView:
    outcomes = [observed(loss=(3.0, 0.3)), observed(loss=1.0)]
    core = experiment("-loss", outcomes)
    core.apply(ev.TrialAttached(9.0, 2, {"x": 0.5, "kind": "b"}, "today", True))
    core.apply(ev.TrialCompleted(9.5, 2, observed(loss=(-2.0, 0.1))))
    return ExperimentView(core)


def test_relative_values_are_shares_of_the_baselines_magnitude() -> None:
    df = arm_table(with_baseline(), observed_only("loss", relativize=True))
    # Named arms come first.
    assert df["arm_name"].tolist() == ["today", "0_0", "1_0"]
    assert df["loss_mean"].tolist() == [0.0, 2.5, 1.5]
    # d(m / |b|) = dm / |b| and m / b² db
    assert df["loss_sem"].iloc[1] == pytest.approx(math.hypot(0.3 / 2, 3 * 0.1 / 4))
    assert math.isnan(df["loss_sem"].iloc[2])


def test_without_the_baselines_outcome_nothing_is_relative() -> None:
    relative = observed_only("loss", relativize=True)
    seen = view("-loss", [observed(loss=1.0)])
    assert "no outcome of one yet" in str(relative.why_not_yet(seen))
    core = experiment("-loss", [observed(loss=1.0)])
    core.apply(ev.TrialAttached(9.0, 1, {"x": 0.5, "kind": "b"}, "today", True))
    core.apply(ev.TrialCompleted(9.5, 1, observed(loss=0.0)))
    with pytest.raises(UsageError, match="is not 0, found 0"):
        arm_table(ExperimentView(core), relative)


def test_how_likely_an_observed_arm_is_feasible() -> None:
    outcomes = [
        observed(loss=1.0, heat=(5.0, 1.0), load=1.0),
        observed(loss=1.0, heat=(3.0, 1.0), load=9.0),
        observed(loss=1.0, heat=4.0, load=1.0),
        observed(loss=1.0, heat=3.0),
    ]
    seen = view("-loss", outcomes, ["heat <= 4", "load <= 5"])
    df = arm_table(seen, observed_only("loss"))
    expected = [0.15865525393145707, 0.0, 1.0, math.nan]
    np.testing.assert_allclose(df["p_feasible_mean"], expected)
    assert is_unlikely_feasible(df).tolist() == [False, True, False, False]


def test_a_metric_that_there_is_not_is_an_error_and_not_waited_for() -> None:
    with pytest.raises(UsageError, match="metric_name: expected one of loss"):
        ArmSelection(("nope",)).why_not_yet(view("-loss", [observed(loss=1.0)]))
