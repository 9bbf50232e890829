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
from scipy.special import log_ndtr, ndtr, ndtri
from scipy.stats import qmc

from hpcopt.generation.acquisition.composite_ei import TargetImprovement
from hpcopt.generation.acquisition.expected_improvement import (
    GaussianImprovement,
    Improvement,
)
from hpcopt.generation.models.composite_process import TargetProcess
from hpcopt.generation.models.gaussian_process import (
    GaussianProcess,
    PointwiseMoments,
    SampledProcess,
)

Array = npt.NDArray[np.float64]

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

_LOG_SQRT_2PI = math.log(math.sqrt(2 * math.pi))


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
        objective: GaussianProcess | TargetProcess,
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
        self._objective, normal = _sampled(objective, len(constraints), uncertain, seed)
        values = self._objective.values
        is_feasible = np.ones_like(values, dtype=bool)
        self._constraints = []
        for k, constraint in enumerate(constraints):
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
            log_terms += self._objective.log(X, self._best)
        for constraint in self._constraints:
            slack = constraint.at(X)
            log_terms += log_ndtr(slack.mean / _column(slack.sigma))
        return _log_mean(log_terms)[0]

    def values_and_gradients(self, X: Array) -> tuple[Array, Array]:
        """Return the values of the points ``X`` and the gradients there."""
        log_terms = np.zeros((len(X), len(self._best)))
        parts: list[tuple[PointwiseMoments, Array, Array]] = []
        if self._is_any_feasible:
            log_improvement, gradient_of = self._objective.log_and_gradient(
                X, self._best
            )
            log_terms += log_improvement
        for constraint in self._constraints:
            slack = constraint.at(X)
            z = slack.mean / _column(slack.sigma)
            log_probability = log_ndtr(z)
            log_terms += log_probability
            slope = np.exp(-0.5 * z**2 - _LOG_SQRT_2PI - log_probability)
            parts.append((slack, z, slope))
        values, shares = _log_mean(log_terms)

        gradients = np.zeros_like(X)
        if self._is_any_feasible:
            gradients += gradient_of(shares)
        for moments, z, slope in parts:
            of_mean = shares * slope / _column(moments.sigma)
            of_sigma = -(of_mean * z).sum(axis=-1)
            gradients += moments.gradient(of_mean, of_sigma)
        return values, gradients


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


def _sampled(
    objective: GaussianProcess | TargetProcess,
    n_constraints: int,
    X: Array,
    seed: int,
) -> tuple[Improvement, Array]:
    """Return samples of the objective at ``X``, and normal numbers for constraints."""
    if isinstance(objective, TargetProcess):
        # One more column: what the point in question itself is sampled with.
        rows = len(objective.processes)
        shape = rows + n_constraints, 1 + len(X)
        normal = normal_samples(TargetImprovement.N_SAMPLES, shape, seed)
        of_objective, of_point = normal[:, :rows, 1:], normal[:, :rows, 0]
        improvement = TargetImprovement(objective, X, of_objective, of_point)
        return improvement, normal[:, rows:, 1:]
    shape = 1 + n_constraints, len(X)
    normal = normal_samples(GaussianImprovement.N_SAMPLES, shape, seed)
    return GaussianImprovement(objective, X, normal[:, 0]), normal[:, 1:]


def _maybe_best(
    objective: GaussianProcess | TargetProcess,
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
