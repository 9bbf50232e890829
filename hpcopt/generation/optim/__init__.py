"""The maximisation of an acquisition over the space, under its constraints.

Knows acquisitions, models' means and the design, and not whose turn it is.
"""

from __future__ import annotations

# It loads BoTorch without the warnings of what BoTorch stands on.
import hpcopt.generation.models

__all__ = ["hpcopt"]
