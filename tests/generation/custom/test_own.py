"""Users' own generators: found, asked, and their points checked."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hpcopt.core.errors import ConfigError, GenerationError
from hpcopt.core.goals.goals import parse_goals
from hpcopt.core.space.search_space import ChoiceParameter, RangeParameter, SearchSpace
from hpcopt.generation.custom.gest import GestGenerator, Vocs
from hpcopt.generation.custom.own import OwnGenerator
from hpcopt.generation.protocol import FallbackLevel, Generation
from hpcopt.generation.service.fallback_levels import FallbackService, start_generator
from hpcopt.generation.service.process_service import ProcessService
from hpcopt.generation.snapshot import Snapshot
from hpcopt.generation.spec import GeneratorSpec
from tests.support.generation_world import (
    SQUARE,
    bowl,
    observed,
    snapshot,
    sobol_points,
)

LONG_S = 120.0

BEGUN = dataclasses.replace(
    snapshot(SQUARE, observed(sobol_points(SQUARE, 3), bowl)), n_trials=3
)
NAMES = [parameter.name for parameter in SQUARE.parameters]


def named(*values: float) -> dict[str, object]:
    return dict(zip(NAMES, values, strict=True))


class Listed:
    """Returns what it is made with."""

    points: object = None

    def __init__(self, error: str | None = None) -> None:
        self._error = error

    def generate(self, n: int, experiment: Snapshot) -> Any:
        if self._error is not None:
            raise RuntimeError(self._error)
        return Listed.points


class Nothing:
    """No generator at all."""


def spec(name: str = "Listed", **options: Any) -> GeneratorSpec:
    return GeneratorSpec(generator=f"{__name__}:{name}", options=options)


def generate(points: object, n: int = 2) -> Generation:
    Listed.points = points
    return OwnGenerator(spec()).generate(n, BEGUN)


def test_good_points_are_taken_as_they_are() -> None:
    generation = generate([named(0.25, 0.5), named(0.75, 0.125)])
    assert [s.parameters for s in generation.suggestions] == [
        named(0.25, 0.5),
        named(0.75, 0.125),
    ]
    assert {s.method for s in generation.suggestions} == {"own"}
    assert generation.details == {"fallbacks": []}


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (named(0.25, 1e9), r"expected a value in \["),
        ({NAMES[0]: 0.25}, "expected a value for 'y', found none"),
        ({**named(0.25, 0.5), "c": 1.0}, "expected values for"),
        (named(0.25, 0.5), "it was proposed before"),
        (dict(BEGUN.completed[0].parameters), "it was proposed before"),
        ({NAMES[0]: None, NAMES[1]: 0.5}, "expected a number, a string or a boolean"),
        ("nonsense", "expected a mapping from names to values"),
    ],
    ids=["outside", "missing", "unknown", "twice", "known", "none", "word"],
)
def test_a_bad_point_is_replaced_and_it_is_said_so(bad: object, why: str) -> None:
    generation = generate([named(0.25, 0.5), bad])
    first, second = generation.suggestions
    assert (first.method, second.method) == ("own", "sobol")
    told = str(generation.details["fallbacks"])
    assert told[2:].startswith(f"trial 4: {__name__}:Listed proposed ")
    assert re.search(why, told.replace("\\'", "'"))


@pytest.mark.parametrize("points", [None, "abc", {"a": 1}, 7], ids=repr)
def test_what_is_no_list_is_an_error(points: object) -> None:
    with pytest.raises(GenerationError, match="expected a list of parameterizations"):
        generate(points)


def test_that_it_has_no_more_points_is_said_of_it_and_not_of_the_space() -> None:
    generation = generate([])
    assert generation.suggestions == ()
    assert generation.why_none == f"{__name__}:Listed has no more points"


def test_what_it_raises_is_an_error_that_names_it() -> None:
    generator = OwnGenerator(spec(error="bad luck"))
    with pytest.raises(GenerationError, match=r"Listed raised RuntimeError: bad luck"):
        generator.generate(1, BEGUN)


def test_at_the_lowest_level_it_is_not_asked() -> None:
    generation = OwnGenerator(spec(error="bad luck")).generate(
        2, BEGUN, FallbackLevel.DESIGN
    )
    assert [s.method for s in generation.suggestions] == ["sobol", "sobol"]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (GeneratorSpec(generator="no_such_module:X"), "ModuleNotFoundError"),
        (GeneratorSpec(generator=f"{__name__}:Missing"), "AttributeError"),
        (spec(nonsense=1), "TypeError: .*nonsense"),
        (spec("Nothing"), "expected a class with a method generate"),
    ],
    ids=["module", "class", "options", "methods"],
)
def test_one_that_cannot_be_made_is_refused(asked: GeneratorSpec, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        OwnGenerator(asked)


PROGRAM = """
import os
import signal
import time

class Corner:
    def __init__(self, at):
        self.at = at

    def generate(self, n, experiment):
        print("noise on stdout")
        return [
            {p.name: self.at + 0.01 * (experiment.n_trials + k)
             for p in experiment.space.parameters}
            for k in range(n)
        ]

class Greedy:
    def generate(self, n, experiment):
        os.kill(os.getpid(), signal.SIGKILL)

