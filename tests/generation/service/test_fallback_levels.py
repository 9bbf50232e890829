"""A generator's process that fails, hangs or dies: less is asked of it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from hpcopt.core.errors import GenerationError
from hpcopt.generation.methods import GeneratorSpec
from hpcopt.generation.protocol import Generation, Rung, Snapshot, Suggestion
from hpcopt.generation.service.fallback_levels import Ladder
from tests.support.generation_world import SQUARE, snapshot

NOW = snapshot(SQUARE)


@dataclass
class Process:
    """Fails, hangs or works on each rung, as told."""

    hangs: set[Rung] = field(default_factory=set)
    fails: set[Rung] = field(default_factory=set)
    rungs: list[Rung] = field(default_factory=list)
    n_aborted: int = 0
    time: float = 0.0

    def request(self, n: int, snapshot: Snapshot, rung: Rung = Rung.FULL) -> None:
        self.rungs.append(rung)

    def collect(self, timeout_s: float) -> Generation | None:
        rung = self.rungs[-1]
        if rung in self.hangs:
            self.time += timeout_s
            return None
        if rung in self.fails:
            raise GenerationError("it died")
        suggestion = Suggestion({"x": 0.5}, "bo")
        return Generation((suggestion,), 1, 0.1, {"fallbacks": ["one"]}, rung)

    def abort(self) -> None:
        self.n_aborted += 1

    def close(self) -> None:
        pass


def ladder(process: Process, spec: GeneratorSpec | None = None) -> Ladder:
    return Ladder(process, spec or GeneratorSpec(), lambda: process.time)  # type: ignore[arg-type]


def answer(service: Ladder) -> Generation:
    service.request(1, NOW)
    while (generation := service.collect(30.0)) is None:
        assert service.is_busy
    assert not service.is_busy
    return generation


def test_what_works_is_passed_on_as_it_is() -> None:
    process = Process()
    generation = answer(ladder(process))
    assert generation.details["fallbacks"] == ["one"]
    assert process.rungs == [Rung.FULL]


def test_a_process_that_died_is_asked_for_less() -> None:
    process = Process(fails={Rung.FULL})
    generation = answer(ladder(process))
    assert generation.rung is Rung.UNFITTED
    assert generation.details["fallbacks"] == [
        "auto failed; a model with fixed hyperparameters used instead (it died)",
        "one",
    ]


def test_one_that_takes_too_long_is_ended_and_asked_for_less() -> None:
    process = Process(hangs={Rung.FULL, Rung.UNFITTED})
    service = ladder(process, GeneratorSpec(timeout_s=100.0))
    generation = answer(service)
    assert generation.rung is Rung.DESIGN
    assert process.n_aborted == 2
    assert process.time == 200.0


def test_more_suggestions_may_take_longer() -> None:
    process = Process(hangs={Rung.FULL})
    service = ladder(process, GeneratorSpec(timeout_s=100.0))
    service.request(11, NOW)
    while service.collect(1000.0) is None:
        pass
    assert process.time == 200.0


def test_where_nothing_works_the_last_reason_is_told() -> None:
    process = Process(fails=set(Rung))
    with pytest.raises(GenerationError, match="it died"):
        answer(ladder(process))


def test_after_a_failure_the_next_requests_begin_where_it_worked() -> None:
    process = Process(fails={Rung.FULL})
    service = ladder(process)
    answers = [answer(service) for _ in range(12)]
    assert [a.rung for a in answers] == [Rung.UNFITTED] * 12
    assert process.rungs.count(Rung.FULL) == 2
    assert answers[5].details["fallbacks"] == [
        "auto failed lately; a model with fixed hyperparameters used instead",
        "one",
    ]


def test_an_own_generator_that_keeps_failing_stops_the_experiment() -> None:
    process = Process(fails={Rung.FULL})
    service = ladder(process, GeneratorSpec(generator="mine:Own"))
    for _ in range(2):
        assert answer(service).rung is Rung.DESIGN
    with pytest.raises(GenerationError, match="mine:Own failed 3 times in a row"):
        answer(service)


def test_an_own_generator_may_fail_now_and_then() -> None:
    process = Process()
    service = ladder(process, GeneratorSpec(generator="mine:Own"))
    for k in range(9):
        process.fails = {Rung.FULL} if k % 3 else set()
        assert answer(service).rung is (Rung.DESIGN if k % 3 else Rung.FULL)
