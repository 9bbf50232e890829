"""hpcopt's generator as a driver has it: in a process of its own, with its threads."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hpcopt.generation.protocol import Generation
from hpcopt.generation.service.process_service import ProcessService
from hpcopt.generation.snapshot import Snapshot
from hpcopt.generation.spec import GeneratorSpec

#: Longer than any suggestion that is measured.
_TIMEOUT_S = 3600.0


class Suggestions:
    """Asks the process, and waits for its answers."""

    def __init__(self, service: ProcessService) -> None:
        self._service = service

    def generate(self, n: int, snapshot: Snapshot) -> Generation:
        """Return ``n`` suggestions.

        Raises:
            TimeoutError: There are none after an hour.
        """
        self._service.request(n, snapshot)
        generation = self._service.collect(_TIMEOUT_S)
        if generation is None:
            raise TimeoutError(f"no suggestion after {_TIMEOUT_S:g} s")
        return generation


@contextmanager
def suggestions(spec: GeneratorSpec | None = None) -> Iterator[Suggestions]:
    """Yield what asks a generator, and end its process."""
    with tempfile.TemporaryDirectory() as folder:
        service = ProcessService(Path(folder) / "generator.log", spec)
        try:
            yield Suggestions(service)
        finally:
            service.close()
