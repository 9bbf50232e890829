"""What is done when the generator fails, hangs or dies: less, and it is said so.

::

    full  ->  unfitted (a model with fixed hyperparameters)  ->  design (Sobol points)

Each step down is one sentence among the generation's ``fallbacks``, which the journal
keeps and ``hpcopt status`` shows.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hpcopt.core.errors import GenerationError
from hpcopt.generation.methods import METHODS
from hpcopt.generation.protocol import FallbackLevel, Generation
from hpcopt.generation.service.process_service import ProcessService
from hpcopt.generation.snapshot import Snapshot
from hpcopt.generation.spec import GeneratorSpec

logger = logging.getLogger(__name__)

#: What is asked for in turn: of a method with a model, and of any other generator.
_LEVELS_OF_MODELS = (
    FallbackLevel.FULL,
    FallbackLevel.UNFITTED,
    FallbackLevel.DESIGN,
)
_OTHER_LEVELS = (FallbackLevel.FULL, FallbackLevel.DESIGN)

_INSTEAD = {
    FallbackLevel.UNFITTED: "a model with fixed hyperparameters",
    FallbackLevel.DESIGN: "Sobol points",
}

#: After a failure so many requests begin on the level that worked: each failure may
#: have cost the whole time limit.
_N_CAUTIOUS = 10

#: A user's own generator that fails so often in a row is not what the user wants.
_MAX_OWN_FAILURES = 3


class FallbackService:
    """A ``GeneratorService`` that asks its process for less when that fails.

    It answers in the end, unless not even the last level works.
    """

    is_concurrent = True

    def __init__(
        self,
        service: ProcessService,
        spec: GeneratorSpec,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service = service
        self._spec = spec
        self._clock = clock
        self._is_own = bool(spec.own_names)
        self._name = "the generator" if spec.steps else spec.name
        has_model = not self._is_own and any(
            METHODS[step.method].proposer for step in spec.all_steps
        )
        self._levels = _LEVELS_OF_MODELS if has_model else _OTHER_LEVELS
        self._request: tuple[int, Snapshot] | None = None
        self._level = 0
        self._first_level = 0
        self._n_cautious = 0
        self._n_failures = 0
        self._deadline = 0.0
        self._fallbacks: list[str] = []

    @property
    def is_busy(self) -> bool:
        """Whether an answer is due."""
        return self._request is not None

    def request(self, n: int, snapshot: Snapshot) -> None:
        """Ask for ``n`` parameterizations. Not allowed while busy."""
        self._fallbacks = []
        if self._n_cautious == 0:
            self._first_level = 0
        elif self._first_level:
            self._n_cautious -= 1
            self._fallbacks.append(
                f"{self._name} failed lately; "
                f"{_INSTEAD[self._levels[self._first_level]]} used instead"
            )
        self._level = self._first_level
        self._send(n, snapshot)
        self._request = n, snapshot

    def collect(self, timeout_s: float) -> Generation | None:
        """Return the answer if it comes in time; else ``None``.

        Raises:
            GenerationError: Nothing works, or a user's own generator keeps failing.
            ConfigError: A user's own generator cannot be found or made.
        """
        if self._request is None:
            return None
        n, _ = self._request
        left_s = max(0.0, self._deadline - self._clock())
        try:
            generation = self._service.collect(min(timeout_s, left_s))
        except GenerationError as exc:
            self._step_down(exc)
            return None
        except BaseException:
            self._request = None
            raise
        if generation is None:
            if self._clock() >= self._deadline:
                self._service.abort()
                limit_s = self._spec.limit_s(n)
                self._step_down(
                    GenerationError(f"no answer within the limit of {limit_s:g} s")
                )
            return None
        self._request = None
        if self._level == 0:
            self._n_failures = 0
        return self._with_fallbacks(generation)

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._request = None
        self._service.close()

    def _send(self, n: int, snapshot: Snapshot) -> None:
        self._deadline = self._clock() + self._spec.limit_s(n)
        self._service.request(n, snapshot, self._levels[self._level])

    def _step_down(self, exc: GenerationError) -> None:
        """Ask again for less.

        Raises:
            GenerationError: There is no less, or it has failed too often.
        """
        if self._request is None:
            raise exc
        request, self._request = self._request, None
        self._n_failures += 1
        if self._is_own and self._n_failures >= _MAX_OWN_FAILURES:
            is_generator = self._spec.generator is not None
            name = f"generator {self._name}" if is_generator else self._name
            raise GenerationError(
                f"{name} failed {self._n_failures} times in a row, the last time so: "
                f"{exc}"
            ) from exc
        if self._level + 1 == len(self._levels):
            raise exc
        self._level += 1
        sentence = (
            f"{self._name} failed; {_INSTEAD[self._levels[self._level]]} used "
            f"instead ({exc})"
        )
        logger.warning("%s", sentence)
        self._fallbacks.append(sentence)
        if not self._is_own:
            self._first_level, self._n_cautious = self._level, _N_CAUTIOUS
        self._send(*request)
        self._request = request

    def _with_fallbacks(self, generation: Generation) -> Generation:
        """Return the generation with what was done here among its fallbacks."""
        if not self._fallbacks:
            return generation
        details = dict(generation.details)
        others: Any = details.get("fallbacks", [])
        details["fallbacks"] = [*self._fallbacks, *others]
        return dataclasses.replace(generation, details=details)


def start_generator(log: Path, spec: GeneratorSpec) -> FallbackService:
    """Start a generator's process; what it says on stderr is appended to ``log``."""
    return FallbackService(ProcessService(log, spec), spec)
