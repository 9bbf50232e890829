"""What a point promises: the logarithm of noisy, constrained expected improvement.

What is not known for certain at the moment — the outcomes of pending points, and what
noise hides at observed ones — is sampled; the improvement at the point in question,
times the probability that it satisfies the constraints, is then integrated exactly for
each sample. BoTorch's ``qLogNoisyExpectedImprovement`` samples that too, and asks the
model for a joint posterior each time: it takes many times as long for a rougher answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import erfcx, log_ndtr, ndtr, ndtri
from scipy.stats import qmc

from hpcopt.generation.gaussian import (
    GaussianProcess,
    PointwiseMoments,
    SampledProcess,
)

Array = npt.NDArray[np.float64]

N_SAMPLES = 64

#: An observed point whose outcome is this many standard deviations below another's,
#: on both sides, is not the best one.
_N_SIGMA = 3.0

#: An observed point that satisfies the constraints with less is not feasible.
_LEAST_PROBABILITY = 0.025

#: Where noise leaves more of them, those of largest mean stand for all.
_MAX_BASELINE = 32

#: What rounding may take from a constraint's value that a feasible outcome has.
_FEASIBILITY_TOLERANCE = 1e-6

#: In samples where nothing is feasible any feasible point is an improvement: on an
#: outcome this far below the worst one, in standard deviations of the outcomes.
_BELOW_WORST = 1.0

#: From here on the improvement is all but proportional to the mean.
_FAR_BELOW_WORST = 3.0

_SQRT_HALF = math.sqrt(0.5)
_SQRT_HALF_PI = math.sqrt(math.pi / 2)
_LOG_SQRT_2PI = math.log(math.sqrt(2 * math.pi))

#: Below ``-_FAR``, ``log_h`` is its own limit to all digits that are left.
_FAR = 1e4


class Acquisition(Protocol):
    """What the search maximises over the unit cube."""

    def values(self, X: Array) -> Array:
        """Return the values of the points ``X``, shape ``(b, d)``: shape ``(b,)``."""

    def values_and_gradients(self, X: Array) -> tuple[Array, Array]:
        """Return the values of the points ``X`` and the gradients there, ``(b, d)``."""


class LogNoisyExpectedImprovement:
    """The logarithm of the expected improvement over all observed and pending points.

    Of several constraints each is independent of the others and of the objective. Where
    nothing is feasible so far, it is the logarithm of the probability that a point is.
    """

    def __init__(
        self,
        objective: GaussianProcess,
        constraints: Sequence[GaussianProcess],
        X_pending: Array,
        *,
        seed: int,
        is_greedy: bool = False,
        is_eligible: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Sample what is uncertain, and condition the models on each sample.

        Args:
            objective: The model of what is maximised.
            constraints: Models of what must not be below 0.
            X_pending: Points whose outcomes will come, shape ``(p, d)``.
            seed: Where the samples come from.
            is_eligible: Which of the objective's points may be the best one, shape
                ``(n,)``; all by default.
            is_greedy: Whether what is improved is the worst outcome instead of the
                best: then the largest mean promises most, known well or not.

        Raises:
            LinAlgError: A covariance matrix could not be factorised.
        """
        baseline = _maybe_best(objective, constraints, is_eligible)
        uncertain = np.concatenate([objective.X[baseline], X_pending])
        normal = normal_samples(N_SAMPLES, (1 + len(constraints), len(uncertain)), seed)
        values = objective.samples(uncertain, normal[:, 0])
        is_feasible = np.ones_like(values, dtype=bool)
        self._objective = SampledProcess(objective, uncertain, values)
        self._constraints = []
        for k, constraint in enumerate(constraints, start=1):
            slacks = constraint.samples(uncertain, normal[:, k])
            is_feasible &= slacks >= -_FEASIBILITY_TOLERANCE
            self._constraints.append(SampledProcess(constraint, uncertain, slacks))
        worst = min(objective.y.min(), values.min(initial=math.inf))
        nothing = worst - _BELOW_WORST
        feasible = np.where(is_feasible, values, nothing)
        self._best = feasible.max(axis=1, initial=nothing)
        if is_greedy:
            self._best = np.full(len(values), worst - _FAR_BELOW_WORST)
        self._is_any_feasible = bool(is_feasible.any())

    def values(self, X: Array) -> Array:
        """Return the values of the points ``X``."""
        log_terms = np.zeros((len(X), len(self._best)))
        if self._is_any_feasible:
            moments = self._objective.at(X)
            sigma = _column(moments.sigma)
            log_terms += log_h((moments.mean - self._best) / sigma)[0] + np.log(sigma)
        for constraint in self._constraints:
            slack = constraint.at(X)
            log_terms += log_ndtr(slack.mean / _column(slack.sigma))
        return _log_mean(log_terms)[0]

    def values_and_gradients(self, X: Array) -> tuple[Array, Array]:
        """Return the values of the points ``X`` and the gradients there."""
        log_terms = np.zeros((len(X), len(self._best)))
        parts: list[tuple[PointwiseMoments, Array, Array]] = []
        if self._is_any_feasible:
            moments = self._objective.at(X)
            sigma = _column(moments.sigma)
            z = (moments.mean - self._best) / sigma
            log_improvement, slope = log_h(z)
            log_terms += log_improvement + np.log(sigma)
            parts.append((moments, z, slope))
        for constraint in self._constraints:
            slack = constraint.at(X)
            z = slack.mean / _column(slack.sigma)
            log_probability = log_ndtr(z)
            log_terms += log_probability
            slope = np.exp(-0.5 * z**2 - _LOG_SQRT_2PI - log_probability)
            parts.append((slack, z, slope))
        values, shares = _log_mean(log_terms)

        gradients = np.zeros_like(X)
        for k, (moments, z, slope) in enumerate(parts):
            of_mean = shares * slope / _column(moments.sigma)
            of_sigma = -(of_mean * z).sum(axis=-1)
            if k == 0 and self._is_any_feasible:  # the improvement's unit is sigma
                of_sigma += 1 / moments.sigma
            gradients += moments.gradient(of_mean, of_sigma)
        return values, gradients


