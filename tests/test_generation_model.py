"""The outcome transform, the fit, the acquisition and the predictions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import approx_fprime
from test_generation import SQUARE, bowl, observed, snapshot, sobol_points

from hpcopt.core.errors import GenerationError
from hpcopt.generation import fit
from hpcopt.generation.outcome import OutcomeTransform

pytestmark = pytest.mark.filterwarnings(
    "ignore:.torch.jit.script. is deprecated:DeprecationWarning"
)

outcomes = st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=20).map(np.array)


@given(outcomes)
def test_transformed_outcomes_keep_their_order_and_are_standardised(
    y: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> None:
    t = OutcomeTransform.fit(y)(y)
    assert (np.diff(t[np.argsort(y)]) >= -1e-9).all()
    assert abs(t.mean()) < 1e-6
    assert abs(t.std() - 1) < 1e-6 or t.std() < 1e-6


def test_certain_outcomes_come_back_from_the_transform() -> None:
    y = np.exp(np.random.default_rng(0).standard_normal(30))
    transform = OutcomeTransform.fit(y)
    mean, variance = transform.inverse_moments(transform(y), np.zeros(30))
    np.testing.assert_allclose(mean, y, rtol=1e-9)
    np.testing.assert_allclose(variance, 0, atol=1e-12)


def test_the_transform_carries_small_variances_over_and_back() -> None:
    y = np.random.default_rng(0).gamma(1.0, 5.0, 30)
    transform = OutcomeTransform.fit(y)
    variance = np.full(30, 1e-6)
    _, back = transform.inverse_moments(transform(y), transform.variance(y, variance))
    np.testing.assert_allclose(back, variance, rtol=1e-2)


def test_a_wild_outcome_leaves_the_others_apart() -> None:
    y = np.array([-1e30, *range(9)])
    t = OutcomeTransform.fit(y)(y)
    assert np.diff(t[1:]).min() > 0.01


def test_the_power_makes_a_long_tail_short() -> None:
    y = np.exp(3 * np.random.default_rng(0).standard_normal(100))
    t = OutcomeTransform.fit(y)(y)
    assert abs(float((t**3).mean())) < 1


@pytest.mark.parametrize("noise", [None, np.full(20, 0.01)], ids=["inferred", "known"])
def test_the_gradient_of_the_fit_is_that_of_its_loss(
    noise: np.ndarray[tuple[int], np.dtype[np.float64]] | None,
) -> None:
    rng = np.random.default_rng(0)
    X, y, rates = (
        rng.random((20, 3)),
        rng.standard_normal(20),
        np.array([6.0, 6.0, 1.5]),
    )
    theta = np.log([0.3, 0.5, 2.0, 1.5] + ([1e-3] if noise is None else []))
    _, gradient = fit._loss(theta, X, y, noise, rates)
    numeric = approx_fprime(theta, lambda t: fit._loss(t, X, y, noise, rates)[0], 1e-6)
    np.testing.assert_allclose(gradient, numeric, rtol=1e-4, atol=1e-4)


def test_the_fit_tells_noise_from_signal() -> None:
    rng = np.random.default_rng(0)
    X = rng.random((60, 1))
    signal = np.sin(6 * X[:, 0])
    rates = np.array([6.0])
    exact = fit.fit_hyperparameters(X, signal, None, rates)
    noisy = fit.fit_hyperparameters(X, signal + rng.normal(0, 0.3, 60), None, rates)
    assert exact.noise is not None
    assert noisy.noise is not None
    assert exact.noise < 1e-4
    assert 0.04 < noisy.noise < 0.2


def test_the_fit_is_that_of_gpytorchs_likelihood() -> None:
    import torch
    from gpytorch.mlls import ExactMarginalLogLikelihood

    from hpcopt.generation.surrogate import Surrogate, TrainingData

    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 12), bowl, sem=0.01))
    data = TrainingData.of(now)
    model = Surrogate.fit(data).model
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


def test_log_h_is_right_from_far_below_to_far_above() -> None:
    import torch

    from hpcopt.generation.acquisition import log_h

    z = torch.tensor(
        [-1e6, -1e4, -50.0, -1.0, -0.999, 0.0, 5.0, 60.0], dtype=torch.float64
    )
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
    np.testing.assert_allclose(log_h(z).numpy(), expected, rtol=1e-9)


def test_without_noise_and_pending_points_it_is_log_expected_improvement() -> None:
    import torch
    from botorch.acquisition.analytic import LogExpectedImprovement

    from hpcopt.generation.acquisition import LogNoisyExpectedImprovement
    from hpcopt.generation.surrogate import Surrogate, TrainingData

    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 12), bowl))
    model = Surrogate.fit(TrainingData.of(now)).model
    X = torch.rand(200, 1, 2, dtype=torch.float64, generator=torch.Generator())
    ours = LogNoisyExpectedImprovement(model, torch.zeros(0, 2).double(), seed=0)(X)
    theirs = LogExpectedImprovement(model, best_f=model.train_targets.max())(X)
    likely = theirs > -10
    assert likely.sum() > 10
    np.testing.assert_allclose(ours[likely], theirs[likely], atol=0.05)


def test_with_noise_and_pending_points_it_is_what_sampling_finds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import torch
    from botorch.acquisition.logei import qLogNoisyExpectedImprovement
    from botorch.sampling import SobolQMCNormalSampler

    from hpcopt.generation import acquisition
    from hpcopt.generation.surrogate import Surrogate, TrainingData

    now = snapshot(SQUARE, observed(sobol_points(SQUARE, 12), bowl, sem=0.05))
    model = Surrogate.fit(TrainingData.of(now)).model
    pending = torch.tensor([[0.3, 0.7], [0.4, 0.6]]).double()
    X = torch.rand(100, 1, 2, dtype=torch.float64, generator=torch.Generator())
    monkeypatch.setattr(acquisition, "N_SAMPLES", 2048)
    ours = acquisition.LogNoisyExpectedImprovement(model, pending, seed=0)(X)
    theirs = qLogNoisyExpectedImprovement(
        model,
        model.train_inputs[0],
        sampler=SobolQMCNormalSampler(torch.Size([4096]), seed=1),
        X_pending=pending,
        prune_baseline=False,
    )(X)
    likely = theirs > -5
    assert likely.sum() > 5
    np.testing.assert_allclose(ours[likely], theirs[likely], atol=0.1)


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

    rng = np.random.default_rng(0)
    points = sobol_points(SQUARE, 40)
    now = snapshot(
        SQUARE, observed(points, lambda p: bowl(p) + rng.normal(0, 0.1), sem=0.1)
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
