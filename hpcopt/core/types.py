"""The types of values that cross every boundary, named as in ``ax.api.types``."""

from __future__ import annotations

from collections.abc import Mapping

#: One parameter's value, in the user's units.
TParameterValue = int | float | str | bool

#: Parameter name to value.
TParameterization = Mapping[str, TParameterValue]

#: Metric name to a mean, or to a mean and its standard error.
TOutcome = Mapping[str, float | tuple[float, float]]

#: What JSON can hold: the only thing a journal or a runner's metadata may contain.
JSONValue = (
    None
    | bool
    | int
    | float
    | str
    | list["JSONValue"]
    | tuple["JSONValue", ...]
    | Mapping[str, "JSONValue"]
)
