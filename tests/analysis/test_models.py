"""The door to the models: they are fitted once, and say what the models say."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from hpcopt.analysis.models import Models, models_of
from hpcopt.analysis.plotly.surface.slice import SlicePlot
from hpcopt.core.errors import GenerationError, UsageError
from hpcopt.core.space.search_space import (
    ChoiceParameter,
    RangeParameter,
    SearchSpace,
)
from hpcopt.generation.predict import predict_metrics
from hpcopt.generation.snapshot import Snapshot
from tests.support.analysis_world import Outcome, losses, observed, view
from tests.support.generation_world import (
    MIXED,
    SQUARE,
    bowl,
    cube,
    mixed_bowl,
    sobol_points,
)
from tests.support.ishigami import FIRST, SECOND, TOTAL, ishigami
from tests.support.last_digits import Numbers

POINTS = sobol_points(SQUARE, 16)


def square_view(constraints: tuple[str, ...] = (), **kwargs: Any) -> Any:
    outcomes: list[Outcome] = [
        observed(loss=bowl(point), c=float(point["x"]), d=float(point["y"]) / 10)
        for point in POINTS
    ]
    return view(
        "-loss", outcomes, constraints, space=SQUARE, parameters=POINTS, **kwargs
    )


def test_cards_of_one_state_share_the_models(monkeypatch: pytest.MonkeyPatch) -> None:
    from hpcopt.generation.models.surrogate import Surrogate

    fits = []
    fit = Surrogate.fit

    def counted(data: Any) -> Surrogate:
        fits.append(data.name)
        return fit(data)

    monkeypatch.setattr(Surrogate, "fit", counted)
    now = square_view(("c >= 0.5",))
    for _ in range(2):
        models_of(now).predict("loss", POINTS)
        models_of(now).held_out("loss")
        models_of(now).effects("loss")
        models_of(now).probability_feasible(POINTS)
        models_of(now).objective(POINTS)
    assert sorted(fits) == ["-loss", "c >= 0.5", "loss"]


def test_models_go_with_the_state_that_they_are_of() -> None:
    now = square_view()
    models = weakref.ref(models_of(now))
    assert models_of(square_view()) is not models()
    del now
    gc.collect()
    assert models() is None


def test_predictions_are_those_of_the_client() -> None:
    now = square_view()
    mean, sem = models_of(now).predict("c", POINTS)
    expected = predict_metrics(Snapshot.of(now.core), POINTS)
    assert list(zip(mean, sem, strict=True)) == [one["c"] for one in expected]
    X = models_of(now).encode(POINTS)
    np.testing.assert_array_equal(models_of(now).predict("c", X)[0], mean)


def test_crashes_told_as_numbers_are_left_out_as_they_are_of_suggestions() -> None:
    points = sobol_points(SQUARE, 20)
    outcomes = [observed(loss=1e6 if float(p["x"]) > 0.7 else bowl(p)) for p in points]
    now = view("-loss", outcomes, space=SQUARE, parameters=points)
    mean, _ = models_of(now).predict("loss", points)
    expected = predict_metrics(Snapshot.of(now.core), points)
    assert mean.tolist() == [one["loss"][0] for one in expected]
    assert mean.max() < 1e3


def test_a_choice_of_many_values_is_seen_as_suggestions_see_it() -> None:
    space = SearchSpace(
        (
            RangeParameter("x", 0.0, 1.0),
            ChoiceParameter("many", tuple(f"v{k}" for k in range(90))),
        )
    )
    points = sobol_points(space, 12)
    outcomes = [observed(loss=float(p["x"])) for p in points]
    now = view("-loss", outcomes, space=space, parameters=points)
    assert models_of(now).space.d > space.d
    mean, _ = models_of(now).predict("loss", points)
    expected = predict_metrics(Snapshot.of(now.core), points)
    assert mean.tolist() == [one["loss"][0] for one in expected]
    assert models_of(now).effects("loss").indices.total[0] > 0.9
    card = SlicePlot("x").compute_or_error_card(now)
    assert card.title == "loss vs. x"


def test_many_points_are_asked_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    models = models_of(square_view(("c >= 0.5",)))
    at_once = models.predict("loss", POINTS), models.probabilities(POINTS)
    monkeypatch.setattr("hpcopt.analysis.models._CHUNK", 5)
    models = models_of(square_view(("c >= 0.5",)))  # which has answered nothing yet
    np.testing.assert_allclose(models.predict("loss", POINTS), at_once[0], rtol=1e-9)
    np.testing.assert_allclose(models.probabilities(POINTS), at_once[1], rtol=1e-9)
    assert models.predict("loss", [])[0].shape == (0,)


def test_the_objective_is_larger_where_it_is_better() -> None:
    mean, sem = models_of(square_view()).objective(POINTS)
    np.testing.assert_allclose(mean, [-bowl(p) for p in POINTS], atol=0.02)
    assert (sem > 0).all()


def test_feasibility_is_the_share_of_samples_that_satisfy_all() -> None:
    models = models_of(square_view(("c >= 0.42", "2*c - d <= 0.9")))
    points = sobol_points(SQUARE, 48)[16:]
    probability = models.probability_feasible(points)
    X = torch.from_numpy(models.encode(points))
    torch.manual_seed(0)
    feasible = torch.ones(20_000, len(points), dtype=torch.bool)
    for constraint in models.constraints:
        asked: Any = models._constraint(constraint)
        model = asked.surrogate.model
        with torch.no_grad():
            posterior = model.posterior(X)
        feasible &= posterior.rsample(torch.Size([20_000]))[..., 0] >= 0
    share = feasible.double().mean(dim=0).numpy()
    np.testing.assert_allclose(probability, share, atol=0.02)
    assert np.ptp(share) > 0.9


def test_without_constraints_everything_is_feasible() -> None:
    assert (models_of(square_view()).probability_feasible(POINTS) == 1).all()


def test_what_cannot_be_judged_is_not_known_and_says_why() -> None:
    models = models_of(square_view(("c >= 0.9 * baseline", "d >= 0")))
    assert models.why_not_feasible() == (
        "c >= 0.9 * baseline: the baseline, to which it is relative, has no outcome."
    )
    probabilities = models.probabilities(POINTS)
    assert np.isnan(probabilities[:, 0]).all()
    assert not np.isnan(probabilities[:, 1]).any()
    assert np.isnan(models.probability_feasible(POINTS)).all()
    assert models_of(square_view(("d >= 0",))).why_not_feasible() is None


def test_a_metric_that_nobody_measures_is_refused() -> None:
    with pytest.raises(
        UsageError, match=r"metric_name: expected one of loss, .* found 'lost'"
    ):
        models_of(square_view()).predict("lost", POINTS)


def test_one_trial_is_too_little_to_learn_from() -> None:
    with pytest.raises(GenerationError, match=r"at least 2 completed trials .*found 1"):
        models_of(view("-loss", losses(1.0))).predict("loss", [])


def model_of(
    space: SearchSpace, loss: Any, n: int, **kwargs: Any
) -> tuple[Models, list[Mapping[str, Any]]]:
    points = sobol_points(space, n)
    outcomes = [observed(loss=loss(point)) for point in points]
    found = view("-loss", outcomes, space=space, parameters=points, **kwargs)
    return models_of(found), list(points)


@pytest.mark.slow
def test_effects_of_a_learnt_function_are_the_functions() -> None:
    """Ishigami's, of which 500 points tell nearly all."""
    space = cube(3)

    def loss(point: Mapping[str, Any]) -> float:
        return float(ishigami(np.array([list(point.values())]))[0])

    models, _ = model_of(space, loss, 500)
    effects = models.effects("loss")
    assert effects.names == ("x0", "x1", "x2")
    indices = effects.indices
    assert indices.second is not None
    np.testing.assert_allclose(indices.first, FIRST, atol=0.02)
    np.testing.assert_allclose(indices.total, TOTAL, atol=0.02)
    np.testing.assert_allclose(indices.second, SECOND, atol=0.02)


