"""A suggestion and a prediction take one thread, in whatever process; a user's own
code has as many as before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from hpcopt.api.client import Client
from hpcopt.core.errors import ConfigError, GenerationError
from hpcopt.generation.factory import make_generator
from hpcopt.generation.models.map_fit import fit_hyperparameters
from hpcopt.generation.predict import predict
from hpcopt.generation.service.process_service import ProcessService
from hpcopt.generation.snapshot import Snapshot
from hpcopt.generation.spec import GeneratorSpec
from tests.support.api_world import X
from tests.support.generation_world import (
    SQUARE,
    bowl,
    observed,
    snapshot,
    sobol_points,
)

pytestmark = pytest.mark.slow

OWN = 3
NOW = snapshot(SQUARE, observed(sobol_points(SQUARE, 8), bowl))
LONG_S = 120.0


def numbers() -> set[int]:
    return {library["num_threads"] for library in threadpool_info()}


@pytest.fixture(autouse=True)
def own_number() -> Iterator[None]:
    torch.get_num_threads()  # its first use in a thread sets the number
    with threadpool_limits(OWN):
        yield
        assert numbers() == {OWN}


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[set[int]]:
    """Return what the numbers are whenever a model is fitted."""
    found: list[set[int]] = []

    def watched(*arguments: Any, **options: Any) -> Any:
        found.append(numbers())
        return fit_hyperparameters(*arguments, **options)

    monkeypatch.setattr(
        "hpcopt.generation.models.surrogate.fit_hyperparameters", watched
    )
    return found


class Watching:
    """A user's own generator."""

    seen: set[int]

    def generate(self, n: int, experiment: Snapshot) -> Any:
        Watching.seen = numbers()
        raise RuntimeError("nothing")


@pytest.mark.parametrize("threads", [1, 2])
def test_a_suggestion_takes_as_many_threads_as_it_is_told(
    threads: int, seen: list[set[int]]
) -> None:
    make_generator(GeneratorSpec(n_initial=2, threads=threads)).generate(1, NOW)
    assert seen == [{threads}] * len(seen) != []


def test_a_generator_that_raises_leaves_the_number_as_it_was() -> None:
    spec = GeneratorSpec(generator=f"{__name__}:Watching")
    with pytest.raises(GenerationError, match="nothing"):
        make_generator(spec).generate(1, NOW)
    assert Watching.seen == {1}


def test_a_prediction_takes_one_thread(seen: list[set[int]]) -> None:
    predict(NOW, sobol_points(SQUARE, 2))
    assert seen == [{1}]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_client_takes_as_many_threads_as_it_is_told(
    threads: int, seen: list[set[int]], tmp_path: Path
) -> None:
    with Client(folder=tmp_path / "demo") as client:
        client.configure_experiment([X])
        client.configure_optimization("-loss")
        client.configure_generation_strategy(initialization_budget=2, threads=threads)
        for _ in range(4):
            for index, point in client.get_next_trials(1).items():
                client.complete_trial(index, {"loss": (float(point["x"]) - 0.3) ** 2})
        n_of_suggestions = len(seen)
        client.predict([{"x": 0.5}])
        n_of_predictions = len(seen)
        client.get_best_parameterization()
        n_of_the_best = len(seen)
        client.botorch_model()
    assert 0 < n_of_suggestions < n_of_predictions < n_of_the_best < len(seen)
    assert seen == [{threads}] * len(seen)


def test_a_script_and_a_process_suggest_the_same_and_say_how_many(
    tmp_path: Path,
) -> None:
    spec = GeneratorSpec(n_initial=2, threads=1)
    service = ProcessService(tmp_path / "log", spec)
    service.request(2, NOW)
    answer = service.collect(LONG_S)
    service.close()
    assert answer is not None
    assert answer.environment["threads"] == "1"
    assert answer.suggestions == make_generator(spec).generate(2, NOW).suggestions


@pytest.mark.parametrize(
    "make", [GeneratorSpec, Client().configure_generation_strategy]
)
@pytest.mark.parametrize(
    ("threads", "message"),
    [
        (0, "threads: expected at least 1, found 0"),
        (True, "threads: expected a number, found True"),
    ],
)
def test_a_number_that_is_none_is_refused(
    make: Callable[..., object], threads: int, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        make(threads=threads)
