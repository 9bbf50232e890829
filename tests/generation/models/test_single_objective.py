"""The outcome transform, the fit, the acquisition and the predictions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import norm

from hpcopt.core.errors import GenerationError
from hpcopt.generation.acquisition.log_ei import GaussianImprovement, log_h
from hpcopt.generation.models import map_fit
from hpcopt.generation.models.gaussian_process import (
    Array,
    GaussianProcess,
    Hyperparameters,
)
from hpcopt.generation.models.map_fit import Priors
from hpcopt.generation.models.outcome_transforms import Bilog, YeoJohnson
from hpcopt.generation.models.surrogate import Surrogate, TrainingData
from tests.support.differences import assert_gradients
from tests.support.generation_world import (
    SQUARE,
    bowl,
    log_ei,
    observed,
    snapshot,
    sobol_points,
)
from tests.support.last_digits import Numbers

pytestmark = pytest.mark.filterwarnings(
    "ignore:.torch.jit.script. is deprecated:DeprecationWarning"
)

outcomes = st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=20).map(np.array)


@given(outcomes)
@example(np.array([0.0, 0.0, 0.0, 11.0, 6e-308]))
def test_transformed_outcomes_keep_their_order_and_are_standardised(
    y: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> None:
    t = YeoJohnson.fit(y)(y)
    assert (np.diff(t[np.argsort(y)]) >= -1e-9).all()
    assert abs(t.mean()) < 1e-6
    assert abs(t.std() - 1) < 1e-6 or t.std() < 1e-6


@given(
    st.lists(
        st.floats(1e-30, 1e9) | st.floats(-1e9, -1e-30) | st.just(0.0), min_size=2
    ).map(np.array)
)
def test_transformed_slacks_keep_their_order_and_their_sign(
    slacks: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> None:
    transform = Bilog.fit(slacks)
    t = transform(slacks)
    assert (np.diff(t[np.argsort(slacks)]) >= 0).all()
    assert ((t >= 0) == (slacks >= 0)).all()
    back, _ = transform.inverse_moments(t, np.zeros_like(t))
    np.testing.assert_allclose(back, slacks, rtol=1e-6, atol=1e-300)


def test_certain_outcomes_come_back_from_the_transform() -> None:
    y = np.exp(Numbers(0).normal(30))
    transform = YeoJohnson.fit(y)
    mean, variance = transform.inverse_moments(transform(y), np.zeros(30))
    np.testing.assert_allclose(mean, y, rtol=1e-9)
    np.testing.assert_allclose(variance, 0, atol=1e-12)


def test_the_transform_carries_small_variances_over_and_back() -> None:
    y = Numbers(0).gamma(1.0, 5.0, 30)
    transform = YeoJohnson.fit(y)
    variance = np.full(30, 1e-6)
    _, back = transform.inverse_moments(transform(y), transform.variance(y, variance))
    np.testing.assert_allclose(back, variance, rtol=1e-2)


def test_a_wild_outcome_leaves_the_others_apart() -> None:
    y = np.array([-1e30, *range(9)])
    t = YeoJohnson.fit(y)(y)
    assert np.diff(t[1:]).min() > 0.01


def test_the_power_makes_a_long_tail_short() -> None:
    y = np.exp(3 * Numbers(0).normal(100))
    t = YeoJohnson.fit(y)(y)
    assert abs(float((t**3).mean())) < 1


@pytest.mark.parametrize("noise", [None, np.full(20, 0.01)], ids=["inferred", "known"])
@pytest.mark.parametrize(
    "priors",
    [
        Priors.short_lengthscales(np.array([False, False, True])),
        Priors.long_lengthscales(3),
    ],
    ids=["short", "long"],
)
def test_the_gradient_of_the_fit_is_that_of_its_loss(
    noise: np.ndarray[tuple[int], np.dtype[np.float64]] | None, priors: Priors
) -> None:
    rng = Numbers(0)
    X, y = rng.random(20, 3), rng.normal(20)
    theta = np.log([0.3, 0.5, 2.0, 1.5] + ([1e-3] if noise is None else []))
    loss = map_fit._Posterior(X, y, noise, priors).loss

    def losses(thetas: Array) -> Array:
        return np.array([loss(one)[0] for one in thetas])

    assert_gradients(loss(theta)[1][None], losses, theta[None], step=1e-3, sharp=1e-5)


def test_the_fit_tells_noise_from_signal() -> None:
    rng = Numbers(0)
    X = rng.random(60, 1)
    signal = np.sin(6 * X[:, 0])
    priors = Priors.short_lengthscales(np.array([False]))
    exact = map_fit.fit_hyperparameters(X, signal, None, priors)
    noisy = map_fit.fit_hyperparameters(X, signal + 0.3 * rng.normal(60), None, priors)
    assert exact.noise is not None
    assert noisy.noise is not None
    assert exact.noise < 1e-4
    assert 0.04 < noisy.noise < 0.2


def test_the_fit_is_that_of_gpytorchs_likelihood() -> None:
    import torch
    from gpytorch.mlls import ExactMarginalLogLikelihood

    from hpcopt.generation.models.botorch import single_task_gp

    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 12), bowl, sem=0.01))
    data = TrainingData.of_sum(now, now.objective)
    model = single_task_gp(Surrogate.fit(data).process)
    model.requires_grad_(True)
    model.train()
    mll = ExactMarginalLogLikelihood(model.likelihood, model)
    kernel = model.covar_module
    with torch.no_grad():
        lengthscale, scale = kernel.base_kernel.lengthscale, kernel.outputscale
    log_prior = (2 * lengthscale.log() - 6 * lengthscale).sum()
    log_prior += scale.log() - 0.15 * scale

    def posterior() -> float:
        value = mll(model(*model.train_inputs), model.train_targets) * len(data)
        ell, s = kernel.base_kernel.lengthscale, kernel.outputscale
        prior = (2 * ell.log() - 6 * ell).sum() + s.log() - 0.15 * s
        return float((value + prior).detach())

    best = posterior()
    for factor in (0.9, 1.1):
        kernel.base_kernel.lengthscale = lengthscale * factor
        assert posterior() < best
        kernel.base_kernel.lengthscale = lengthscale
        kernel.outputscale = scale * factor
        assert posterior() < best
        kernel.outputscale = scale


def test_the_leave_one_out_density_is_that_of_each_outcome_given_the_others() -> None:
    rng = Numbers(0)
    X, y, noise = rng.random(7, 2), rng.normal(7), np.full(7, 0.1)
    known = Hyperparameters(np.array([0.4, 0.7]), 1.3, 0.1, 0.2)
    expected = 0.0
    for k in range(7):
        others = np.arange(7) != k
        process = GaussianProcess.of(X[others], y[others], noise[others], known)
        mean, variance = process.moments(X[k : k + 1])
        expected += norm.logpdf(y[k], mean[0], np.sqrt(variance[0] + noise[k]))
    found = GaussianProcess.of(X, y, noise, known).loo_log_density
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(
    ("frequency", "is_long"), [(0.5, True), (12.0, False)], ids=["trend", "waves"]
)
def test_the_priors_of_largest_leave_one_out_density_are_taken(
    frequency: float, is_long: bool
) -> None:
    X = Numbers(0).random(24, 2)
    short = TrainingData(
        X,
        np.sin(frequency * X.sum(axis=1)),
        None,
        Priors.short_lengthscales(np.zeros(2, dtype=bool)),
    )
    long = replace(short, priors=Priors.long_lengthscales(2))
    chosen = Surrogate.fit(replace(short, alternative_priors=(long.priors,)))
    expected = Surrogate.fit(long if is_long else short)
    assert chosen.details == expected.details


def test_the_process_is_that_of_botorchs_model() -> None:
    import torch

    from hpcopt.generation.models.botorch import single_task_gp

    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 12), bowl, sem=0.01))
    process = Surrogate.fit(TrainingData.of_sum(now, now.objective)).process
    X = Numbers(0).random(50, 2)
    with torch.no_grad():
        posterior = single_task_gp(process).posterior(torch.from_numpy(X))
    mean, variance = process.moments(X)
    np.testing.assert_allclose(mean, posterior.mean.squeeze(-1), atol=1e-6)
    np.testing.assert_allclose(variance, posterior.variance.squeeze(-1), atol=1e-6)


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

    from hpcopt.generation.models.botorch import single_task_gp

    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 12), bowl))
    process = Surrogate.fit(TrainingData.of_sum(now, now.objective)).process
    model = single_task_gp(process)
    X = Numbers(0).random(200, 2)
    improvement = log_ei(process, [], np.zeros((0, 2)))
    ours = improvement.values(X)
    theirs = LogExpectedImprovement(model, best_f=model.train_targets.max())(
        torch.from_numpy(X).unsqueeze(-2)
    ).numpy()
    likely = theirs > -10
    assert likely.sum() > 10
    np.testing.assert_allclose(ours[likely], theirs[likely], atol=0.05)


def test_with_noise_and_pending_points_it_is_what_sampling_finds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch
    from botorch.acquisition.logei import qLogNoisyExpectedImprovement
    from botorch.sampling.normal import SobolQMCNormalSampler

    from hpcopt.generation.acquisition.botorch import BotorchAcquisition
    from hpcopt.generation.models.botorch import single_task_gp

    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 12), bowl, sem=0.05))
    process = Surrogate.fit(TrainingData.of_sum(now, now.objective)).process
    model = single_task_gp(process)
    pending = np.array([[0.3, 0.7], [0.4, 0.6]])
    X = Numbers(0).random(100, 2)
    monkeypatch.setattr(GaussianImprovement, "N_SAMPLES", 2048)
    improvement = log_ei(process, [], pending)
    ours, our_gradients = improvement.values_and_gradients(X)
    theirs, their_gradients = BotorchAcquisition(
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


def test_predictions_are_in_the_objectives_own_units() -> None:
    from hpcopt.generation.predict import predict

    points = sobol_points(SQUARE, 20)
    now = snapshot(SQUARE, observed(points, lambda p: 1000 * bowl(p)))
    for point, (mean, variance) in zip(points, predict(now, points), strict=True):
        assert mean == pytest.approx(-1000 * bowl(point), abs=5)
        assert 0 <= variance < 25
    [(mean, variance)] = predict(now, [{"x": 0.3, "y": 2.0}])
    assert mean == pytest.approx(0, abs=10)


def test_known_noise_is_smoothed_over() -> None:
    from hpcopt.generation.predict import predict

    rng = Numbers(0)
    points = sobol_points(SQUARE, 40)
    now = snapshot(
        SQUARE, observed(points, lambda p: bowl(p) + 0.1 * float(rng.normal()), sem=0.1)
    )
    errors = [
        mean + bowl(p)
        for p, (mean, _) in zip(points, predict(now, points), strict=True)
    ]
    assert float(np.sqrt(np.mean(np.square(errors)))) < 0.07


def test_a_prediction_from_one_trial_is_refused() -> None:
    from hpcopt.generation.predict import predict

    points = sobol_points(SQUARE, 1)
    with pytest.raises(
        GenerationError, match=r"at least 2 completed trials .* found 1"
    ):
        predict(snapshot(SQUARE, observed(points, bowl)), points)