def log_h(z: Array) -> tuple[Array, Array]:
    """Return ``log(phi(z) + z * Phi(z))``, to all digits far below 0 too; its slope."""
    value, slope = np.empty_like(z), np.empty_like(z)
    is_low = z < -1
    high = z[~is_low]
    below = ndtr(high)
    h = np.exp(-0.5 * high**2 - _LOG_SQRT_2PI) + high * below
    value[~is_low], slope[~is_low] = np.log(h), below / h
    low = z[is_low]
    is_far = low < -_FAR
    near = np.where(is_far, -1.0, low)
    mills = _SQRT_HALF_PI * erfcx(-_SQRT_HALF * near)
    factor = np.where(is_far, low**-2.0, 1 + near * mills)
    mills = np.where(is_far, -1 / low, mills)
    value[is_low] = np.log(factor) - 0.5 * low**2 - _LOG_SQRT_2PI
    slope[is_low] = mills / factor
    return value, slope


def _column(sigma: Array) -> Array:
    """Return ``sigma`` as a column, to go with each of a point's samples."""
    return sigma[:, None]


def _log_mean(log_terms: Array) -> tuple[Array, Array]:
    """Return the logarithm of each row's mean, and the terms' shares of it."""
    largest = log_terms.max(axis=-1, keepdims=True)
    terms = np.exp(log_terms - largest)
    total = terms.sum(axis=-1, keepdims=True)
    value = (largest + np.log(total))[:, 0] - math.log(log_terms.shape[-1])
    return value, terms / total


def normal_samples(n: int, shape: tuple[int, int], seed: int) -> Array:
    """Return ``n`` arrays of standard normal numbers, evenly spread if possible."""
    n_dimensions = math.prod(shape)
    if not 0 < n_dimensions <= qmc.Sobol.MAXDIM:
        return np.random.default_rng(seed).standard_normal((n, *shape))
    uniform = qmc.Sobol(n_dimensions, seed=seed).random(n)
    normal: Array = ndtri(np.clip(uniform, 1e-12, 1 - 1e-12)).reshape(n, *shape)
    return normal


def _maybe_best(
    objective: GaussianProcess,
    constraints: Sequence[GaussianProcess],
    is_eligible: npt.NDArray[np.bool_] | None,
) -> npt.NDArray[np.intp]:
    """Return the indices of the observed points that may well be the best one."""
    mean, variance = objective.moments(objective.X)
    reach = _N_SIGMA * np.sqrt(variance)
    probability = np.ones(len(mean))
    for constraint in constraints:
        slack, slack_variance = constraint.moments(objective.X)
        probability *= ndtr(slack / np.sqrt(slack_variance))
    if is_eligible is not None:
        probability *= is_eligible
    likely = (mean - reach)[probability > 0.5]
    is_maybe = mean + reach >= likely.max(initial=-math.inf)
    is_maybe &= probability > _LEAST_PROBABILITY
    ranked = np.argsort(-mean, kind="stable")
    kept: npt.NDArray[np.intp] = ranked[is_maybe[ranked]][:_MAX_BASELINE]
    return kept
