"""The programming interface: the names and meanings of ``ax.api``.

A script for ``ax.api`` becomes one for hpcopt by its import lines::

    from hpcopt.api.client import Client
    from hpcopt.api.configs import ChoiceParameterConfig, RangeParameterConfig
    from hpcopt.api.protocols.metric import IMetric
    from hpcopt.api.protocols.runner import IRunner, TrialStatus

``hpcopt.api.runners`` and ``hpcopt.api.metrics`` hold what hpcopt brings along, so that
a trial can be any command that writes an HDF5 file. What differs from Ax is said in the
docstrings of ``Client``: above all, every experiment is kept on disk from the start.
"""

from __future__ import annotations

from hpcopt.api.client import Client
from hpcopt.api.configs import (
    ChoiceParameterConfig,
    RangeParameterConfig,
    StorageConfig,
)
from hpcopt.api.types import TOutcome, TParameterization

__all__ = [
    "ChoiceParameterConfig",
    "Client",
    "RangeParameterConfig",
    "StorageConfig",
    "TOutcome",
    "TParameterization",
]
