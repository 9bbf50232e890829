"""Figures of plotly's, made light enough for a page."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

from hpcopt.reporting.digits import MOST, digits_of, rounded

#: Of the points of a trace at most so many are drawn.
MOST_POINTS = 2000

#: Lists of a trace that are not about its points.
_NOT_OF_POINTS = frozenset({"colorscale", "range", "tickvals", "ticktext", "domain"})

#: So many digits can be seen, of numbers that differ by as much as they are large.
_DIGITS = 6


class Figures:
    """The figures of a page, each by its number; what they share is there once."""

    def __init__(self) -> None:
        self._figures: list[dict[str, Any]] = []
        self._templates: dict[str, int] = {}

    def add(self, blob: str) -> tuple[int, int | None]:
        """Take a figure.

        Args:
            blob: The figure, as JSON.

        Returns:
            Its number, and how many points its largest trace had where only some of
            them are drawn.
        """
        figure = json.loads(blob)
        layout = figure.get("layout", {})
        template = json.dumps(layout.pop("template", {}))
        number = self._templates.setdefault(template, len(self._templates))
        sizes = [_thin(trace) for trace in figure.get("data", ())]
        thinned = max((size for size in sizes if size), default=None)
        self._figures.append(
            {
                "data": [_rounded(trace) for trace in figure.get("data", ())],
                "layout": layout,
                "template": number,
            }
        )
        return len(self._figures) - 1, thinned

    def to_json(self) -> dict[str, Any]:
        """Return all figures and the templates that they name by number."""
        return {
            "figures": self._figures,
            "templates": [json.loads(text) for text in self._templates],
        }


def _thin(trace: dict[str, Any]) -> int | None:
    """Leave so many points of a trace, evenly; return how many there were if more."""
    unpacked = _unpack(trace)
    trace.clear()
    trace.update(unpacked)
    if trace.get("type") in ("contour", "heatmap"):
        return None
    dimensions = trace.get("dimensions")
    of_points = dimensions[0].get("values") if dimensions else trace.get("x")
    if not isinstance(of_points, list) or len(of_points) <= MOST_POINTS:
        return None
    if any(map(_is_gap, of_points)):  # pieces of lines, which would be joined otherwise
        return None
    n = len(of_points)
    kept = np.unique(np.linspace(0, n - 1, MOST_POINTS).round().astype(int)).tolist()
    _keep(trace, n, kept)
    return n


def _is_gap(value: object) -> bool:
    """Return whether it parts two lines; in a packed array it is NaN."""
    return value is None or value != value


def _keep(value: dict[str, Any], n: int, kept: list[int]) -> None:
    for key, one in value.items():
        if isinstance(one, dict):
            _keep(one, n, kept)
        elif key == "dimensions" and isinstance(one, list):
            for dimension in one:
                _keep(dimension, n, kept)
        elif isinstance(one, list) and len(one) == n and key not in _NOT_OF_POINTS:
            value[key] = [one[k] for k in kept]


def _unpack(value: Any) -> Any:
    """Return a figure's JSON with lists in place of the arrays that plotly packs."""
    if isinstance(value, list):
        return [_unpack(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value.keys() >= {"dtype", "bdata"}:
        array = np.frombuffer(base64.b64decode(value["bdata"]), dtype=value["dtype"])
        if "shape" in value:
            array = array.reshape([int(n) for n in str(value["shape"]).split(",")])
        return array.tolist()
    return {key: _unpack(one) for key, one in value.items()}


def _rounded(value: Any) -> Any:
    """Return lists of numbers as they are seen; what JSON has not is left out."""
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        digits = digits_of(value, _DIGITS)
        return [
            rounded(one, digits) if isinstance(one, float) else _rounded(one)
            for one in value
        ]
    return rounded(value, MOST) if isinstance(value, float) else value
