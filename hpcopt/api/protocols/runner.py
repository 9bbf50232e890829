"""The runner that a user may implement, and the states of its trials."""

from __future__ import annotations

from hpcopt.core.trials.trial import TrialStatus
from hpcopt.core.types import TParameterization
from hpcopt.runners.protocol import IRunner

__all__ = ["IRunner", "TParameterization", "TrialStatus"]
