"""What the tests of the API share: a bowl whose lowest point is at 0.3."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from typing_extensions import override

from hpcopt.api.client import Client
from hpcopt.api.configs import RangeParameterConfig
from hpcopt.api.protocols.metric import IMetric
from hpcopt.api.protocols.runner import IRunner, TrialStatus
from hpcopt.api.types import TParameterization

X = RangeParameterConfig(name="x", bounds=(0, 1), parameter_type="float")


class BowlRunner(IRunner):
    """Computes nothing: the metric does."""

    min_seconds_between_launches = 0.0

    def __init__(
        self, *, fails: frozenset[int] = frozenset(), interrupts_at: int | None = None
    ) -> None:
        self.launched: list[int] = []
        self._fails = fails
        self._interrupts_at = interrupts_at

    @override
    def run_trial(
        self, trial_index: int, parameterization: TParameterization
    ) -> dict[str, Any]:
        self.launched.append(trial_index)
        if trial_index == self._interrupts_at:
            os.kill(os.getpid(), signal.SIGINT)
        return {"x": parameterization["x"]}

    @override
    def poll_trial(
        self, trial_index: int, trial_metadata: Mapping[str, Any]
    ) -> TrialStatus:
        is_failed = trial_index in self._fails
        return TrialStatus.FAILED if is_failed else TrialStatus.COMPLETED


class EndlessRunner(BowlRunner):
    """Trials that go on for ever."""

    @override
    def poll_trial(
        self, trial_index: int, trial_metadata: Mapping[str, Any]
    ) -> TrialStatus:
        return TrialStatus.RUNNING


class Height(IMetric):
    @override
    def fetch(
        self, trial_index: int, trial_metadata: Mapping[str, Any]
    ) -> tuple[int, float | tuple[float, float]]:
        return 0, float((trial_metadata["x"] - 0.3) ** 2)


def bowl_client(
    folder: Path,
    runner: BowlRunner | None = None,
    *,
    objective: str = "-height",
    random_seed: int | None = None,
) -> Client:
    """Return a client that has only to run."""
    client = Client(folder=folder, random_seed=random_seed)
    client.configure_experiment([X])
    client.configure_optimization(objective)
    client.configure_runner(runner or BowlRunner())
    client.configure_metrics([Height("height")])
    client.configure_generation_strategy("random_search")
    return client
