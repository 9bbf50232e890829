"""The logarithm of noisy, constrained expected hypervolume improvement.

As in ``log_ei.py``, what is not known for certain is sampled, and the rest is
integrated exactly: for each sample, what lies above the reference point and below no
feasible outcome is cut into boxes, and the volume that a Gaussian outcome adds to a box
is a product over the objectives (Daulton, Balandat and Bakshy, "Differentiable Expected
Hypervolume Improvement for Parallel Multi-Objective Bayesian Optimization", 2020). It
is what BoTorch's ``qLogNoisyExpectedHypervolumeImprovement`` estimates by sampling the
outcome too (the same, "Parallel Bayesian Optimization of Multiple Noisy Objectives with
Expected Hypervolume Improvement", 2021).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from botorch.models.model import Model
from scipy.special import log_ndtr
from typing_extensions import override

from hpcopt.core.goals.pareto import is_nondominated, nondominated_partitioning
from hpcopt.generation.acquisition.botorch import AnalyticAcquisition
from hpcopt.generation.acquisition.log_ei import are_feasible, log_h, normal_samples
from hpcopt.generation.models.gaussian_process import FantasyProcess, GaussianProcess

Array = npt.NDArray[np.float64]

#: By the number of objectives, as the boxes of a sample grow with it.
_N_SAMPLES = {2: 64, 3: 32}
_FEWEST_SAMPLES = 8

#: Standard deviations beyond which a bound is never reached.
_FAR = 1e6

#: The share of a box's far side that rounding may leave of its near one.
_CLOSEST = 1 - 1e-12

_LOG_SQRT_2PI = math.log(math.sqrt(2 * math.pi))


class LogNoisyExpectedHypervolumeImprovement(AnalyticAcquisition):
    """The logarithm of the expected growth of the hypervolume below the Pareto front.

    Objectives and constraints are independent of each other.
    """

    def __init__(
        self,
        objectives: Sequence[GaussianProcess],
        constraints: Sequence[GaussianProcess],
        reference: Array,
        X_baseline: Array,
        X_pending: Array,
        *,
        seed: int,
        optimism: Sequence[float] | None = None,
        model: Model | None = None,
    ) -> None:
        """Sample what is uncertain, and condition the models on each sample.

        Args:
            objectives: The models of what is maximised.
            constraints: Models of what must not be below 0.
            reference: The objectives' values above which volume counts, ``(m,)``.
            X_baseline: The observed points that are to be improved on, ``(n, d)``.
            X_pending: Points whose outcomes will come, shape ``(p, d)``.
            seed: Where the samples come from.
            optimism: How many standard deviations each of the constraints is taken to
                be above its mean; none by default.
            model: That of all outcomes, as BoTorch has it.

        Raises:
            LinAlgError: A covariance matrix could not be factorised.
        """
        super().__init__(model)  # type: ignore[arg-type]
        uncertain = np.concatenate([X_baseline, X_pending])
        n_samples = _N_SAMPLES.get(len(objectives), _FEWEST_SAMPLES)
        shape = len(objectives) + len(constraints), len(uncertain)
        normal = normal_samples(n_samples, shape, seed)
        samples = [
            process.samples(uncertain, normal[:, k])
            for k, process in enumerate([*objectives, *constraints])
        ]
        processes = [
            FantasyProcess(process, uncertain, values)
            for process, values in zip(
                [*objectives, *constraints], samples, strict=True
            )
        ]
        self._objectives = processes[: len(objectives)]
        self._constraints = processes[len(objectives) :]
        values = np.stack(samples[: len(objectives)], axis=-1)
        is_feasible = are_feasible(samples[len(objectives) :], values.shape[:2])
        boxes = [
            nondominated_partitioning(front[is_in], reference)
            for front, is_in in zip(values, is_feasible, strict=True)
        ]
        counts = [len(lower) for lower, _ in boxes]
        self._sample = np.repeat(np.arange(n_samples), counts)
        self._starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        self._lower = np.concatenate([lower for lower, _ in boxes])
        self._upper = np.concatenate([upper for _, upper in boxes])
        self._log_n_samples = math.log(n_samples)
        self._optimism = optimism or [0.0] * len(constraints)

    @override
    def values(self, X: Array) -> Array:
        """Return the values of the points ``X``, shape ``(b, d)``: shape ``(b,)``."""
        return self.values_and_gradients(X)[0]

    @override
    def values_and_gradients(self, X: Array) -> tuple[Array, Array]:
        """Return the values of the points ``X`` and the gradients there, ``(b, d)``."""
        log_terms = np.zeros((len(X), len(self._sample)))
        parts = []
        for k, process in enumerate(self._objectives):
            posterior = process.posterior(X)
            mean = posterior.mean[:, self._sample]
            sigma = posterior.sigma[:, None]
            log_side, of_mean, of_sigma = _log_side(
                mean, sigma, self._lower[:, k], self._upper[:, k]
            )
            log_terms += log_side
            parts.append((posterior, of_mean, of_sigma))
        for process, optimism in zip(self._constraints, self._optimism, strict=True):
            posterior = process.posterior(X)
            sigma = posterior.sigma[:, None]
            z = posterior.mean / sigma
            optimistic = z + optimism
            log_probability = log_ndtr(optimistic)
            slope = np.exp(-0.5 * optimistic**2 - _LOG_SQRT_2PI - log_probability)
            slope /= sigma
            log_terms += log_probability[:, self._sample]
            slope = slope[:, self._sample]
            parts.append((posterior, slope, -slope * z[:, self._sample]))
        largest = log_terms.max(axis=1, keepdims=True)
        shares = np.exp(log_terms - largest)
        total = shares.sum(axis=1, keepdims=True)
        shares /= total
        values = (largest + np.log(total))[:, 0] - self._log_n_samples
        gradients = np.zeros_like(X)
        for posterior, of_mean, of_sigma in parts:
            of_samples = np.add.reduceat(shares * of_mean, self._starts, axis=1)
            gradients += posterior.gradient(of_samples, (shares * of_sigma).sum(axis=1))
        return values, gradients


def _log_side(
    mean: Array, sigma: Array, lower: Array, upper: Array
) -> tuple[Array, Array, Array]:
    """Return the logarithm of the expected length that is gained between two bounds.

    The length is what of the way from ``lower`` to ``upper`` a Gaussian number covers:
    the difference of its expected improvements on both.

    Args:
        mean: Of the number, shape ``(b, k)`` for ``k`` boxes.
        sigma: Its standard deviation, shape ``(b, 1)``.
        lower: The lower bounds, shape ``(k,)``.
        upper: The upper bounds, shape ``(k,)``; infinite for none.

    Returns:
        The logarithm, its derivatives in ``mean`` and those in ``sigma``: ``(b, k)``.
    """
    near, near_slope, near_density = _log_h(mean, sigma, lower)
    left, left_slope, left_density = np.zeros((3, *near.shape))
    is_bounded = np.isfinite(upper)
    far, far_slope, far_density = _log_h(mean[:, is_bounded], sigma, upper[is_bounded])
    share = np.minimum(np.exp(far - near[:, is_bounded]), _CLOSEST)
    left[:, is_bounded] = share
    left_slope[:, is_bounded] = share * far_slope
    left_density[:, is_bounded] = share * far_density
    log_side = np.log(sigma) + near + np.log1p(-left)
    scale = sigma * (1 - left)
    of_mean = (near_slope - left_slope) / scale
    of_sigma = (near_density - left_density) / scale
    return log_side, of_mean, of_sigma


def _log_h(mean: Array, sigma: Array, bound: Array) -> tuple[Array, Array, Array]:
    """Return ``log_h`` of the standardised bound, its slope, and the density over h."""
    z = np.clip((mean - bound) / sigma, -_FAR, _FAR)
    value, slope = log_h(z)
    return value, slope, 1 - z * slope


def posterior_mean_front(
    X: Array,
    objectives: Sequence[GaussianProcess],
    constraints: Sequence[GaussianProcess],
) -> tuple[Array, Array]:
    """Return those of ``X`` whose posterior means are the Pareto front, and these.

    Where none is expected to be feasible, all of them count as such.

    Args:
        X: Points, shape ``(n, d)``.
        objectives: The models of what is maximised, ``m`` of them.
        constraints: Models of what must not be below 0.

    Returns:
        Shapes ``(f, d)`` and ``(f, m)``.
    """
    Y = np.column_stack([process.mean(X) for process in objectives])
    is_in = are_feasible([process.mean(X) for process in constraints], (len(X),))
    if is_in.any():
        X, Y = X[is_in], Y[is_in]
    is_front = is_nondominated(Y)
    return X[is_front], Y[is_front]
