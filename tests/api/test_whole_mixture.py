"""Percentages that add up to 100, from a script."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpcopt.api.client import Client
from hpcopt.api.configs import RangeParameterConfig
from hpcopt.core.errors import ConfigError

NAMES = ["a", "b", "c", "d"]
BEST = {"a": 35, "b": 5, "c": 20, "d": 40}


def asking(folder: Path, total: int) -> Client:
    client = Client(folder=folder, random_seed=0)
    client.configure_experiment(
        [RangeParameterConfig(n, (0, 100), "int", step_size=5) for n in NAMES],
        [f"{' + '.join(NAMES)} == {total}"],
    )
    client.configure_optimization("-loss")
    return client


@pytest.mark.slow
def test_each_suggestion_adds_up_and_the_best_is_found(tmp_path: Path) -> None:
    client = asking(tmp_path, 100)
    for _ in range(20):
        for index, point in client.get_next_trials(1).items():
            assert sum(float(value) for value in point.values()) == 100
            loss = sum((float(point[n]) - v) ** 2 for n, v in BEST.items())
            client.complete_trial(index, {"loss": loss})
    best, *_ = client.get_best_parameterization(False)
    assert best == BEST


def test_a_sum_between_steps_is_told_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="on their steps and within their bounds"):
        asking(tmp_path / "new", 103)
    assert not (tmp_path / "new").exists()
