"""A script as Ax's tutorial on closed-loop experiments writes one, but for its imports.

The runner names its files by the second, and ends a trial as soon as it is asked: the
four digits that it takes for the start are the first ones of the time. Both are so in
the tutorial, and what was written for it has to run as it is.
"""

# ruff: noqa: PTH110, PTH123, T201 - written as in a notebook
from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from hpcopt.api.client import Client
from hpcopt.api.configs import RangeParameterConfig
from hpcopt.api.protocols.metric import IMetric
from hpcopt.api.protocols.runner import IRunner, TrialStatus
from hpcopt.api.types import TParameterization

ALPHA = np.array([1.0, 1.2, 3.0, 3.2])
A = np.array(
    [
        [10, 3, 17, 3.5, 1.7, 8],
        [0.05, 10, 17, 0.1, 8, 14],
        [3, 3.5, 1.7, 10, 17, 8],
        [17, 8, 0.05, 10, 0.1, 14],
    ]
)
P = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ]
)
MIDDLE = {"x1": 0.1, "x2": 0.45, "x3": 0.8, "x4": 0.25, "x5": 0.552, "x6": 1.0}


def hartmann6(*x: float) -> float:
    return -float(ALPHA @ np.exp(-(A * (np.array(x) - P) ** 2).sum(axis=1)))


class MockRunner(IRunner):
    def run_trial(
        self, trial_index: int, parameterization: TParameterization
    ) -> dict[str, Any]:
        file_name = f"{int(time.time())}.txt"
        result = hartmann6(*(float(parameterization[f"x{k + 1}"]) for k in range(6)))
        with open(file_name, "w") as f:
            f.write(f"{result}")
        return {"file_name": file_name}

    def poll_trial(
        self, trial_index: int, trial_metadata: Mapping[str, Any]
    ) -> TrialStatus:
        file_name = trial_metadata["file_name"]
        time_elapsed = time.time() - int(file_name[:4])
        if time_elapsed < 5:
            return TrialStatus.RUNNING
        return TrialStatus.COMPLETED


class MockMetric(IMetric):
    def fetch(
        self, trial_index: int, trial_metadata: Mapping[str, Any]
    ) -> tuple[int, float | tuple[float, float]]:
        with open(trial_metadata["file_name"]) as file:
            return (0, float(file.readline()))


runner = MockRunner()
trial_metadata = runner.run_trial(trial_index=-1, parameterization=MIDDLE)
print("File exists:", os.path.exists(trial_metadata["file_name"]))

hartmann6_metric = MockMetric(name="hartmann6")
print("Value:", hartmann6_metric.fetch(trial_index=-1, trial_metadata=trial_metadata))

client = Client()
parameters = [
    RangeParameterConfig(name=f"x{i + 1}", parameter_type="float", bounds=(0, 1))
    for i in range(6)
]
client.configure_experiment(
    parameters=parameters,
    name="hartmann6_experiment",
    description="Optimization of the Hartmann6 function",
    owner="developer",
)
client.configure_optimization(objective="-hartmann6")
client.configure_runner(runner=runner)
client.configure_metrics(metrics=[hartmann6_metric])

client.run_trials(
    max_trials=30,
    parallelism=3,
    tolerated_trial_failure_rate=0.1,
    initial_seconds_between_polls=1,
)

best_parameters, prediction, index, name = client.get_best_parameterization()
print("Best Parameters:", best_parameters)
print("Prediction (mean, standard error):", prediction)
print("Trial:", index, name)
