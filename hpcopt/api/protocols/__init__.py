"""What a user may implement: a runner and metrics."""

from __future__ import annotations

from hpcopt.api.protocols.metric import IMetric
from hpcopt.api.protocols.runner import IRunner

__all__ = ["IMetric", "IRunner"]
