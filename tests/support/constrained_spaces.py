"""Spaces with constraints on parameters, of which some are hard to sample."""

from __future__ import annotations

from typing import Any

from hpcopt.core.space.search_space import SearchSpace


def unit(*names: str, **changes: Any) -> list[dict[str, Any]]:
    """Return parameters from 0 to 1, as a journal has them, with ``changes``."""
    spec = {"type": "range", "bounds": [0.0, 1.0], "parameter_type": "float"}
    return [{"name": name, **spec, **changes} for name in names]


DISC = SearchSpace.from_json(unit("x", "y"), ["(x - 0.3)**2 + (y - 0.7)**2 <= 0.01"])
HALF = SearchSpace.from_json(unit("x", "y"), ["x + y <= 1"])
MIXTURE = SearchSpace.from_json(unit(*"abcdefghij"), ["+".join("abcdefghij") + " == 1"])
SLICE = SearchSpace.from_json(unit("x", "y", "z"), ["0.999 <= x + y + z <= 1"])
GRID = SearchSpace.from_json(
    [*unit("n", "m", bounds=[0, 9], parameter_type="int"), *unit("x", step_size=0.1)],
    ["n + m <= 3", "n*m*x >= 0.05"],
)
MIXED = SearchSpace.from_json(
    [
        *unit("n", bounds=[1, 64], parameter_type="int"),
        *unit("r", bounds=[1e-4, 1.0], scaling="log"),
        {"name": "k", "type": "choice", "values": ["a", "b", "c"], "is_ordered": False},
        *unit("m", when={"k": ["a", "b"]}),
        *unit("x"),
        {"name": "s", "type": "derived", "expression": "n*x"},
    ],
    ["n*r <= 4", "x + r >= 0.3", "s <= 40", "m <= x"],
)
SPACES = [DISC, HALF, MIXTURE, SLICE, GRID, MIXED]
NAMES = ["disc", "half", "mixture", "slice", "grid", "mixed"]
