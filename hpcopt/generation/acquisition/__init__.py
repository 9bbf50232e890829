"""BoTorch's acquisition functions: ours, with analytic gradients, and any other.

Knows the models, and not how a point is searched for.
"""

from __future__ import annotations

# It loads BoTorch without the warnings of what BoTorch stands on.
import hpcopt.generation.models

__all__ = ["hpcopt"]
