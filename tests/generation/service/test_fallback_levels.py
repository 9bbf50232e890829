"""A generator's process that fails, hangs or dies: less is asked of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from hpcopt.core.errors import GenerationError
from hpcopt.generation.protocol import FallbackLevel, Generation, Suggestion
from hpcopt.generation.service.fallback_levels import FallbackService
from hpcopt.generation.snapshot import Snapshot
from hpcopt.generation.spec import GeneratorSpec
from hpcopt.generation.steps import checked_steps
from tests.support.generation_world import SQUARE, snapshot

NOW = snapshot(SQUARE)


@dataclass
class Process:
    """Fails, hangs or works on each level, as told."""

    hangs: set[FallbackLevel] = field(default_factory=set)
    fails: set[FallbackLevel] = field(default_factory=set)
    levels: list[FallbackLevel] = field(default_factory=list)
    n_aborted: int = 0
    time: float = 0.0

    def request(
        self, n: int, snapshot: Snapshot, level: FallbackLevel = FallbackLevel.FULL
    ) -> None:
        self.levels.append(level)

    def collect(self, timeout_s: float) -> Generation | None:
        level = self.levels[-1]
        if level in self.hangs:
            self.time += timeout_s
            return None
        if level in self.fails:
            raise GenerationError("it died")
        suggestion = Suggestion({"x": 0.5}, "bo")
        return Generation((suggestion,), 1, 0.1, {"fallbacks": ["one"]}, level)

    def abort(self) -> None:
        self.n_aborted += 1

    def close(self) -> None:
        pass


def watched(process: Process, spec: GeneratorSpec | None = None) -> FallbackService:
    return FallbackService(process, spec or GeneratorSpec(), lambda: process.time)  # type: ignore[arg-type]


def answer(service: FallbackService) -> Generation:
    service.request(1, NOW)
    while (generation := service.collect(30.0)) is None:
        assert service.is_busy
    assert not service.is_busy
    return generation


def test_what_works_is_passed_on_as_it_is() -> None:
    process = Process()
    generation = answer(watched(process))
    assert generation.details["fallbacks"] == ["one"]
    assert process.levels == [FallbackLevel.FULL]


def test_a_process_that_died_is_asked_for_less() -> None:
    process = Process(fails={FallbackLevel.FULL})
    generation = answer(watched(process))
    assert generation.level is FallbackLevel.UNFITTED
    assert generation.details["fallbacks"] == [
        "auto failed; a model with fixed hyperparameters used instead (it died)",
        "one",
    ]


def test_one_that_takes_too_long_is_ended_and_asked_for_less() -> None:
    process = Process(hangs={FallbackLevel.FULL, FallbackLevel.UNFITTED})
    service = watched(process, GeneratorSpec(timeout_s=100.0))
    generation = answer(service)
    assert generation.level is FallbackLevel.DESIGN
    assert process.n_aborted == 2
    assert process.time == 200.0


def test_more_suggestions_may_take_longer() -> None:
    process = Process(hangs={FallbackLevel.FULL})
    service = watched(process, GeneratorSpec(timeout_s=100.0))
    service.request(11, NOW)
    while service.collect(1000.0) is None:
        pass
    assert process.time == 200.0


def test_where_nothing_works_the_last_reason_is_told() -> None:
    process = Process(fails=set(FallbackLevel))
    with pytest.raises(GenerationError, match="it died"):
        answer(watched(process))


def test_after_a_failure_the_next_requests_begin_where_it_worked() -> None:
    process = Process(fails={FallbackLevel.FULL})
    service = watched(process)
    answers = [answer(service) for _ in range(12)]
    assert [a.level for a in answers] == [FallbackLevel.UNFITTED] * 12
    assert process.levels.count(FallbackLevel.FULL) == 2
    assert answers[5].details["fallbacks"] == [
        "auto failed lately; a model with fixed hyperparameters used instead",
        "one",
    ]


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        (GeneratorSpec(generator="mine:Own"), "generator mine:Own"),
        (GeneratorSpec(model="mine:kernel"), "auto with mine:kernel"),
        (
            GeneratorSpec(
                steps=checked_steps(
                    [{"until": {"trials": 3}}, {"model": "mine:kernel"}]
                )
            ),
            "the generator",
        ),
    ],
)
def test_what_is_the_users_own_and_keeps_failing_stops_the_experiment(
    spec: GeneratorSpec, what: str
) -> None:
    process = Process(fails={FallbackLevel.FULL})
    service = watched(process, spec)
    for _ in range(2):
        assert answer(service).level is FallbackLevel.DESIGN
    with pytest.raises(GenerationError, match=f"^{what} failed 3 times in a row"):
        answer(service)


def test_an_own_generator_may_fail_now_and_then() -> None:
    process = Process()
    service = watched(process, GeneratorSpec(generator="mine:Own"))
    for k in range(9):
        process.fails = {FallbackLevel.FULL} if k % 3 else set()
        assert answer(service).level is (
            FallbackLevel.DESIGN if k % 3 else FallbackLevel.FULL
        )
