"""How many modules one suggestion passes through."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

import hpcopt
from hpcopt.generation.service.server import serve, write_request
from hpcopt.generation.spec import GeneratorSpec
from tests.support.generation_world import (
    SQUARE,
    bowl,
    observed,
    snapshot,
    sobol_points,
)

#: Those that compute a suggestion by a model of one objective, in the generator's
#: process: docs/architecture.md says what each does.
ON_THE_PATH = {
    "service.server",
    "strategy",
    "design.initial",
    "proposers.single_objective",
    "proposers.schedule",
    "models.outcome_models",
    "models.surrogate",
    "models.outcome_transforms",
    "models.map_fit",
    "models.gaussian_process",
    "acquisition.log_ei",
    "optim.optimize",
}

#: The data that they hand on, and what is taken out of them first.
DATA = {
    "snapshot",
    "protocol",
    "steps",
    "choice",
    "proposer",
    "models.training_data",
    "models.priors",
    "penalties",
}

ROOM = Path(hpcopt.__file__).parent / "generation"


class _Watched(io.BytesIO):
    """Notes which modules of the room work between the request and the answer."""

    def __init__(self, request: bytes) -> None:
        super().__init__()
        self._request = request
        self.modules: set[str] = set()

    def __iter__(self) -> Iterator[bytes]:
        yield self._request  # the first one makes the generator
        sys.setprofile(self._note)
        yield self._request

    def write(self, answer: object) -> int:
        sys.setprofile(None)
        return super().write(answer)  # type: ignore[arg-type]

    def _note(self, frame: FrameType, event: str, argument: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(ROOM):
            module = path.relative_to(ROOM).with_suffix("")
            self.modules.add(".".join(module.parts))


@pytest.mark.parametrize("n", [12, 20], ids=["as usual", "in a stagnation"])
def test_a_suggestion_passes_through_twelve_modules(n: int) -> None:
    points = sorted(sobol_points(SQUARE, n + 2), key=bowl)
    now = snapshot(SQUARE, observed(points[:n], bowl), points[n:])
    requests = _Watched(write_request(2, now))
    serve(GeneratorSpec(), requests, requests)
    answer = json.loads(requests.getvalue().splitlines()[-1])
    assert [s["method"] for s in answer["generation"]["suggestions"]] == ["bo", "bo"]
    assert requests.modules - DATA == ON_THE_PATH
    assert len(ON_THE_PATH) == 12
