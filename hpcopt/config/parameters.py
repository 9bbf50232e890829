"""The keys of a config that describe its search space."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from hpcopt.config.policies import Number, Spec
from hpcopt.core.space.search_space import (
    ChoiceParameter,
    Condition,
    DerivedParameter,
    RangeParameter,
)
from hpcopt.core.space.specs import derived_parameter

Scalar = StrictBool | StrictInt | StrictFloat | StrictStr


class _Named(Spec):
    """What all parameters have."""

    name: StrictStr
    """The parameter's name, as templates use it: ``{{ x1 }}``."""
    when: dict[StrictStr, Scalar | tuple[Scalar, ...]] = Field(default_factory=dict)
    """Where the parameter is active, such as ``{kind: [a, b]}``: only where those other
    parameters have one of these values. By default, everywhere."""

    def conditions(self) -> Iterator[Condition]:
        """Yield where the parameter is active, if not everywhere."""
        for parent, values in self.when.items():
            several = values if isinstance(values, tuple) else (values,)
            yield Condition(self.name, parent, several)


class RangeSpec(_Named):
    """A parameter between two bounds."""

    type: Literal["range"]
    bounds: tuple[Number, Number]
    """The smallest and the largest value."""
    parameter_type: Literal["float", "int"] = "float"
    """Real numbers, or whole ones."""
    scaling: Literal["linear", "log"] | None = None
    """``log`` searches on a logarithmic scale, and needs bounds above 0; ``linear``
    unless it is given."""
    step_size: Number | None = None
    """The values are the lower bound plus multiples of this."""
    default: Number | None = None
    """The value that earlier trials are taken to have had, where the parameter is added
    to an experiment that has begun."""

    def parameter(self) -> RangeParameter:
        """Return the parameter."""
        return RangeParameter(
            name=self.name,
            lower=self.bounds[0],
            upper=self.bounds[1],
            parameter_type=self.parameter_type,
            log=self.scaling == "log",
            step=self.step_size,
            default=self.default,
        )


class ChoiceSpec(_Named):
    """A parameter that takes one of several values."""

    type: Literal["choice"]
    values: tuple[Scalar, ...]
    """The values: numbers, text, or true and false."""
    is_ordered: StrictBool = False
    """Whether their order means something, as of ``[coarse, medium, fine]``."""
    default: Scalar | None = None
    """As for a range."""

    def parameter(self) -> ChoiceParameter:
        """Return the parameter."""
        return ChoiceParameter(self.name, self.values, self.is_ordered, self.default)


class FixedSpec(_Named):
    """A parameter of one value."""

    type: Literal["fixed"]
    value: Scalar
    """The value."""

    def parameter(self) -> ChoiceParameter:
        """Return the parameter."""
        return ChoiceParameter(self.name, (self.value,))


class DerivedSpec(_Named):
    """A parameter that follows from others."""

    type: Literal["derived"]
    expression: StrictStr
    """How it follows from others, such as ``2*x1 + mesh``: ``+ - * / **``, ``abs``,
    ``exp``, ``log``, ``sqrt``, ``min`` and ``max``."""
    parameter_type: Literal["float", "int", "str", "bool"] = "float"
    """The type of the value."""

    def parameter(self) -> DerivedParameter:
        """Return the parameter."""
        return derived_parameter(self.name, self.expression, self.parameter_type)


ParameterSpec = Annotated[
    RangeSpec | ChoiceSpec | FixedSpec | DerivedSpec, Field(discriminator="type")
]
