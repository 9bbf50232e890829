"""Snapshots, and steps, that the tests of named models and acquisitions share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from hpcopt.core.space.search_space import ChoiceParameter, RangeParameter, SearchSpace
from hpcopt.core.trials.trial import Observation
from hpcopt.core.types import JSONValue, TParameterization
from hpcopt.generation.catalogue import ACQUISITIONS, acquisition_of
from hpcopt.generation.design.initial import UsedPoints
from hpcopt.generation.named.proposer import NamedProposer
from hpcopt.generation.optim import optimize
from hpcopt.generation.snapshot import ObservedTrial, Snapshot
from tests.support.generation_world import snapshot, sobol_points

SQUARE = SearchSpace((RangeParameter("x", 0.0, 1.0), RangeParameter("y", -5.0, 5.0)))
MIXED = SearchSpace(
    (
        RangeParameter("x", 0.0, 1.0),
        RangeParameter("y", 0.0, 1.0),
        RangeParameter("n", 1, 5, "int"),
        ChoiceParameter("kind", ("a", "b", "c")),
    ),
    ("x + y <= 1.2",),
)

#: The kinds of experiment: goals, outcome constraints, and the space.
KINDS: Mapping[str, tuple[str, list[str], SearchSpace]] = {
    "plain": ("-loss", [], SQUARE),
    "constrained": ("-loss", ["c >= 0.6"], SQUARE),
    "mixed": ("-loss", [], MIXED),
    "targets": ("-(loss - 0.1)**2 - c", [], SQUARE),
    "two": ("-loss, -b", [], SQUARE),
    "two_constrained": ("-loss, -b", ["c >= 0.6"], SQUARE),
}


@dataclass(frozen=True)
class Step:
    """What is asked for by name."""

    model: str = "auto"
    acquisition: str = "auto"
    model_options: Mapping[str, JSONValue] = field(default_factory=dict)
    acquisition_options: Mapping[str, JSONValue] = field(default_factory=dict)


def quick(model: str = "auto", acquisition: str = "auto") -> Step:
    """Return a step of few samples."""
    small: Mapping[str, JSONValue] = {
        "mc_samples": 16,
        "num_fantasies": 4,
        "num_points": 32,
        "num_mv_samples": 3,
    }
    known = ACQUISITIONS[acquisition_of(acquisition)].options
    options = {name: value for name, value in small.items() if name in known}
    return Step(model, acquisition, {}, options)


def outcomes_of(point: TParameterization) -> dict[str, Observation]:
    """Return the metrics: ``loss`` is least at x = 0.3 and y in the middle, c is x."""
    x, y = float(point["x"]), float(point["y"])
    loss = (x - 0.3) ** 2 + (0.1 * y - 0.05) ** 2
    loss += 0.1 * abs(int(point.get("n", 3)) - 3)
    loss += {"a": 0.5, "b": 0.0, "c": 0.3}[str(point.get("kind", "b"))]
    return {
        "loss": Observation(loss),
        "b": Observation((x - 0.7) ** 2),
        "c": Observation(x),
    }


def named_snapshot(kind: str, n: int = 8, n_pending: int = 2) -> Snapshot:
    """Return ``n`` results, pending points, and two failures."""
    objective, constraints, space = KINDS[kind]
    points = sobol_points(space, n + n_pending + 2)
    trials = tuple(
        ObservedTrial(index, point, outcomes_of(point))
        for index, point in enumerate(points[:n])
    )
    return snapshot(
        space,
        trials,
        pending=points[n : n + n_pending],
        failed=points[n + n_pending :],
        objective=objective,
        constraints=constraints,
    )


def propose(
    now: Snapshot, step: Step, folder: Path | None = None, device: str = "cpu"
) -> tuple[TParameterization, NamedProposer]:
    """Return the next parameterization, and what proposed it."""
    proposer = NamedProposer(
        now,
        is_fitted=True,
        step=step,
        folder=None if folder is None else str(folder),
        device=device,
    )
    found = proposer.propose(now.n_trials, [], UsedPoints(now.space, now.known))
    assert found is not None
    return found, proposer


def bits(point: TParameterization) -> str:
    """Return all digits of a point."""
    return str({k: v.hex() if isinstance(v, float) else v for k, v in point.items()})


def said(proposer: NamedProposer) -> str:
    """Return all that a proposer has to say."""
    sentences = proposer.details["said"]
    assert isinstance(sentences, list)
    return "\n".join(map(str, sentences))


def search_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the search have few points and iterations."""
    monkeypatch.setattr(optimize, "_N_GLOBAL", 64)
    monkeypatch.setattr(optimize, "_N_LOCAL", 16)
    monkeypatch.setattr(optimize, "_MAX_ITERATIONS", 2)
