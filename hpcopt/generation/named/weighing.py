"""An acquisition that is weighed by probabilities, and asked on its own device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from botorch.acquisition.acquisition import AcquisitionFunction
from botorch.models.model import Model
from botorch.utils.transforms import is_ensemble
from torch import Tensor
from typing_extensions import override

#: The dimension of an ensemble's members in a posterior's moments.
_ENSEMBLE_DIM = -3

#: What satisfies a constraint is likelier than not.
_LIKELY = 0.5

#: Variances below this are rounding.
_LEAST_VARIANCE = 1e-12


class WeighedAcquisition(AcquisitionFunction):
    """An acquisition times the probability that outcomes are not below 0.

    One that is a logarithm gets the logarithm of the probability added. Of others, the
    probability weighs by how much they exceed the least value at the observed points;
    what is below that stays as it is, and is worse. Where a probability is below a half
    that counts for more: gains may be of any order, and some are largest where nobody
    may go. Where nothing is weighed that is a change of unit and zero.
    """

    def __init__(
        self,
        acquisition: AcquisitionFunction,
        weights: Sequence[Model],
        X: Tensor,
        X_spread: Tensor,
    ) -> None:
        """Ask the acquisition at the observed points.

        Args:
            acquisition: What is weighed, of one point a batch.
            weights: Models of one output each, which is not to be below 0.
            X: The observed points, shape ``(n, d)``, on the acquisition's device.
            X_spread: Others all over the space, shape ``(p, d)``.
        """
        super().__init__(acquisition.model)
        self._acquisition = acquisition
        self._weights = list(weights)
        self._device = X.device
        self._is_log = bool(getattr(acquisition, "_log", False))
        self._floor, self._unit = 0.0, 1.0
        if not self._is_log:
            with torch.no_grad():
                observed = acquisition(X.unsqueeze(-2))
                others = acquisition(X_spread.unsqueeze(-2))
            self._floor = observed.min().item()
            extent = torch.cat([observed, others]).max().item() - self._floor
            self._unit = extent if extent > 0 else 1.0

    @override
    def forward(self, X: Tensor) -> Tensor:
        """Return the values of points, shape ``b x 1 x d``: ``(b,)``."""
        points = X.to(self._device)
        values: Tensor = self._acquisition(points)
        log_weight, unlikely = torch.zeros_like(values), torch.zeros_like(values)
        for model in self._weights:
            log_p = log_probability(model, points)
            log_weight = log_weight + log_p
            unlikely = unlikely + (1 - log_p.exp() / _LIKELY).clamp_min(0.0)
        if self._is_log:
            logarithm: Tensor = (values + log_weight).to(X)
            return logarithm
        above = (values - self._floor) / self._unit
        weighed: Tensor = torch.where(above > 0, above * log_weight.exp(), above)
        return (weighed - unlikely).to(X)


def log_probability(model: Model, X: Tensor) -> Tensor:
    """Return the logarithm of the probability that an output is not below 0.

    Args:
        model: Of one output; of an ensemble it is the mean of the members'.
        X: Shape ``b x 1 x d``.

    Returns:
        Shape ``(b,)``.
    """
    posterior: Any = model.posterior(X)
    sigma = posterior.variance.clamp_min(_LEAST_VARIANCE).sqrt()
    log_p: Tensor = torch.special.log_ndtr(posterior.mean / sigma)
    if is_ensemble(model):
        n = log_p.shape[_ENSEMBLE_DIM]
        log_p = log_p.logsumexp(dim=_ENSEMBLE_DIM) - torch.log(torch.tensor(float(n)))
    return log_p.squeeze(-1).squeeze(-1)
