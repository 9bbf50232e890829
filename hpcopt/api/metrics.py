"""The metrics that hpcopt brings along."""

from __future__ import annotations

from hpcopt.metrics.hdf5 import Hdf5Metric

__all__ = ["Hdf5Metric"]
