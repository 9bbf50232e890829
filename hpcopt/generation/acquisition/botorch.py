"""Acquisition functions of BoTorch's kind: ours in numpy, and any in numpy's terms."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from botorch.acquisition.acquisition import AcquisitionFunction
from botorch.exceptions.errors import OptimizationGradientError
from botorch.exceptions.warnings import OptimizationWarning
from botorch.generation.gen import gen_candidates_scipy
from typing_extensions import override

Array = npt.NDArray[np.float64]


class AnalyticAcquisition(AcquisitionFunction):
    """An ``AcquisitionFunction`` of one point whose gradient is derived by hand.

    It is asked in numpy, as torch's overhead would add a quarter to each evaluation;
    to BoTorch it is as any other.
    """

    @abstractmethod
    def values(self, X: Array) -> Array:
        """Return the values of the points ``X``, shape ``(b, d)``: shape ``(b,)``."""

    @abstractmethod
    def values_and_gradients(self, X: Array) -> tuple[Array, Array]:
        """Return the values of the points ``X`` and the gradients there, ``(b, d)``."""

    @override
    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Return the values of points, shape ``batch_shape x 1 x d``: ``batch_shape``.

        Raises:
            ValueError: There is not one point a batch.
        """
        if X.shape[-2] != 1:
            raise ValueError(f"expected one point a batch, found {X.shape[-2]}")
        points = X.double().reshape(-1, X.shape[-1])
        values: torch.Tensor = _ByHand.apply(points, self)  # type: ignore[no-untyped-call]
        return values.reshape(X.shape[:-2]).to(X)


class _ByHand(torch.autograd.Function):
    """The values of an ``AnalyticAcquisition``, and its gradients."""

    @staticmethod
    @override
    def forward(
        ctx: Any, X: torch.Tensor, acquisition: AnalyticAcquisition
    ) -> torch.Tensor:
        values, gradients = acquisition.values_and_gradients(X.detach().cpu().numpy())
        ctx.save_for_backward(torch.from_numpy(gradients).to(X))
        return torch.from_numpy(values).to(X)

    @staticmethod
    @override
    def backward(ctx: Any, *gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        [gradients] = ctx.saved_tensors
        return gradient[0].unsqueeze(-1) * gradients, None


class AutogradAcquisition:
    """Values and gradients, in numpy, of any of BoTorch's acquisition functions."""

    def __init__(self, function: AcquisitionFunction) -> None:
        self.function = function

    def values(self, X: Array) -> Array:
        """Return the values of the points ``X``, shape ``(b, d)``: shape ``(b,)``."""
        with torch.no_grad():
            values: Array = self.function(torch.from_numpy(X).unsqueeze(-2)).numpy()
        return values

    def values_and_gradients(self, X: Array) -> tuple[Array, Array]:
        """Return the values of the points ``X`` and the gradients there, ``(b, d)``."""
        points = torch.from_numpy(X).unsqueeze(-2).requires_grad_()
        with torch.enable_grad():
            values = self.function(points)
            (gradients,) = torch.autograd.grad(values.sum(), points)
        return values.detach().numpy(), gradients.squeeze(-2).numpy()

    def local_maxima(
        self,
        starts: Array,
        lower: Array,
        upper: Array,
        fixed: npt.NDArray[np.bool_],
        max_iterations: int,
    ) -> Array:
        """Return where BoTorch's local searches end, which are evaluated as one batch.

        A batch costs autograd little more than a point.

        Args:
            starts: Shape ``(s, d)``.
            lower: What is not left, shape ``(d,)``.
            upper: The same.
            fixed: Which coordinates keep their value, shape ``(d,)``.
            max_iterations: Of each search.

        Returns:
            Shape ``(s, d)``.

        Raises:
            FloatingPointError: The acquisition is not a number somewhere.
        """
        inside = torch.from_numpy(np.clip(starts, lower, upper))
        kept = np.flatnonzero(fixed).tolist()
        try:
            # A search that has not converged has an end all the same; of that BoTorch
            # warns past all filters.
            with warnings.catch_warnings(record=True) as told:
                ends, _ = gen_candidates_scipy(
                    inside.unsqueeze(-2),
                    self.function,
                    lower_bounds=torch.from_numpy(lower),
                    upper_bounds=torch.from_numpy(upper),
                    options={"maxiter": max_iterations},
                    fixed_features={k: inside[:, k] for k in kept},
                )
        except OptimizationGradientError as exc:
            raise FloatingPointError("the acquisition is not a number") from exc
        for one in told:
            if not issubclass(one.category, OptimizationWarning):
                warnings.warn_explicit(
                    one.message, one.category, one.filename, one.lineno
                )
        points: Array = ends.squeeze(-2).numpy()
        return points
