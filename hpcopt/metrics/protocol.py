"""Protocols of metrics: Ax's ``IMetric`` for users, ``OutcomeReader`` for drivers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol

from hpcopt.core.trials.trial import Observation
from hpcopt.core.types import JSONValue


class IMetric(ABC):
    """Reads one value of an ended trial, as in ``ax.api``."""

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def fetch(
        self, trial_index: int, trial_metadata: Mapping[str, Any]
    ) -> tuple[int, float | tuple[float, float]]:
        """Return the progression, and the mean or the mean and its standard error.

        Called by keyword, with the metadata that the runner returned for the trial.

        Raises:
            ResultNotReadyError: The result is not there yet; ask again.
            MetricError: The result is there and is not what was expected.
        """


class OutcomeReader(Protocol):
    """Reads all metrics of an ended attempt."""

    def read(
        self, trial_index: int, trial_metadata: Mapping[str, JSONValue]
    ) -> Mapping[str, Observation]:
        """Return every metric's value, all finite.

        Raises:
            ResultNotReadyError: The result is not there yet, or not known to be
                whole; ask again.
            MetricError: The result is there and is not what was asked for.
        """
