"""The logarithm of expected improvement, and its gradient."""

from __future__ import annotations

import numpy as np
import pytest

from hpcopt.generation.acquisition.log_ei import (
    GaussianImprovement,
    LogNoisyExpectedImprovement,
    log_h,
)
from hpcopt.generation.models.gaussian_process import (
    Array,
    GaussianProcess,
    Hyperparameters,
)
from hpcopt.generation.models.priors import Priors
from hpcopt.generation.models.surrogate import Surrogate
from hpcopt.generation.models.training_data import TrainingData
from tests.support.differences import assert_gradients
from tests.support.generation_world import (
    SQUARE,
    bowl,
    log_ei,
    observed,
    snapshot,
    sobol_points,
    untransformed,
)
from tests.support.last_digits import Numbers

pytestmark = pytest.mark.filterwarnings(
    "ignore:.torch.jit.script. is deprecated:DeprecationWarning"
)


def test_log_h_is_right_from_far_below_to_far_above() -> None:
    z = np.array([-1e6, -1e4, -50.0, -1.0, -0.999, 0.0, 5.0, 60.0])
    # mpmath, 60 digits
    expected = [
        -500000000028.5499596491,
        -50000019.33961930715704,
        -1258.744182868460853,
        -2.485121025712641337,
        -2.483217115447585441,
        -0.918938533204672742,
        1.609437923126431385,
        4.094344562222100683,
    ]
    values, slopes = log_h(z)
    np.testing.assert_allclose(values, expected, rtol=1e-9)
    assert_gradients(
        slopes[2:, None],
        lambda t: log_h(t[:, 0])[0],
        z[2:, None],
        step=1e-3,
        sharp=1e-7,
    )


def test_without_noise_and_pending_points_it_is_log_expected_improvement() -> None:
    import torch
    from botorch.acquisition.analytic import LogExpectedImprovement

    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 12), bowl))
    surrogate = Surrogate.fit(TrainingData.of_sum(now, now.objective))
    process, model = surrogate.process, untransformed(surrogate)
    X = Numbers(0).random(200, 2)
    improvement = log_ei(process, [], np.zeros((0, 2)))
    ours = improvement.values(X)
    theirs = LogExpectedImprovement(model, best_f=model.train_targets.max())(
        torch.from_numpy(X).unsqueeze(-2)
    )
    theirs = theirs.detach().numpy()
    likely = theirs > -10
    assert likely.sum() > 10
    np.testing.assert_allclose(ours[likely], theirs[likely], atol=0.05)


def test_with_noise_and_pending_points_it_is_what_sampling_finds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch
    from botorch.acquisition.logei import qLogNoisyExpectedImprovement
    from botorch.sampling.normal import SobolQMCNormalSampler

    from hpcopt.generation.acquisition.botorch import AutogradAcquisition

    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 12), bowl, sem=0.05))
    surrogate = Surrogate.fit(TrainingData.of_sum(now, now.objective))
    process, model = surrogate.process, untransformed(surrogate)
    pending = np.array([[0.3, 0.7], [0.4, 0.6]])
    X = Numbers(0).random(100, 2)
    monkeypatch.setattr(GaussianImprovement, "N_SAMPLES", 2048)
    improvement = log_ei(process, [], pending)
    ours, our_gradients = improvement.values_and_gradients(X)
    theirs, their_gradients = AutogradAcquisition(
        qLogNoisyExpectedImprovement(
            model,
            model.train_inputs[0],
            sampler=SobolQMCNormalSampler(torch.Size([4096]), seed=1),
            X_pending=torch.from_numpy(pending),
            prune_baseline=False,
        )
    ).values_and_gradients(X)
    likely = theirs > -5
    assert likely.sum() > 5
    np.testing.assert_allclose(ours[likely], theirs[likely], atol=0.1)
    errors = np.abs(our_gradients - their_gradients)[likely]
    assert np.median(errors) < 0.05 * np.median(np.abs(their_gradients[likely]))


@pytest.mark.parametrize("n_pending", [0, 3])
def test_the_gradient_of_the_acquisition_is_that_of_its_values(n_pending: int) -> None:
    rng = Numbers(0)
    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 12), bowl, sem=0.05))
    objective = Surrogate.fit(TrainingData.of_sum(now, now.objective))
    X = objective.process.X
    slacks = [_slack_process(X, X[:, 0] - 0.3), _slack_process(X, X.sum(axis=1) - 1)]
    improvement = log_ei(objective.process, slacks, rng.random(n_pending, 2))
    points = rng.random(5, 2)
    gradients = improvement.values_and_gradients(points)[1]
    assert_gradients(gradients, improvement.values, points, step=1e-4, sharp=1e-3)


def test_what_is_surely_infeasible_has_a_smaller_value_than_what_is_feasible() -> None:
    points = sobol_points(SQUARE, 16)
    now = snapshot(SQUARE, observed(points, bowl))
    objective = Surrogate.fit(TrainingData.of_sum(now, now.objective))
    X = objective.process.X
    # The bowl's best point, at 0.3 of the first coordinate, is not feasible.
    slack = _slack_process(X, X[:, 0] - 0.6)
    improvement = log_ei(objective.process, [slack], np.zeros((0, 2)))
    inside, outside = improvement.values(np.array([[0.62, 0.4], [0.3, 0.4]]))
    assert inside > outside + 5


def test_where_nothing_is_feasible_the_likeliest_point_has_the_largest_value() -> None:
    points = sobol_points(SQUARE, 16)
    now = snapshot(SQUARE, observed(points, bowl))
    objective = Surrogate.fit(TrainingData.of_sum(now, now.objective))
    X = objective.process.X
    slack = _slack_process(X, X[:, 0] - X[:, 0].max() - 0.02)
    improvement = log_ei(objective.process, [slack], np.zeros((0, 2)))
    grid = np.column_stack([np.linspace(0, 1, 21), np.full(21, 0.4)])
    assert improvement.values(grid).argmax() == 20


def _slack_process(X: Array, slack: Array) -> GaussianProcess:
    priors = Priors.long_lengthscales(X.shape[1])
    data = TrainingData(X, slack, np.full(len(X), 1e-4), priors, is_slack=True)
    return Surrogate.fit(data).process


def test_what_gave_an_outcome_is_a_success_whatever_its_model_says() -> None:
    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 8), bowl))
    objective = Surrogate.fit(TrainingData.of_sum(now, now.objective)).process
    X, n = objective.X, len(objective.y)
    doubts = Hyperparameters(np.ones(2), 1.0, 0.01, -1.0)
    success = GaussianProcess.of(X, -np.ones(n), np.full(n, 0.01), doubts)
    known, doubted = (
        LogNoisyExpectedImprovement(
            objective,
            [success],
            X,
            np.zeros((0, 2)),
            seed=0,
            is_last_success=is_success,
        ).values(X[[objective.y.argmax()]])[0]
        for is_success in (True, False)
    )
    assert known < doubted - 1


def test_a_margin_is_to_be_exceeded() -> None:
    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 8), bowl))
    objective = Surrogate.fit(TrainingData.of_sum(now, now.objective)).process
    X = SQUARE.encode(sobol_points(SQUARE, 16)[8:])
    values = [
        LogNoisyExpectedImprovement(
            objective, [], objective.X, np.zeros((0, 2)), seed=0, margin=margin
        ).values(X)
        for margin in (0.0, 0.1, 0.5)
    ]
    assert (np.diff(values, axis=0) < 0).all()
