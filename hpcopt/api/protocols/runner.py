"""The runner that a user may implement, and the states of its trials."""

from __future__ import annotations

from hpcopt.core.trials.trial import TrialStatus
from hpcopt.runners.protocol import IRunner

__all__ = ["IRunner", "TrialStatus"]
