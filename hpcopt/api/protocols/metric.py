"""The metric that a user may implement, and how it says that it has no value.

``fetch`` raises ``ResultNotReadyError`` to be asked again, and ``MetricError`` to say
that there will be no value.
"""

from __future__ import annotations

from hpcopt.core.errors import MetricError, ResultNotReadyError
from hpcopt.metrics.protocol import IMetric

__all__ = ["IMetric", "MetricError", "ResultNotReadyError"]
