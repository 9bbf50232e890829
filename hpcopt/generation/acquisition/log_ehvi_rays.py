"""Expected hypervolume improvement for many objectives, along rays. Pure numpy.

The boxes of ``log_ehvi.py`` grow without bound with the number of objectives: a front
of 60 points has 68,000 for five of them. Here the volume is measured along rays from
the reference point instead (Deng and Zhang, "Approximating Hypervolume and Hypervolume
Contributions Using Polar Coordinate", 2019): on each ray what no outcome dominates
begins at one distance, and a point with independent Gaussian outcomes dominates what
is farther with a probability that is a product over the objectives. The integral of
these probabilities is the expected improvement; it has as many terms as there are rays
and distances, whatever the front is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from botorch.models.model import Model
from scipy.special import log_ndtr
from typing_extensions import override

from hpcopt.generation.acquisition.botorch import AnalyticAcquisition
from hpcopt.generation.acquisition.log_ei import are_feasible, normal_samples
from hpcopt.generation.models.gaussian_process import FantasyProcess, GaussianProcess

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: Samples of what is uncertain, rays for each of them, distances along each ray.
_N_SAMPLES, _N_RAYS, _N_DISTANCES = 8, 64, 8

#: The nearest distance beyond what is dominated, as a share of the farthest.
_NEAREST = 1e-3

#: A ray ends where an objective is so many standard deviations of its outcomes above
#: the best value that is known of it.
_REACH = 3.0

#: What the sides of the box over whose far corners the rays are spread are longer than
#: the best values known, in the same unit: there is something to gain beyond them.
_MARGIN = 0.5

#: The least component of a direction: no ray lies in a face.
_LEAST_COMPONENT = 1e-6

_LOG_SQRT_2PI = math.log(math.sqrt(2 * math.pi))


class LogNoisyHypervolumeImprovementByRays(AnalyticAcquisition):
    """The logarithm of the expected growth of the hypervolume, measured along rays.

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
        """Sample what is uncertain, and cast rays past each sample.

        Args:
            objectives: The models of what is maximised.
            constraints: Models of what must not be below 0.
            reference: The objectives' values above which volume counts, ``(m,)``.
            X_baseline: The observed points that are to be improved on, ``(n, d)``.
            X_pending: Points whose outcomes will come, shape ``(p, d)``.
            seed: Where the samples and the rays come from.
            optimism: How many standard deviations each of the constraints is taken to
                be above its mean; none by default.
            model: That of all outcomes, as BoTorch has it.

        Raises:
            LinAlgError: A covariance matrix could not be factorised.
        """
        super().__init__(model)  # type: ignore[arg-type]
        m = len(objectives)
        uncertain = np.concatenate([X_baseline, X_pending])
        models = [*objectives, *constraints]
        normal = normal_samples(_N_SAMPLES, (len(models), len(uncertain)), seed)
        samples = [p.samples(uncertain, normal[:, k]) for k, p in enumerate(models)]
        processes = [
            FantasyProcess(process, uncertain, values)
            for process, values in zip(models, samples, strict=True)
        ]
        self._objectives, self._constraints = processes[:m], processes[m:]
        self._optimism = optimism or [0.0] * len(constraints)
        values = np.stack(samples[:m], axis=-1)
        is_feasible = are_feasible(samples[m:], values.shape[:2])
        directions = np.abs(normal_samples(_N_SAMPLES * _N_RAYS, (1, m), seed))
        self._targets, self._log_weights = _targets_on_rays(
            values - reference, is_feasible, directions.reshape(_N_SAMPLES, _N_RAYS, m)
        )
        self._targets += reference

    @property
    def n_terms(self) -> int:
        """The number of terms of a value, whatever the outcomes are."""
        return self._log_weights.size

    @override
    def values(self, X: Array) -> Array:
        """Return the values of the points ``X``, shape ``(b, d)``: shape ``(b,)``."""
        return self.values_and_gradients(X)[0]

    @override
    def values_and_gradients(self, X: Array) -> tuple[Array, Array]:
        """Return the values of the points ``X`` and the gradients there, ``(b, d)``."""
        log_terms = np.broadcast_to(
            self._log_weights, (len(X), *self._log_weights.shape)
        ).copy()
        parts = []
        for k, process in enumerate(self._objectives):
            posterior = process.posterior(X)
            sigma = posterior.sigma[:, None, None]
            z = (posterior.mean[:, :, None] - self._targets[:, :, k]) / sigma
            log_probability = log_ndtr(z)
            log_terms += log_probability
            parts.append((posterior, z, z, log_probability))
        for process, optimism in zip(self._constraints, self._optimism, strict=True):
            posterior = process.posterior(X)
            z = (posterior.mean / posterior.sigma[:, None])[:, :, None]
            log_probability = log_ndtr(z + optimism)
            log_terms += log_probability
            parts.append((posterior, z, z + optimism, log_probability))
        largest = log_terms.max(axis=(1, 2), keepdims=True)
        shares = np.exp(log_terms - largest)
        total = shares.sum(axis=(1, 2), keepdims=True)
        shares /= total
        gradients = np.zeros_like(X)
        for posterior, z, argument, log_probability in parts:
            slope = np.exp(-0.5 * argument**2 - _LOG_SQRT_2PI - log_probability)
            of_z = shares * slope / posterior.sigma[:, None, None]
            of_sigma = -(of_z * z).sum(axis=(1, 2))
            gradients += posterior.gradient(of_z.sum(axis=2), of_sigma)
        return (largest + np.log(total))[:, 0, 0], gradients


