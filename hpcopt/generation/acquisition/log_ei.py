"""The logarithm of noisy, constrained expected improvement.

What is not known for certain at the moment, the outcomes of pending points and what
noise hides at observed ones, is sampled (Letham et al., "Constrained Bayesian
Optimization with Noisy Experiments", 2019); the improvement at the point in question,
times the probability that it satisfies the constraints, is then integrated exactly for
each sample, in logarithms throughout (Ament et al., "Unexpected Improvements to
Expected Improvement for Bayesian Optimization", 2023). BoTorch's
``qLogNoisyExpectedImprovement`` samples the point too, and asks the model for a joint
posterior each time: it takes many times as long for a rougher answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt
from botorch.models.model import Model
from scipy.special import erfcx, log_ndtr, ndtr, ndtri
from scipy.stats import qmc
from typing_extensions import override

from hpcopt.generation.acquisition.botorch import AnalyticAcquisition
from hpcopt.generation.acquisition.composite_ei import CompositeImprovement
from hpcopt.generation.models.composite_process import CompositeProcess
from hpcopt.generation.models.gaussian_process import (
    FantasyProcess,
    GaussianProcess,
    PointwisePosterior,
)

Array = npt.NDArray[np.float64]

#: In samples where nothing is feasible any feasible point is an improvement: on an
#: outcome this far below the worst one, in standard deviations of the outcomes.
_BELOW_WORST = 1.0

#: From here on the improvement is all but proportional to the mean.
_FAR_BELOW_WORST = 3.0

#: What rounding may take from a constraint's value that a feasible outcome has.
_FEASIBILITY_TOLERANCE = 1e-6

_SQRT_HALF = math.sqrt(0.5)
_SQRT_HALF_PI = math.sqrt(math.pi / 2)
_LOG_SQRT_2PI = math.log(math.sqrt(2 * math.pi))

#: Below ``-_FAR``, ``log_h`` is its own limit to all digits that are left.
_FAR = 1e4


class LogNoisyExpectedImprovement(AnalyticAcquisition):
    """The logarithm of the expected improvement over baseline and pending points.

    Of several constraints each is independent of the others and of the objective. Where
    nothing is feasible so far, it is the logarithm of the probability that a point is.
    """

    def __init__(
        self,
        objective: GaussianProcess | CompositeProcess,
        constraints: Sequence[GaussianProcess],
        X_baseline: Array,
        X_pending: Array,
        *,
        seed: int,
        is_greedy: bool = False,
        model: Model | None = None,
        margin: float = 0.0,
        is_last_success: bool = False,
    ) -> None:
        """Sample what is uncertain, and condition the models on each sample.

        Args:
            objective: The model of what is maximised.
            constraints: Models of what must not be below 0.
            X_baseline: The observed points that are to be improved on, ``(n, d)``.
            X_pending: Points whose outcomes will come, shape ``(p, d)``.
            seed: Where the samples come from.
            is_greedy: Whether what is improved is the worst outcome instead of the
                best: then the largest mean is best, known well or not.
            model: That of all outcomes, as BoTorch has it.
            margin: By how much the best outcome is to be exceeded, in units of the
                objective's model.
            is_last_success: Whether the last constraint is that a trial gives a result
                at all, which the baseline's have.

        Raises:
            LinAlgError: A covariance matrix could not be factorised.
        """
        super().__init__(model)  # type: ignore[arg-type]
        uncertain = np.concatenate([X_baseline, X_pending])
        self._objective, normal = _sampled(objective, len(constraints), uncertain, seed)
        values = self._objective.values
        slacks = [c.samples(uncertain, normal[:, k]) for k, c in enumerate(constraints)]
        self._constraints = [
            FantasyProcess(constraint, uncertain, fantasies)
            for constraint, fantasies in zip(constraints, slacks, strict=True)
        ]
        if is_last_success:
            # Whatever noise its model has: what gave an outcome was a success.
            known = slacks[-1].copy()
            known[:, : len(X_baseline)] = 0.0
            slacks = [*slacks[:-1], known]
        is_feasible = are_feasible(slacks, values.shape)
        worst = min(objective.y.min(), values.min(initial=math.inf))
        nothing = worst - _BELOW_WORST
        feasible = np.where(is_feasible, values, nothing)
        self._best = feasible.max(axis=1, initial=nothing) + margin
        if is_greedy:
            self._best = np.full(len(values), worst - _FAR_BELOW_WORST)
        self._is_any_feasible = bool(is_feasible.any())

    @override
    def values(self, X: Array) -> Array:
        """Return the values of the points ``X``, shape ``(b, d)``: shape ``(b,)``."""
        log_terms = np.zeros((len(X), len(self._best)))
        if self._is_any_feasible:
            log_terms += self._objective.log(X, self._best)
        for constraint in self._constraints:
            slack = constraint.posterior(X)
            log_terms += log_ndtr(slack.mean / slack.sigma[:, None])
        return _log_mean(log_terms)[0]

    @override
    def values_and_gradients(self, X: Array) -> tuple[Array, Array]:
        """Return the values of the points ``X`` and the gradients there, ``(b, d)``."""
        log_terms = np.zeros((len(X), len(self._best)))
        parts: list[tuple[PointwisePosterior, Array, Array]] = []
        if self._is_any_feasible:
            log_improvement, gradient_of = self._objective.log_and_gradient(
                X, self._best
            )
            log_terms += log_improvement
        for constraint in self._constraints:
            slack = constraint.posterior(X)
            z = slack.mean / slack.sigma[:, None]
            log_probability = log_ndtr(z)
            log_terms += log_probability
            slope = np.exp(-0.5 * z**2 - _LOG_SQRT_2PI - log_probability)
            parts.append((slack, z, slope))
        values, shares = _log_mean(log_terms)

        gradients = np.zeros_like(X)
        if self._is_any_feasible:
            gradients += gradient_of(shares)
        for slack, z, slope in parts:
            of_mean = shares * slope / slack.sigma[:, None]
            of_sigma = -(of_mean * z).sum(axis=-1)
            gradients += slack.gradient(of_mean, of_sigma)
        return values, gradients


class Improvement(Protocol):
    """The improvement of an objective, given each of ``s`` samples at ``u`` points."""

    @property
    def values(self) -> Array:
        """The samples, shape ``(s, u)``."""

    def log(self, X: Array, best: Array) -> Array:
        """Return the logarithm of the expected improvement on ``best``.

        Args:
            X: Points, shape ``(b, d)``.
            best: A value for each sample, shape ``(s,)``.

        Returns:
            Shape ``(b, s)``.
        """

    def log_and_gradient(
        self, X: Array, best: Array
    ) -> tuple[Array, Callable[[Array], Array]]:
        """Return it, and what turns weights of it into the weighted sum's gradient.

        The weights, of shape ``(b, s)``, sum to 1 at each point.
        """


class GaussianImprovement:
    """The improvement of one Gaussian process: exact."""

    N_SAMPLES: ClassVar[int] = 64

    def __init__(self, process: GaussianProcess, X: Array, normal: Array) -> None:
        """Sample the process at ``X``, of shape ``(u, d)``.

        Args:
            process: What is maximised.
            X: Where it is sampled.
            normal: Standard normal numbers, shape ``(s, u)``.

        Raises:
            LinAlgError: A covariance matrix could not be factorised.
        """
        self.values = process.samples(X, normal)
        self._process = FantasyProcess(process, X, self.values)

    def log(self, X: Array, best: Array) -> Array:
        """Return the logarithm of the expected improvement on ``best``, ``(b, s)``."""
        posterior = self._process.posterior(X)
        sigma = posterior.sigma[:, None]
        log_h_of_z = log_h((posterior.mean - best) / sigma)[0]
        log_improvement: Array = log_h_of_z + np.log(sigma)
        return log_improvement

    def log_and_gradient(
        self, X: Array, best: Array
    ) -> tuple[Array, Callable[[Array], Array]]:
        """Return it, and what turns weights of it into the weighted sum's gradient."""
        posterior = self._process.posterior(X)
        sigma = posterior.sigma[:, None]
        z = (posterior.mean - best) / sigma
        log_improvement, slope = log_h(z)

        def gradient(weights: Array) -> Array:
            of_mean = weights * slope / sigma
            of_sigma = -(of_mean * z).sum(axis=-1)
            of_sigma += 1 / posterior.sigma  # the improvement's unit is sigma
            return posterior.gradient(of_mean, of_sigma)

        return log_improvement + np.log(sigma), gradient


