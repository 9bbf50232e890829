"""BoTorch's acquisition functions, to be searched like ours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from botorch.acquisition.acquisition import AcquisitionFunction

Array = npt.NDArray[np.float64]


class BotorchAcquisition:
    """An ``Acquisition`` whose values are those of BoTorch's ``function``."""

    def __init__(self, function: AcquisitionFunction) -> None:
        self._function = function

    def values(self, X: Array) -> Array:
        """Return the values of the points ``X``, shape ``(b, d)``: shape ``(b,)``."""
        with torch.no_grad():
            values: Array = self._function(torch.from_numpy(X).unsqueeze(-2)).numpy()
        return values

    def values_and_gradients(self, X: Array) -> tuple[Array, Array]:
        """Return the values of the points ``X`` and the gradients there, ``(b, d)``."""
        points = torch.from_numpy(X).unsqueeze(-2).requires_grad_()
        values = self._function(points)
        (gradients,) = torch.autograd.grad(values.sum(), points)
        return values.detach().numpy(), gradients.squeeze(-2).numpy()