def _targets_on_rays(
    gains: Array, is_feasible: Mask, directions: Array
) -> tuple[Array, Array]:
    """Return the points on rays at which the domination is asked for.

    The distances beyond what is dominated are spread evenly in their logarithm, and
    the integral over them is a sum by the trapezoidal rule.

    Args:
        gains: Outcomes less the reference point, ``(s, u, m)``.
        is_feasible: Which of them count, shape ``(s, u)``.
        directions: Those of ``r`` rays for each sample, not negative, ``(s, r, m)``.

    Returns:
        The points less the reference point, shape ``(s, t, m)``, and the logarithms
        of their weights, ``(s, t)``.
    """
    n_samples, n_rays, m = directions.shape
    counted = np.where(is_feasible[..., None], np.maximum(gains, 0.0), 0.0)
    extent = counted.max(axis=(0, 1), initial=0.0)
    extent = np.where(extent > 0, extent, 1.0)
    directions = np.maximum(directions, _LEAST_COMPONENT)
    directions = directions / np.linalg.norm(directions, axis=-1, keepdims=True)
    scale = extent + _MARGIN
    rays = directions * scale
    # A point dominates the ray up to where its worst objective is.
    reached = (counted[:, None] / rays[:, :, None]).min(axis=-1)
    start = reached.max(axis=-1, initial=0.0)[..., None]
    length = ((extent + _REACH) / rays).min(axis=-1)[..., None] - start
    step = -math.log(_NEAREST) / (_N_DISTANCES - 1)
    beyond = length * np.exp(-step * np.arange(_N_DISTANCES - 1, -1, -1))
    weights = beyond * step
    weights[..., 0] = beyond[..., 0] * (1 + 0.5 * step)
    weights[..., -1] *= 0.5
    distances = start + beyond
    points = (rays[:, :, None] * distances[..., None]).reshape(n_samples, -1, m)
    log_weights = np.log(weights) + (m - 1) * np.log(distances)
    # The part of the unit sphere on which no component is negative.
    log_area = (1 - m) * math.log(2) + 0.5 * m * math.log(math.pi)
    log_area += float(np.log(scale).sum()) - math.lgamma(0.5 * m)
    log_area -= math.log(n_samples * n_rays)
    return points, log_weights.reshape(n_samples, -1) + log_area