def log_h(z: Array) -> tuple[Array, Array]:
    """Return ``log(phi(z) + z * Phi(z))``, to all digits far below 0 too; its slope.

    The expected improvement is ``sigma`` times that sum: Ament et al. (2023), section
    4.1.
    """
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


def are_feasible(
    slacks: Sequence[Array], shape: tuple[int, ...]
) -> npt.NDArray[np.bool_]:
    """Return where no constraint's slack is below 0, but for rounding.

    Args:
        slacks: The values of each constraint, of the ``shape``.
        shape: That of the answer, where there is no constraint too.
    """
    is_feasible = np.ones(shape, dtype=bool)
    for values in slacks:
        is_feasible &= values >= -_FEASIBILITY_TOLERANCE
    return is_feasible


def normal_samples(n: int, shape: tuple[int, int], seed: int) -> Array:
    """Return ``n`` arrays of standard normal numbers, evenly spread if possible."""
    n_dimensions = math.prod(shape)
    if not 0 < n_dimensions <= qmc.Sobol.MAXDIM:
        return np.random.default_rng(seed).standard_normal((n, *shape))
    uniform = qmc.Sobol(n_dimensions, seed=seed).random(n)
    normal: Array = ndtri(np.clip(uniform, 1e-12, 1 - 1e-12)).reshape(n, *shape)
    return normal


def _log_mean(log_terms: Array) -> tuple[Array, Array]:
    """Return the logarithm of each row's mean, and the terms' shares of it."""
    largest = log_terms.max(axis=-1, keepdims=True)
    terms = np.exp(log_terms - largest)
    total = terms.sum(axis=-1, keepdims=True)
    value = (largest + np.log(total))[:, 0] - math.log(log_terms.shape[-1])
    return value, terms / total


def _sampled(
    objective: GaussianProcess | CompositeProcess,
    n_constraints: int,
    X: Array,
    seed: int,
) -> tuple[Improvement, Array]:
    """Return the improvement from samples at ``X``, and normal numbers for the rest.

    The latter are for the constraints, shape ``(s, n_constraints, u)``.
    """
    if isinstance(objective, CompositeProcess):
        # One more column: what the point in question itself is sampled with.
        rows = len(objective.processes)
        shape = rows + n_constraints, 1 + len(X)
        normal = normal_samples(CompositeImprovement.N_SAMPLES, shape, seed)
        of_objective, of_point = normal[:, :rows, 1:], normal[:, :rows, 0]
        improvement = CompositeImprovement(objective, X, of_objective, of_point)
        return improvement, normal[:, rows:, 1:]
    shape = 1 + n_constraints, len(X)
    normal = normal_samples(GaussianImprovement.N_SAMPLES, shape, seed)
    return GaussianImprovement(objective, X, normal[:, 0]), normal[:, 1:]
