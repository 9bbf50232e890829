"""The types of parameters and outcomes."""

from __future__ import annotations

from hpcopt.core.types import TOutcome, TParameterization, TParameterValue

__all__ = ["TOutcome", "TParameterValue", "TParameterization"]
