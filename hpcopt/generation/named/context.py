"""What a function that makes a model, or an acquisition, is told beside the data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from botorch.models.model import Model
from botorch.sampling.normal import SobolQMCNormalSampler
from torch import Tensor

#: By how many samples an expectation is taken.
MC_SAMPLES = 128

Constraint = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class ModelContext:
    """What a function that makes a model of one outcome is told."""

    outcome: str
    """The outcome as it was written: ``-loss``, or ``memory <= 10`` for a constraint,
    whose outcome is by how much it holds."""
    parameters: tuple[str, ...]
    """The parameter of each coordinate of the unit cube; a choice has several."""
    bounds: Tensor
    """The unit cube, shape ``(2, d)``."""
    seed: int
    """Where all that is random comes from."""
    device: torch.device
    """Where the data are."""


@dataclass
class AcquisitionContext:
    """What a function that makes an acquisition is told, beside the model.

    It remembers what was asked: who asks for pending points, or for constraints, takes
    them into account.
    """

    model: Model
    """Of all outcomes: those of the objectives, then those of the constraints."""
    objective: Any
    """Of samples of ``model``, an ``MCAcquisitionObjective``: what is maximised. For
    several objectives it is an ``MCMultiOutputObjective``, of each in units of its
    outcomes' standard deviation."""
    unit: float
    """The standard deviation of the observed values of a single objective."""
    parameters: tuple[str, ...]
    """The parameter of each coordinate of the unit cube; a choice has several."""
    bounds: Tensor
    """The unit cube, shape ``(2, d)``."""
    X_baseline: Tensor
    """The points whose outcomes are known, shape ``(n, d)``."""
    best_f: float
    """The largest expected objective of those that are feasible; the least of all, if
    none is. Not a number for several objectives."""
    ref_point: Tensor
    """Of several objectives, beyond which values count, in the units of ``objective``,
    shape ``(m,)``; ``(0,)`` for one."""
    seed: int
    """Where all that is random comes from."""
    device: torch.device
    """Where the model is."""
    points: Callable[[int], Tensor]
    """Returns so many points of the space, spread evenly; fewer, if it has fewer."""
    pending: Tensor
    """See ``X_pending``; shape ``(p, d)``."""
    slacks: Sequence[Constraint]
    """See ``constraints``."""
    asked: set[str] = field(default_factory=set)

    @cached_property
    def X_pending(self) -> Tensor | None:  # noqa: N802
        """The points whose outcomes are not known, shape ``(p, d)``, if any."""
        self.asked.add("pending")
        return self.pending if len(self.pending) else None

    def constraints(self) -> list[Constraint] | None:
        """Return the constraints on outcomes as BoTorch takes them, if any.

        Each maps samples of ``model`` to what is below 0 where it holds.
        """
        self.asked.add("constraints")
        return list(self.slacks) or None

    def sampler(self, n: int = MC_SAMPLES) -> SobolQMCNormalSampler:
        """Return a sampler of ``n`` samples that draws the same ones each time."""
        return SobolQMCNormalSampler(torch.Size([n]), seed=self.seed)