def test_slopes_are_the_mean_gradient_of_the_posterior_mean() -> None:
    models, _ = model_of(SQUARE, lambda p: bowl(p) + float(p["x"]), 20)
    slopes = models.effects("loss").slopes
    metric: Any = models._metric("loss")
    X = torch.tensor(Numbers(1).random(1000, 2), requires_grad=True)
    mean = metric.sign * metric.surrogate.model.posterior(X).mean.sum()
    [gradient] = torch.autograd.grad(mean, X)
    np.testing.assert_allclose(slopes, gradient.mean(dim=0).numpy(), atol=0.02)
    assert slopes[0] > 0.5


def test_an_unordered_choice_is_one_parameter_without_a_direction() -> None:
    models, _ = model_of(MIXED, mixed_bowl, 40)
    effects = models.effects("loss")
    assert effects.names == ("rate", "layers", "dropout", "kind")
    assert effects.slopes[3] == 0
    assert effects.indices.total[3] > 0.02


def test_many_parameters_have_no_pairs() -> None:
    space = SearchSpace(tuple(RangeParameter(f"x{k}", 0.0, 1.0) for k in range(26)))
    models, _ = model_of(space, lambda p: float(p["x3"]), 30)
    effects = models.effects("loss")
    assert effects.indices.second is None
    assert np.argmax(effects.indices.total) == 3


def test_equal_outcomes_tell_of_no_effect() -> None:
    models, points = model_of(SQUARE, lambda _: 2.5, 8)
    effects = models.effects("loss")
    assert not effects.indices.total.any()
    np.testing.assert_allclose(models.predict("loss", points)[0], 2.5, atol=0.2)
