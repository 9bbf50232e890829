"""A user's own generator: found, asked, and its points checked. Loads no torch."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from hpcopt.core.errors import ConfigError, GenerationError, UsageError
from hpcopt.core.trials.trial import python_value
from hpcopt.core.types import TParameterization, TParameterValue
from hpcopt.generation.custom.find import find
from hpcopt.generation.custom.gest import GestGenerator, is_gest
from hpcopt.generation.design.initial import InitialDesign, UsedPoints
from hpcopt.generation.protocol import FallbackLevel, Generation, Suggestion
from hpcopt.generation.snapshot import Snapshot
from hpcopt.generation.spec import GeneratorSpec
from hpcopt.generation.strategy import BayesianGenerator
from hpcopt.host.threads import limited_threads

#: The method of suggestions that come from a user's own generator.
OWN = "own"


@runtime_checkable
class IGenerator(Protocol):
    """A generator of your own; it is made with the config's options.

    One is made for each process and asked for all that follows. Better that it keeps
    nothing: the process may be replaced at any time.
    """

    def generate(
        self, n: int, experiment: Snapshot
    ) -> Sequence[Mapping[str, TParameterValue]]:
        """Return ``n`` parameterizations to run next, or fewer if there are no more.

        Args:
            n: How many; at least 1.
            experiment: The search space, the goals, the completed, failed and pending
                trials, and the seed.
        """


class OwnGenerator:
    """Asks a user's own generator, and puts Sobol points where its own are no good."""

    def __init__(self, spec: GeneratorSpec) -> None:
        """Find the class and make a generator.

        Raises:
            ConfigError: There is no such class, or it cannot be made.
        """
        self._name = spec.name
        self._threads = spec.threads
        self._generator = _make(spec)
        self._design = BayesianGenerator(method="sobol")

    def generate(
        self, n: int, snapshot: Snapshot, level: FallbackLevel = FallbackLevel.FULL
    ) -> Generation:
        """Return ``n`` parameterizations, or fewer if the generator returns fewer.

        Raises:
            GenerationError: The user's generator raised, or returned no list.
        """
        if level is FallbackLevel.DESIGN:
            return self._design.generate(n, snapshot, level)
        started = time.perf_counter()
        with limited_threads(self._threads):
            points = self._ask(n, snapshot)
        used = UsedPoints(snapshot.space, snapshot.known)
        design = InitialDesign(snapshot.space, snapshot.seed)
        suggestions: list[Suggestion] = []
        fallbacks: list[str] = []
        for index, point in enumerate(points[:n], snapshot.n_trials):
            suggestion: Suggestion | None
            try:
                suggestion = Suggestion(_checked(point, snapshot, used), OWN)
            except UsageError as exc:
                suggestion = design.suggestion(index, used)
                fallbacks.append(
                    f"trial {index}: {self._name} proposed {_short(point)}; a Sobol "
                    f"point is used instead ({exc})"
                )
            if suggestion is None:  # the space is used up
                break
            suggestions.append(suggestion)
            used.add(suggestion.parameters)
        generation = Generation(
            suggestions=tuple(suggestions),
            position=snapshot.position,
            seconds=time.perf_counter() - started,
            details={"fallbacks": list(fallbacks)},
        )
        if points:
            return generation
        return replace(generation, why_none=f"{self._name} has no more points")

    def warm_up(self) -> None:
        """Load nothing: the user's module is loaded already."""

    def _ask(self, n: int, snapshot: Snapshot) -> list[object]:
        try:
            points: object = self._generator.generate(n, snapshot)
        except Exception as exc:  # whatever a user's program may raise
            raise GenerationError(
                f"{self._name} raised {type(exc).__name__}: {exc}"
            ) from exc
        if isinstance(points, (str, Mapping)) or not isinstance(points, Iterable):
            raise GenerationError(
                f"{self._name}: expected a list of parameterizations, "
                f"found {_short(points)}"
            )
        return list(points)


def _make(spec: GeneratorSpec) -> IGenerator:
    found = find("generator", spec.name, spec.folder)
    if is_gest(found):
        return GestGenerator(found, spec.options)
    try:
        generator = found(**spec.options)
    except Exception as exc:  # whatever a user's class may raise
        raise ConfigError(
            f"generator {spec.name} with options {dict(spec.options)}: "
            f"{type(exc).__name__}: {exc}"
        ) from exc
    if not isinstance(generator, IGenerator):
        raise ConfigError(
            f"generator {spec.name}: expected a class with a method generate, or with "
            "suggest and ingest, found neither"
        )
    return generator


def _checked(point: object, snapshot: Snapshot, used: UsedPoints) -> TParameterization:
    """Return a parameterization of plain values, with its fixed and derived ones.

    Raises:
        UsageError: It lies outside the space, or is used already.
    """
    if not isinstance(point, Mapping):
        raise UsageError(f"expected a mapping from names to values, found {point!r}")
    try:
        values = {str(name): python_value(value) for name, value in point.items()}
    except TypeError as exc:
        raise UsageError(str(exc)) from exc
    completed = snapshot.space.completed(values)
    if completed in used:
        raise UsageError("it was proposed before")
    return completed


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
