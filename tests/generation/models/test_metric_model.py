"""The model of a single metric speaks in the metric's units."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hpcopt.core.trials.trial import Observation
from hpcopt.generation.models.metric_model import MetricModel
from hpcopt.generation.models.surrogate import N_CONDITIONED
from hpcopt.generation.predict import metric_model, predict_metrics
from tests.support.generation_world import (
    SQUARE,
    bowl,
    observed,
    snapshot,
    sobol_points,
)

POINTS = sobol_points(SQUARE, 20)


def test_it_predicts_what_the_client_predicts() -> None:
    now = snapshot(SQUARE, observed(POINTS, bowl))
    mean, sem = metric_model(now, "loss").predict(SQUARE.encode(POINTS))
    expected = [one["loss"] for one in predict_metrics(now, POINTS)]
    assert list(zip(mean.tolist(), sem.tolist(), strict=True)) == expected


def test_a_metric_that_is_minimised_keeps_its_sign() -> None:
    now = snapshot(SQUARE, observed(POINTS, bowl))
    model = MetricModel.fit(now, "loss")
    held_out = model.held_out()
    assert model.sign == -1
    np.testing.assert_allclose(held_out.observed, [bowl(p) for p in POINTS])
    assert held_out.trials == tuple(range(20))
    assert np.corrcoef(held_out.observed, held_out.predicted)[0, 1] > 0.95
    assert np.isnan(held_out.observed_sem).all()


def test_an_outcome_is_predicted_without_itself() -> None:
    """A wild outcome moves what is said of others, not what is said of itself."""
    losses = [bowl(p) for p in POINTS]
    losses[3] += 0.3
    wild = iter(losses)
    model = MetricModel.fit(
        snapshot(SQUARE, observed(POINTS, lambda _: next(wild))), "loss"
    )
    held_out = model.held_out()
    assert held_out.observed[3] == pytest.approx(losses[3])
    assert held_out.predicted[3] < losses[3] - 0.15


def test_known_noise_is_told_with_each_outcome() -> None:
    now = snapshot(SQUARE, observed(POINTS, bowl, sem=0.02))
    model = MetricModel.fit(now, "loss")
    np.testing.assert_allclose(model.held_out().observed_sem, 0.02)
    scaled = model.held_out(in_units=False)
    assert (scaled.observed_sem > 0).all()
    assert scaled.observed_sem.max() > 1.5 * scaled.observed_sem.min()


def test_on_the_models_scale_the_order_is_the_same() -> None:
    model = MetricModel.fit(snapshot(SQUARE, observed(POINTS, bowl)), "loss")
    there, here = model.held_out(in_units=False), model.held_out()
    np.testing.assert_array_equal(np.argsort(there.observed), np.argsort(here.observed))
    assert there.observed.std() == pytest.approx(1.0, abs=0.05)


def test_trials_without_the_metric_are_not_among_those_it_knows() -> None:
    trials = [*observed(POINTS, bowl)]
    trials[4] = replace(trials[4], outcome={"other": Observation(1.0)})
    model = MetricModel.fit(snapshot(SQUARE, tuple(trials)), "loss")
    assert model.trials == tuple(k for k in range(20) if k != 4)


def test_it_names_the_trials_of_the_subset_that_it_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert N_CONDITIONED > 20
    for module in ("metric_model", "surrogate"):
        monkeypatch.setattr(f"hpcopt.generation.models.{module}.N_CONDITIONED", 8)
    now = snapshot(SQUARE, observed(POINTS, bowl))
    model = MetricModel.fit(now, "loss")
    assert len(model.trials) == 8
    X = SQUARE.encode([now.completed[k].parameters for k in model.trials])
    np.testing.assert_array_equal(model.surrogate.data.X, X)


def test_an_average_is_known_better_than_each_of_its_points() -> None:
    now = snapshot(SQUARE, observed(POINTS, bowl))
    model = MetricModel.fit(now, "loss")
    X = np.random.default_rng(0).random((64, 2))
    mean, sem = model.average(X)
    means, sems = model.predict(X)
    assert mean == pytest.approx(means.mean())
    assert 0 < sem < 0.7 * sems.mean()
    [one], [its_sem] = model.predict(X[:1])
    assert model.average(X[:1]) == pytest.approx((one, its_sem), rel=0.2)