class Stuck:
    def generate(self, n, experiment):
        print("stuck", flush=True)
        time.sleep(3600)
"""


@pytest.fixture
def module(tmp_path: Path) -> Callable[..., GeneratorSpec]:
    (tmp_path / "mine.py").write_text(PROGRAM, encoding="utf-8")

    def make(name: str, **changes: Any) -> GeneratorSpec:
        return GeneratorSpec(generator=f"mine:{name}", folder=str(tmp_path), **changes)

    return make


def ask(made: GeneratorSpec, tmp_path: Path, n: int = 1) -> Generation:
    service = start_generator(tmp_path / "log", made)
    with closing(service):
        service.request(n, BEGUN)
        while (answer := service.collect(LONG_S)) is None:
            assert service.is_busy
    return answer


def test_it_runs_in_the_generators_process(
    module: Callable[..., GeneratorSpec], tmp_path: Path
) -> None:
    answer = ask(module("Corner", options={"at": 0.5}), tmp_path, 2)
    assert [s.parameters for s in answer.suggestions] == [
        named(0.53, 0.53),
        named(0.54, 0.54),
    ]
    assert "noise on stdout" in (tmp_path / "log").read_text()


@pytest.mark.slow
def test_one_whose_process_is_killed_is_replaced(
    module: Callable[..., GeneratorSpec], tmp_path: Path
) -> None:
    answer = ask(module("Greedy"), tmp_path)
    assert (answer.level, answer.suggestions[0].method) == (
        FallbackLevel.DESIGN,
        "sobol",
    )
    told = str(answer.details["fallbacks"])
    assert "mine:Greedy failed; Sobol points used instead" in told
    assert "was killed, perhaps for want of memory" in told


@pytest.mark.slow
def test_one_that_hangs_is_ended_and_replaced(
    module: Callable[..., GeneratorSpec], tmp_path: Path
) -> None:
    log, time = tmp_path / "log", [0.0]
    made = module("Stuck", timeout_s=20.0)
    service = FallbackService(ProcessService(log, made), made, lambda: time[0])
    with closing(service):
        service.request(1, BEGUN)
        while "stuck" not in log.read_text(encoding="utf-8"):
            assert service.collect(0.1) is None
        time[0] = 20.0
        while (answer := service.collect(LONG_S)) is None:
            assert service.is_busy
    assert (answer.level, answer.suggestions[0].method) == (
        FallbackLevel.DESIGN,
        "sobol",
    )
    assert answer.details["fallbacks"] == [
        "mine:Stuck failed; Sobol points used instead "
        "(no answer within the limit of 20 s)"
    ]


def test_one_that_cannot_be_found_stops_the_experiment(
    module: Callable[..., GeneratorSpec], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="AttributeError"):
        ask(module("Absent"), tmp_path)


# gest-api


class Gest:
    """A generator of gest-api's kind."""

    made: list[Gest] = []  # noqa: RUF012

    def __init__(self, vocs: Vocs, start: float = 0.0) -> None:
        self.vocs = vocs
        self.start = start
        self.ingested: list[Mapping[str, object]] = []
        Gest.made.append(self)

    def suggest(self, num_points: int | None) -> list[dict[str, object]]:
        return [
            {"x": self.start + k, "size": 3, "_id": f"id{k}"}
            for k in range(num_points or 1)
        ]

    def ingest(self, results: list[Mapping[str, object]]) -> None:
        self.ingested += results


MIXED = SearchSpace(
    (
        RangeParameter("x", 0, 10),
        RangeParameter("size", 1, 3, parameter_type="int"),
        ChoiceParameter("kind", ("only",)),
    )
)


def test_a_gest_generator_is_told_the_problem_and_each_result_once() -> None:
    Gest.made.clear()
    begun = dataclasses.replace(
        snapshot(MIXED), goals=parse_goals("-loss", ["cost <= 2"])
    )
    generator = GestGenerator(Gest, {"start": 0.5})
    points = generator.generate(2, begun)
    assert points == [
        {"x": 0.5, "size": 3},
        {"x": 1.5, "size": 3},
    ]
    [made] = Gest.made
    assert made.vocs == Vocs(
        {"x": [0.0, 10.0], "size": {1, 2, 3}},
        {"loss": "MINIMIZE"},
        {"constraint_0": ["GREATER_THAN", 0.0]},
    )
    trials = [
        dataclasses.replace(
            trial, outcome={**trial.outcome, "cost": trial.outcome["loss"]}
        )
        for trial in observed([{**points[1], "kind": "only"}], lambda p: 1.5)
    ]
    grown = dataclasses.replace(begun, completed=tuple(trials))
    generator.generate(1, grown)
    generator.generate(1, grown)
    assert made.ingested == [
        {
            "x": 1.5,
            "size": 3,
            "_id": "id1",
            "loss": 1.5,
            "constraint_0": 0.5,
        }
    ]


def test_a_gest_generator_is_known_by_its_methods() -> None:
    Gest.made.clear()
    generation = OwnGenerator(spec("Gest", start=2.5)).generate(
        1, dataclasses.replace(snapshot(MIXED), n_trials=0)
    )
    assert generation.suggestions[0].parameters == {
        "x": 2.5,
        "size": 3,
        "kind": "only",
    }
